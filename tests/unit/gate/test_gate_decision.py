"""What decides whether a release passes: at each boundary of the rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calib.errors import InvalidInput
from calib.gate import Gate, accuracy_state, decide, gate
from calib.measure import Change
from calib.measure.change import State
from calib.measure.sample import Sample


def moved(value: float, low: float, high: float) -> Change:
    return replace(Change.first(), accuracy_change=value, accuracy_change_low=low, accuracy_change_high=high)


@pytest.mark.parametrize(
    ("value", "low", "high", "state"),
    [
        (-0.03, -0.05, -0.01, "fell"),
        (-0.03, -0.05, 0.00, "no_fall_seen"),  # it may be chance
        (-0.009, -0.03, -0.001, "no_fall_seen"),  # certain, and less than half of what is allowed
        (-0.010, -0.03, -0.001, "fell"),
        (-0.015, -0.02, -0.01, "held"),  # certain, and not more than is allowed
        (0.00, -0.02, 0.02, "held"),
        (0.00, -0.021, 0.02, "no_fall_seen"),
    ],
)
def test_a_fall_counts_like_a_rise_of_the_ece(value: float, low: float, high: float, state: str) -> None:
    assert accuracy_state(moved(value, low, high), 0.02) == state


def test_an_impossible_limit_is_refused() -> None:
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        accuracy_state(moved(0, 0, 0), 1.0)


def verdict(state: State, needed: int | None) -> Gate:
    sample = Sample(np.tile([0.6, 0.9], 20), np.tile([0, 1], 20))
    made = gate(sample, sample)
    return replace(made, change=replace(made.change, state=state), labels_needed=needed)


def test_evidence_fails_and_strict_asks_for_proof_of_both() -> None:
    degraded, proven, unproven = (
        verdict("degraded", None),
        verdict("stable", 0),
        verdict("no_change_seen", 90),
    )
    assert decide(degraded, None, strict=False) == "failed"
    assert decide(proven, "fell", strict=False) == "failed"
    assert decide(unproven, "no_fall_seen", strict=False) == "passed"
    assert decide(proven, None, strict=True) == decide(proven, "held", strict=True) == "passed"
    assert decide(proven, "no_fall_seen", strict=True) == "not_proven"
    assert decide(unproven, "held", strict=True) == decide(unproven, None, strict=True) == "not_proven"
