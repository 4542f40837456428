"""Production traffic: what the model said, row by row, wherever it is stored."""

from __future__ import annotations

from calib.traffic.source import Traffic
from calib.traffic.values import ArrivedLabel, Cells, Columns, Draw, Drawn, Interval, Survey

__all__ = ["ArrivedLabel", "Cells", "Columns", "Draw", "Drawn", "Interval", "Survey", "Traffic"]
