"""Whether a confidence carries information, and how many labels show it."""

from __future__ import annotations

import numpy as np
import pytest

from calib.information import Information
from calib.measure import measure


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (0.501, 0.59, "shown"),
        (0.500, 0.70, "not_shown"),
        (0.450, 0.60, "not_shown"),
        (0.450, 0.599, "absent"),
    ],
)
def test_the_ends_of_the_interval_decide(low: float, high: float, state: str) -> None:
    found = Information.of((low + high) / 2, low, high, labels=300)
    assert found.state == state
    assert (found.labels_needed is not None) == (state == "not_shown")


def test_one_class_of_answers_shows_nothing_and_promises_nothing() -> None:
    assert Information.of(None, None, None, labels=40) == Information(state="not_shown", labels_needed=None)


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """A signal whose AUROC is about 0.70."""
    right = rng.random(n) < 0.7
    return np.clip(0.6 + 0.1 * right + 0.14 * rng.standard_normal(n), 0, 1), right.astype(float)


@pytest.mark.slow
def test_fifty_labels_of_a_signal_are_never_called_empty() -> None:
    """150 samples of a signal with an AUROC of 0.70: absence would be claimed of 40% of them by its interval
    that merely includes 0.5.
    """
    rng = np.random.default_rng(0)
    small = [measure(*draw(rng, 50)).information for _ in range(150)]
    assert [found.state for found in small].count("absent") <= 2
    needed = [found.labels_needed for found in small if found.labels_needed is not None]
    assert len(needed) > 20
    assert min(needed) > 50


@pytest.mark.slow
def test_the_labels_that_are_named_show_it_with_80_percent_power() -> None:
    """The interval of 25 labels is that of 5,000, wider by the root of 200."""
    rng = np.random.default_rng(1)
    auroc = measure(*draw(rng, 5_000)).auroc
    assert auroc is not None
    wider = (5_000 / 25) ** 0.5
    low, high = (
        auroc.value - wider * (auroc.value - auroc.low),
        auroc.value + wider * (auroc.high - auroc.value),
    )
    needed = Information.of(auroc.value, low, high, labels=25).labels_needed
    assert needed is not None
    shown = sum(measure(*draw(rng, needed)).information.state == "shown" for _ in range(150)) / 150
    assert shown == pytest.approx(0.8, abs=0.1 + 3 * (0.8 * 0.2 / 150) ** 0.5)
