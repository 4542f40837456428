"""The cycle of one window as plain functions of ports; it knows no Prefect."""

from __future__ import annotations

from calib.cycle.closing import advance
from calib.cycle.fleet import Failure, Fleet, PartlyDone, each, record_failure, worth_retrying
from calib.cycle.opening import open_window
from calib.cycle.ports import Ports, Watch
from calib.cycle.retention import Retention, erase_texts
from calib.cycle.schedule import (
    PRODUCTION,
    backfill_channel,
    deliver,
    evaluate_open,
    latest_due,
    open_due,
    range_of,
)
from calib.cycle.summary import summary
from calib.cycle.watchdog import watch_over

__all__ = [
    "PRODUCTION",
    "Failure",
    "Fleet",
    "PartlyDone",
    "Ports",
    "Retention",
    "Watch",
    "advance",
    "backfill_channel",
    "deliver",
    "each",
    "erase_texts",
    "evaluate_open",
    "latest_due",
    "open_due",
    "open_window",
    "range_of",
    "record_failure",
    "summary",
    "watch_over",
    "worth_retrying",
]
