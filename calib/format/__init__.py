"""What is stored, and what every client reads: mappings, their curves, and the entries of channels.

Standard library only; numpy is imported when an array is calibrated. docs/mapping-format.md specifies it.
"""

from __future__ import annotations

from calib.format.curves import Beta, Curve, Identity, Logistic, PiecewiseLinear, Temperature
from calib.format.entry import Entry
from calib.format.mapping import Mapping

__all__ = [
    "Beta",
    "Curve",
    "Entry",
    "Identity",
    "Logistic",
    "Mapping",
    "PiecewiseLinear",
    "Temperature",
]
