"""From findings to alerts, and from alerts to words."""

from __future__ import annotations

from calib.alerts.message import Message, message
from calib.alerts.policy import (
    Alert,
    Previous,
    blind,
    early_warning,
    rejected_share,
    window_alerts,
)

__all__ = [
    "Alert",
    "Message",
    "Previous",
    "blind",
    "early_warning",
    "message",
    "rejected_share",
    "window_alerts",
]
