"""What Prometheus reads of a deployment: one list of metrics, one function that computes their values."""

from __future__ import annotations

from calib.metrics.collect import collect
from calib.metrics.families import BY_NAME, FAMILIES, Family
from calib.metrics.text import CONTENT_TYPE, text_of

__all__ = ["BY_NAME", "CONTENT_TYPE", "FAMILIES", "Family", "collect", "text_of"]
