"""What a measurement means, in words: the interval decides, and absence is claimed only with proof."""

from __future__ import annotations

import pytest

from calib.results.measured import Measured
from calib.results.window import ChangeResult
from calib.wording.change import change_words
from calib.wording.measured import band_words, bin_edges, ece_verdict, information_words


def measured(
    low: float, high: float, auroc: tuple[float, float, float] | None = (0.75, 0.7, 0.8)
) -> Measured:
    value, auroc_low, auroc_high = auroc or (None, None, None)
    return Measured(
        n=500,
        ece=(low + high) / 2,
        low=low,
        high=high,
        auroc=value,
        auroc_low=auroc_low,
        auroc_high=auroc_high,
    )


@pytest.mark.parametrize(
    ("low", "high", "band", "words"),
    [
        (0.00, 0.10, "up to 0.10", "within the usual limit of 0.10: usable as it stands"),
        (0.00, 0.101, "not decided", "perhaps above the usual limit of 0.10: perhaps not a reliable signal"),
        (0.10, 0.15, "not decided", "perhaps above the usual limit of 0.10: perhaps not a reliable signal"),
        (
            0.05,
            0.20,
            "not decided",
            "perhaps above the usual limit of 0.10, perhaps above that of 0.15: perhaps",
        ),
        (0.101, 0.15, "0.10 to 0.15", "above the usual limit of 0.10: not a reliable signal as it stands"),
        (
            0.11,
            0.16,
            "not decided",
            "above the usual limit of 0.10, perhaps above that of 0.15: not a reliable",
        ),
        (
            0.15,
            0.30,
            "not decided",
            "above the usual limit of 0.10, perhaps above that of 0.15: not a reliable",
        ),
        (0.16, 0.30, "above 0.15", "above the usual limit of 0.15: as it stands, a fixed threshold decides"),
    ],
)
def test_the_verdict_is_of_the_interval_and_not_of_the_point(
    low: float, high: float, band: str, words: str
) -> None:
    assert ece_verdict(measured(low, high)).startswith(words)
    assert band_words(measured(low, high)) == band


@pytest.mark.parametrize(
    ("auroc", "mapping"),
    [
        ((0.75, 0.70, 0.80), "off by 0.132 on average; a mapping can correct that"),
        ((0.51, 0.45, 0.57), "a mapping can only replace it by the average accuracy"),
        (
            (0.56, 0.48, 0.64),
            "whether a mapping can do more than state the average accuracy is not shown yet",
        ),
    ],
)
def test_a_limit_says_what_it_means_for_a_mapping(auroc: tuple[float, float, float], mapping: str) -> None:
    assert mapping in ece_verdict(measured(0.112, 0.152, auroc))


def test_absence_is_claimed_only_where_it_is_proven() -> None:
    assert information_words(measured(0, 0.1)) is None
    absent = information_words(measured(0, 0.1, (0.52, 0.45, 0.59)))
    assert absent is not None
    assert absent.startswith("no information: ")
    for unproven in ((0.52, 0.45, 0.60), (0.70, 0.49, 0.86), None):
        words = information_words(measured(0, 0.1, unproven))
        assert words is not None
        assert words.startswith("not shown yet ")
    assert information_words(Measured()) is None  # nothing is labelled: nothing is said


def test_a_direction_says_what_it_is_compared_at() -> None:
    change = ChangeResult(
        state="degraded", p=0.001, rise=0.05, low=0.02, high=0.08, direction="accuracy fell", draws=999
    )
    assert change_words(change) == (
        "DEGRADED, accuracy fell at equal stated confidence: rise of the ECE +0.050 (+0.020 to +0.080), "
        "p ≤ 1/1000"
    )
    assert change_words(ChangeResult()) == "not compared"


def test_the_edges_of_a_bin_say_which_of_them_belong_to_it() -> None:
    assert [bin_edges(0.0, 0.1), bin_edges(0.1, 0.2), bin_edges(0.9, 1.0)] == [
        "[0, 0.1]",
        "(0.1, 0.2]",
        "(0.9, 1]",
    ]
