"""The serving side: `MappingClient` pulls the latest mapping and applies it. Standard library only."""

from __future__ import annotations

from calib.client.answers import Calibrated, Decision, Status
from calib.client.client import MappingClient

__all__ = ["Calibrated", "Decision", "MappingClient", "Status"]
