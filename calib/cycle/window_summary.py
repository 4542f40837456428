"""A window as `calib run --json` shows it, at any stage of its life."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from calib.cycle.data import WindowData
from calib.cycle.evaluation import in_progress, stored_result
from calib.cycle.load import load_window
from calib.cycle.order import waits_for
from calib.cycle.ports import Ports
from calib.db.windows import Window
from calib.outbox import queue as outbox
from calib.results import WindowResult
from calib.results.window import AlertState, WindowState
from calib.review import window_labels


def summary(window: Window, ports: Ports, loaded: WindowData | None = None) -> WindowResult:
    """The window's result, or what is known of it so far, with its alerts as they stand now.

    `loaded`: what was just read of a window that has no result yet.
    """
    if window.result is None:
        data = loaded or load_window(window, engine=ports.engine, store=ports.store)
        result = in_progress(data)
    else:
        result = replace(stored_result(window), state=cast("WindowState", window.state))
    with ports.engine.connect() as conn:
        alerts = outbox.of_window(conn, window.stream, window.period, revision=window.revision)
        conflicts = len(window_labels.conflicts(conn, window.id))
        earlier = waits_for(conn, window, now=ports.now()) if window.waits else ()
    states = tuple(AlertState(**alert) for alert in alerts)
    warned = next((alert.episode for alert in states if alert.episode is not None), None)
    return replace(
        result,
        standing=window.standing,
        waits_for=earlier,
        alerts=states,
        episode=result.episode or warned,
        label_conflicts=conflicts,
    )
