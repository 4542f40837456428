"""The outcome of a change test in words."""

from __future__ import annotations

from calib.results.window import ChangeResult
from calib.wording.numbers import difference, p_value

STATES = {
    "first": "first window: nothing to compare with yet",
    "stable": "stable: a rise beyond what is allowed is ruled out",
    "no_change_seen": "no change seen",
    "degraded": "DEGRADED",
    "changed": "changed",
}
# The change test compares accuracies stratum by stratum: the accuracy overall may move the other way.
AT_EQUAL_CONFIDENCE = "at equal stated confidence"
DIRECTIONS = {
    "accuracy fell": f"accuracy fell {AT_EQUAL_CONFIDENCE}",
    "accuracy rose": f"accuracy rose {AT_EQUAL_CONFIDENCE}",
}


def direction_words(direction: str | None) -> str | None:
    """Where something went, with what it is compared at; None where no change is confirmed.

    >>> direction_words("accuracy fell")
    'accuracy fell at equal stated confidence'
    """
    return None if direction is None else DIRECTIONS.get(direction, direction)


def change_words(change: ChangeResult) -> str:
    """The verdict of a change test with what it rests on."""
    words = "not compared" if change.state is None else STATES[change.state]
    if change.rise is None or change.p is None:
        return words
    direction = direction_words(change.direction)
    moved = f"{words}, {direction}" if direction else f"{words} {AT_EQUAL_CONFIDENCE}"
    if change.state == "stable":
        moved = words
    if change.too_small:
        moved = f"{moved}, by too little to matter"
    rise = f"rise of the ECE {difference(change.rise, change.low, change.high)}"
    return f"{moved}: {rise}, {p_value(change.p, change.draws)}{_detectable(change)}"


def _detectable(change: ChangeResult) -> str:
    detectable = change.minimum_detectable_rise
    return "" if detectable is None else f"; {detectable_words(detectable)}"


def detectable_words(rise: float) -> str:
    """What the labels could detect.

    >>> detectable_words(0.0471)
    'a rise of 0.047 would have been detected with 80% power'
    """
    return f"a rise of {rise:.3f} would have been detected with 80% power"
