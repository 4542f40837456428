"""The cycle of one window as plain functions of ports; it knows no Prefect.

Each name is imported when it is first used: who measures a file needs neither database nor engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from calib.cycle.closing import advance
    from calib.cycle.opening import open_window
    from calib.cycle.operations import (
        PRODUCTION,
        account,
        backfill_channel,
        deliver,
        evaluate_open,
        latest_due,
        open_due,
        range_of,
        watch_over,
    )
    from calib.cycle.ports import Ports, Watch

_HOMES = {
    "PRODUCTION": "operations",
    "Ports": "ports",
    "Watch": "ports",
    "account": "operations",
    "advance": "closing",
    "backfill_channel": "operations",
    "deliver": "operations",
    "evaluate_open": "operations",
    "latest_due": "operations",
    "open_due": "operations",
    "open_window": "opening",
    "range_of": "operations",
    "watch_over": "operations",
}

__all__ = [
    "PRODUCTION",
    "Ports",
    "Watch",
    "account",
    "advance",
    "backfill_channel",
    "deliver",
    "evaluate_open",
    "latest_due",
    "open_due",
    "open_window",
    "range_of",
    "watch_over",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
