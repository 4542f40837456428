"""Production traffic: what the model said, row by row, wherever it is stored."""

from __future__ import annotations

from calib.traffic.label_table import LabelTable
from calib.traffic.source import Traffic
from calib.traffic.values import (
    ArrivedLabel,
    Cells,
    Columns,
    Draw,
    Drawn,
    Interval,
    Offending,
    Outcomes,
    Survey,
)

__all__ = [
    "ArrivedLabel",
    "Cells",
    "Columns",
    "Draw",
    "Drawn",
    "Interval",
    "LabelTable",
    "Offending",
    "Outcomes",
    "Survey",
    "Traffic",
]
