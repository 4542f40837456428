"""From findings to alerts, and from alerts to words.

The rules are in `window`, `watchdog`, `probe`, `parked` and `failure`; the words are in `kinds`, an entry for
each kind, and `message` makes of them what Slack and a terminal show.
Each name is imported when it is first used: a relay with nothing to deliver needs neither rules nor words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from calib.alerts.alert import NOTE, OF_NO_WINDOW, OPENS, Alert
from calib.lazy import importer

if TYPE_CHECKING:
    from calib.alerts.cohort import Reviewers, cohort_closing, cohort_late, cohort_opened
    from calib.alerts.facts import WindowFacts
    from calib.alerts.failure import stream_failed
    from calib.alerts.probe import probe_alerts
    from calib.alerts.watchdog import (
        DEPLOYMENT,
        alerts_parked,
        job_missed,
        mapping_stale,
        missing_periods,
        probe_missed,
        store_unsafe,
        window_missed,
    )
    from calib.alerts.window import (
        Previous,
        early_warning,
        labels_not_found,
        rejected_share,
        underpowered,
        window_alerts,
    )

_HOMES = {
    "DEPLOYMENT": "watchdog",
    "alerts_parked": "watchdog",
    "job_missed": "watchdog",
    "probe_missed": "watchdog",
    "store_unsafe": "watchdog",
    "Previous": "window",
    "Reviewers": "cohort",
    "WindowFacts": "facts",
    "cohort_closing": "cohort",
    "cohort_late": "cohort",
    "cohort_opened": "cohort",
    "early_warning": "window",
    "labels_not_found": "window",
    "mapping_stale": "watchdog",
    "missing_periods": "watchdog",
    "probe_alerts": "probe",
    "rejected_share": "window",
    "stream_failed": "failure",
    "underpowered": "window",
    "window_alerts": "window",
    "window_missed": "watchdog",
}

__all__ = [
    "DEPLOYMENT",
    "NOTE",
    "OF_NO_WINDOW",
    "OPENS",
    "Alert",
    "Previous",
    "Reviewers",
    "WindowFacts",
    "alerts_parked",
    "cohort_closing",
    "cohort_late",
    "cohort_opened",
    "early_warning",
    "job_missed",
    "labels_not_found",
    "mapping_stale",
    "missing_periods",
    "probe_alerts",
    "probe_missed",
    "rejected_share",
    "store_unsafe",
    "stream_failed",
    "underpowered",
    "window_alerts",
    "window_missed",
]

__getattr__ = importer(__name__, _HOMES)
