"""From labels to a mapping: fit, cross-fit, and refit under a veto."""

from __future__ import annotations

from calib.calibrators.fitting import METHODS, crossfit, fit, fit_labels, held_out_ece
from calib.calibrators.refit import FORMS, Refit, refit
from calib.calibrators.temperature import fit_temperature, probabilities
from calib.format import Curve

__all__ = [
    "FORMS",
    "METHODS",
    "Curve",
    "Refit",
    "crossfit",
    "fit",
    "fit_labels",
    "fit_temperature",
    "held_out_ece",
    "probabilities",
    "refit",
]
