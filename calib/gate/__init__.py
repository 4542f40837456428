"""The gate: may a new model or prompt go out? A verdict on two labelled samples."""

from __future__ import annotations

from calib.gate.decision import accuracy_state, decide
from calib.gate.pairs import paired_rows
from calib.gate.verdict import Gate, gate

__all__ = ["Gate", "accuracy_state", "decide", "gate", "paired_rows"]
