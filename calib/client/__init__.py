"""The serving side: `MappingClient` pulls the latest mapping and applies it. Standard library only."""

from __future__ import annotations

from calib.client.client import MappingClient
from calib.client.results import Calibrated, Decision, Status
from calib.errors import InvalidInput

__all__ = ["Calibrated", "Decision", "InvalidInput", "MappingClient", "Status"]
