"""Designing a sample: strata, allocation, and the order in which rows are drawn."""

from __future__ import annotations

from calib.measure import Strata, strata
from calib.sampling.design import allocate
from calib.sampling.draw import order_key, sample_digest

__all__ = ["Strata", "allocate", "order_key", "sample_digest", "strata"]
