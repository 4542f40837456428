"""What the commands print as JSON, as frozen types that everything else reads."""

from __future__ import annotations

from calib.results.measured import Bin, EceInterval, Measured
from calib.results.window import SCHEMA, WindowResult

__all__ = ["SCHEMA", "Bin", "EceInterval", "Measured", "WindowResult"]
