"""Designing a sample: strata, allocation, and the order in which rows are drawn."""

from __future__ import annotations

from calib.measure import Strata, strata
from calib.sampling.design import allocate
from calib.sampling.draw import order_key, sample_digest
from calib.sampling.planner import Certification, Detection, Plan, plan

__all__ = [
    "Certification",
    "Detection",
    "Plan",
    "Strata",
    "allocate",
    "order_key",
    "plan",
    "sample_digest",
    "strata",
]
