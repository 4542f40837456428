"""The cycle of one window as plain functions of ports; it knows no Prefect."""

from __future__ import annotations

from calib.cycle.closing import advance
from calib.cycle.opening import open_window
from calib.cycle.operations import (
    PRODUCTION,
    backfill_channel,
    deliver,
    evaluate_open,
    latest_due,
    open_due,
    range_of,
    watch_over,
)
from calib.cycle.ports import Ports, Watch
from calib.cycle.summary import summary

__all__ = [
    "PRODUCTION",
    "Ports",
    "Watch",
    "advance",
    "backfill_channel",
    "deliver",
    "evaluate_open",
    "latest_due",
    "open_due",
    "open_window",
    "range_of",
    "summary",
    "watch_over",
]
