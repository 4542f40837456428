"""A row of a window as a task of Label Studio, with the marks by which it is found again. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from calib.db.windows import Window
from calib.json_object import Json
from calib.review.label_studio_project import TEXTS
from calib.text import readable

NAMESPACE = uuid.UUID("5b0f3f0b-52a5-5d6a-9d0c-7a1f6f5b8e21")
WINDOW, ITEM = "calibwatch_window", "calibwatch_item"  # the keys in a task's data
LONGEST = 32_000  # characters of a text: a browser shows more of them slowly


def mark_of(window: Window) -> str:
    """What distinguishes a window from every other, of other deployments too: when it was opened."""
    opened = window.opened_at.astimezone(UTC).isoformat()
    return str(uuid.uuid5(NAMESPACE, f"{window.stream}/{window.period}/{window.revision}/{opened}"))


def key_of(mark: str, prediction_id: str) -> str:
    """The key of a row's task in the window of this mark."""
    return str(uuid.uuid5(uuid.UUID(mark), prediction_id))


def task_of(
    mark: str, period: str, prediction_id: str, context: Mapping[str, Any], trace: str | None
) -> Json:
    """A row as a task: the first two context columns, and all others with the trace below them.

    >>> task = task_of("5b0f3f0b-52a5-5d6a-9d0c-7a1f6f5b8e21", "2026-10", "p1", {"question": "2 + 2?"}, None)
    >>> task["data"]["question_title"], task["data"]["question"]
    ('question', '2 + 2?')
    """
    shown = [(_text(name), _text(value)) for name, value in context.items()]
    first, rest = shown[: len(TEXTS) - 1], shown[len(TEXTS) - 1 :]
    if trace is not None:
        rest.append(("trace", _text(trace)))
    if not shown:
        first = [("prediction", _text(prediction_id))]
    more = "\n\n".join(f"{title}: {text}" for title, text in rest)
    slots = [*first, *[("", "")] * (len(TEXTS) - 1 - len(first)), ("more" if more else "", more)]
    data = {WINDOW: mark, ITEM: key_of(mark, prediction_id), "period": period}
    for name, (title, text) in zip(TEXTS, slots, strict=True):
        data |= {f"{name}_title": title, name: text}
    return {"data": data}


def _text(value: object) -> str:
    text = readable("" if value is None else str(value))
    return (
        text
        if len(text) <= LONGEST
        else f"{text[:LONGEST]}\n[cut after {LONGEST:,} of {len(text):,} characters]"
    )
