"""Acting on confidence: cuts with a proven accuracy, thresholds, and chains of steps."""

from __future__ import annotations

from calib.routing.certificates import (
    Certificate,
    NoCertificate,
    certified,
    certify,
    certify_each,
    start_cut,
)
from calib.routing.chains import (
    Chain,
    Delivered,
    StepTarget,
    Traces,
    chain,
    delivered,
    fit_chain,
    step_target,
    traces,
)
from calib.routing.targets import PRESETS, grid, preset
from calib.routing.threshold import Achieved, achieved

__all__ = [
    "PRESETS",
    "Achieved",
    "Certificate",
    "Chain",
    "Delivered",
    "NoCertificate",
    "StepTarget",
    "Traces",
    "achieved",
    "certified",
    "certify",
    "certify_each",
    "chain",
    "delivered",
    "fit_chain",
    "grid",
    "preset",
    "start_cut",
    "step_target",
    "traces",
]
