"""Production traffic: what the model said, row by row, wherever it is stored."""

from __future__ import annotations

from calib.traffic.source import Traffic
from calib.traffic.values import Cells, Columns, Draw, Drawn, Interval, Outcome, Survey

__all__ = ["Cells", "Columns", "Draw", "Drawn", "Interval", "Outcome", "Survey", "Traffic"]
