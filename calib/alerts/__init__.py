"""From findings to alerts, and from alerts to words.

The rules are in `window`, `watchdog`, `probe` and `failure`; the words are in `message`, and nowhere else.
"""

from __future__ import annotations

from calib.alerts.alert import OF_A_DAY, Alert
from calib.alerts.facts import WindowFacts
from calib.alerts.failure import stream_failed
from calib.alerts.message import Message, message
from calib.alerts.probe import probe_alerts
from calib.alerts.watchdog import cohort_late, mapping_stale, missing_periods, window_missed
from calib.alerts.window import (
    Previous,
    early_warning,
    rejected_share,
    underpowered,
    window_alerts,
)

__all__ = [
    "OF_A_DAY",
    "Alert",
    "Message",
    "Previous",
    "WindowFacts",
    "cohort_late",
    "early_warning",
    "mapping_stale",
    "message",
    "missing_periods",
    "probe_alerts",
    "rejected_share",
    "stream_failed",
    "underpowered",
    "window_alerts",
    "window_missed",
]
