"""Targets by the names that people use, and the grid of them that a mapping carries."""

from __future__ import annotations

from collections.abc import Iterable

from calib.errors import InvalidInput

# What the practice asks for: accuracies at which answers go out without a person.
PRESETS: dict[str, tuple[float, ...]] = {"finance": (0.90, 0.95), "customer-service": (0.80, 0.85)}
STEPS = 8  # of a chain that a client may ask for


def preset(name: str) -> tuple[float, ...]:
    """The targets of a preset; `InvalidInput` with the names that there are.

    >>> preset("finance")
    (0.9, 0.95)
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise InvalidInput(f"{name!r} is not a preset; the presets are {', '.join(PRESETS)}") from None


def grid(targets: Iterable[float]) -> tuple[float, ...]:
    """`targets`, those of the presets, and what one step of a chain needs for each, ascending.

    A chain of k steps that is to reach a target needs target^(1/k) of each step where they fail
    independently of one another.

    >>> 0.9 in grid([0.9]), 0.9 ** (1 / 3) in grid([0.9])
    (True, True)
    """
    all_targets = {*targets, *(target for named in PRESETS.values() for target in named)}
    return tuple(sorted({target ** (1 / steps) for target in all_targets for steps in range(1, STEPS + 1)}))
