"""Small mappings that differ from each other, and a channel filled with them in one call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from calib.format import Mapping, PiecewiseLinear
from calib.store import Entry, Intent, Store, publish
from calib.testing.clock import START

AT = START  # of a `ManualClock` that was not told otherwise


def a_mapping(i: int = 0, *, stream: str = "triage", **more: Any) -> Mapping:
    """Mapping number `i` of 0 to 99_999: what it makes of a raw 1.0 is 0.5 + i / 250_000."""
    curve = PiecewiseLinear(x=(0.0, 1.0), y=(0.1, 0.5 + i / 250_000))
    values = {"method": "isotonic", "created_at": f"2026-11-03T06:{i // 60 % 60:02d}:{i % 60:02d}Z"}
    return Mapping(stream=stream, default=curve, **values | more)


def put(store: Store, mapping: Mapping, **more: Any) -> Entry:
    """Publish it on `production`, for sixty days from `AT`, by the mapping's own intent.

    `more`: other values of the intent, and `channel` and `expected` as `publish` takes them.
    """
    where: dict[str, Any] = {"channel": "production"} | {
        name: more.pop(name) for name in ("channel", "expected") if name in more
    }
    values: dict[str, Any] = {"at": AT, "by": "calibwatch", "reason": "refit"}
    values |= {"publish_id": f"p-{mapping.digest[:12]}", "expires_at": AT + timedelta(days=60)}
    return publish(store, mapping, intent=Intent(**values | more), **where)
