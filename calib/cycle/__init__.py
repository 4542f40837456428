"""The cycle of one window as plain functions of ports; it knows no Prefect.

Each name is imported when it is first used: who measures a file needs neither database nor engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from calib.lazy import importer

if TYPE_CHECKING:
    from calib.cycle.backfilling import Backfilled, backfill
    from calib.cycle.deployment_watch import Deployment, watch_deployment
    from calib.cycle.failures import record_failure, record_failures
    from calib.cycle.fleet import Failure, Fleet, PartlyDone, each, worth_retrying
    from calib.cycle.lifecycle import advance
    from calib.cycle.opening import open_window
    from calib.cycle.ports import Ports
    from calib.cycle.reopening import discard, reopen
    from calib.cycle.retention import Retention, erase_texts
    from calib.cycle.schedule import (
        backfill_channel,
        deliver,
        evaluate_open,
        from_first_row,
        latest_due,
        open_due,
        range_of,
    )
    from calib.cycle.stream import PRODUCTION, StreamPolicy
    from calib.cycle.watchdog import watch_over
    from calib.cycle.window_summary import summary

_HOMES = {
    "Backfilled": "backfilling",
    "Deployment": "deployment_watch",
    "Failure": "fleet",
    "Fleet": "fleet",
    "PRODUCTION": "stream",
    "PartlyDone": "fleet",
    "Ports": "ports",
    "Retention": "retention",
    "StreamPolicy": "stream",
    "advance": "lifecycle",
    "backfill": "backfilling",
    "backfill_channel": "schedule",
    "deliver": "schedule",
    "discard": "reopening",
    "each": "fleet",
    "erase_texts": "retention",
    "evaluate_open": "schedule",
    "from_first_row": "schedule",
    "latest_due": "schedule",
    "open_due": "schedule",
    "open_window": "opening",
    "range_of": "schedule",
    "record_failure": "failures",
    "record_failures": "failures",
    "reopen": "reopening",
    "summary": "window_summary",
    "watch_deployment": "deployment_watch",
    "watch_over": "watchdog",
    "worth_retrying": "fleet",
}

__all__ = [
    "PRODUCTION",
    "Backfilled",
    "Deployment",
    "Failure",
    "Fleet",
    "PartlyDone",
    "Ports",
    "Retention",
    "StreamPolicy",
    "advance",
    "backfill",
    "backfill_channel",
    "deliver",
    "discard",
    "each",
    "erase_texts",
    "evaluate_open",
    "from_first_row",
    "latest_due",
    "open_due",
    "open_window",
    "range_of",
    "record_failure",
    "record_failures",
    "reopen",
    "summary",
    "watch_deployment",
    "watch_over",
    "worth_retrying",
]

__getattr__ = importer(__name__, _HOMES)
