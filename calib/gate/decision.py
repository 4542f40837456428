"""Does a release pass? By the ECE always, by the accuracy where somebody says how far it may fall."""

from __future__ import annotations

from calib.errors import InvalidInput
from calib.gate.verdict import Gate
from calib.measure import Change
from calib.results.gate import AccuracyState, GateDecision


def accuracy_state(change: Change, max_fall: float) -> AccuracyState:
    """What the interval of `change.accuracy_change` says of a fall of the accuracy by `max_fall` in (0, 1).

    The mirror of the rule for the ECE (ADR 101). **fell**: the interval lies below 0, the fall is at least
    half of `max_fall` and may be more than it. **held**: a fall of more than `max_fall` is ruled out.
    **no_fall_seen**: the rest. Raises `InvalidInput` for a `max_fall` outside (0, 1).
    """
    if not 0 < max_fall < 1:
        raise InvalidInput(f"max_accuracy_fall lies between 0 and 1, not {max_fall}")
    value, low, high = change.accuracy_change, change.accuracy_change_low, change.accuracy_change_high
    if value is None or low is None or high is None:
        return "no_fall_seen"
    if high < 0 and -value >= max_fall / 2 and -low > max_fall:
        return "fell"
    return "held" if -low <= max_fall else "no_fall_seen"


def decide(verdict: Gate, accuracy: AccuracyState | None, *, strict: bool) -> GateDecision:
    """Fail on evidence; with `strict`, pass on proof alone. `accuracy`: None where it decides nothing."""
    if verdict.change.state == "degraded" or accuracy == "fell":
        return "failed"
    proven = verdict.proven and accuracy in (None, "held")
    return "not_proven" if strict and not proven else "passed"
