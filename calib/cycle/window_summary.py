"""A window as `calib run --json` shows it, at any stage of its life."""

from __future__ import annotations

from typing import Any

from calib.cycle.early import early_watch
from calib.cycle.evaluation import skeleton
from calib.cycle.ports import Ports
from calib.db.windows import Window
from calib.outbox import queue as outbox
from calib.review import queue


def summary(window: Window, ports: Ports) -> dict[str, Any]:
    """The window's result, or what is known of it so far, with its alerts as they stand now."""
    early = early_watch(window, ports) if window.result is None else None
    with ports.engine.connect() as conn:
        if window.result is None:
            result = skeleton(window, queue.cohort(conn, window.id))
            result["early_watch"] = None if early is None else early.to_json()
        else:
            result = {key: value for key, value in window.result.items() if key != "proposal"}
            result["state"] = window.state
        result["alerts"] = outbox.of_window(conn, window.stream, window.period)
    return result
