"""A measurement in words: whether the confidence carries information, and what its ECE means."""

from __future__ import annotations

from collections.abc import Iterator

from calib.information import Information
from calib.policy import ECE_UNRELIABLE, ECE_USELESS
from calib.results.measured import Measured
from calib.wording.numbers import between, interval, number

# Where the whole interval of an ECE lies, by the usual limits of practice.
BANDS = {
    "usable": f"up to {ECE_UNRELIABLE:.2f}",
    "unreliable": f"{ECE_UNRELIABLE:.2f} to {ECE_USELESS:.2f}",
    "useless": f"above {ECE_USELESS:.2f}",
}
ACROSS = "not decided"


def known_information(measured: Measured) -> Information:
    """What the AUROC's interval shows; made anew, for results that older versions stored do not hold it."""
    return Information.of(measured.auroc, measured.auroc_low, measured.auroc_high, labels=measured.n)


def information_words(measured: Measured) -> str | None:
    """What is known of the information in a confidence; None where it is shown, or nothing is labelled.

    Absence is claimed only where it is proven.
    """
    known = known_information(measured)
    if not measured.n or known.state == "shown":
        return None
    if known.state == "absent":
        return (
            "no information: this confidence does not distinguish right answers from wrong ones "
            f"(AUROC {between(measured.auroc, measured.auroc_low, measured.auroc_high, 2)})"
        )
    if known.labels_needed is None:
        return (
            "not shown yet that this confidence distinguishes right answers from wrong ones: "
            "all labels are of one kind"
        )
    return (
        "not shown yet that this confidence distinguishes right answers from wrong ones (AUROC "
        f"{between(measured.auroc, measured.auroc_low, measured.auroc_high, 2)}); about "
        f"{known.labels_needed:,} labels would show it"
    )


def ece_verdict(measured: Measured) -> str:
    """What the interval of an ECE means by the usual limits of practice, and what a mapping can do.

    A point on one side of a limit proves nothing, so the interval decides.
    """
    low, high = measured.low, measured.high
    if measured.ece is None or low is None or high is None:
        return "nothing is measured"
    if high <= ECE_UNRELIABLE:
        return f"within the usual limit of {ECE_UNRELIABLE:.2f}: usable as it stands"
    return f"{_beyond(low, high)}. {_mapping(measured)}"


def _beyond(low: float, high: float) -> str:
    first, second = f"{ECE_UNRELIABLE:.2f}", f"{ECE_USELESS:.2f}"
    if low > ECE_USELESS:
        return f"above the usual limit of {second}: as it stands, a fixed threshold decides better"
    sure = low > ECE_UNRELIABLE
    above = f"{'above' if sure else 'perhaps above'} the usual limit of {first}"
    worst = f", perhaps above that of {second}" if high > ECE_USELESS else ""
    return f"{above}{worst}: {'not' if sure else 'perhaps not'} a reliable signal as it stands"


def _mapping(measured: Measured) -> str:
    known = known_information(measured).state
    off = f"The confidence is off by {number(measured.ece)} on average"
    if known == "shown":
        return f"{off}; a mapping can correct that"
    if known == "absent":
        return f"{off}; a mapping can only replace it by the average accuracy"
    return f"{off}; whether a mapping can do more than state the average accuracy is not shown yet"


def band_words(measured: Measured) -> str:
    """The band of an ECE, for a column of a table."""
    return ACROSS if measured.band is None else BANDS[measured.band]


def accuracy_words(measured: Measured) -> str:
    """The accuracy beside what was stated."""
    gap = measured.gap or 0.0
    side = "overconfident" if gap > 0 else "underconfident"
    accuracy = between(measured.accuracy, measured.accuracy_low, measured.accuracy_high)
    return f"{accuracy}, stated {number(measured.mean_confidence)}: {side} by {abs(gap):.3f}"


def product_words(product: Measured) -> str:
    """What the product of a chain's confidences claims, and how often the whole chain is right."""
    accuracy = between(product.accuracy, product.accuracy_low, product.accuracy_high)
    return f"claims {number(product.mean_confidence)}, right {accuracy}; ECE {interval(product)}"


def both_sides(before: Measured, after: Measured) -> Iterator[tuple[str, str, str]]:
    """What stands side by side wherever two samples are compared: a name, before and after."""
    yield "labels", f"{before.n:,}", f"{after.n:,}"
    yield "ECE", interval(before), interval(after)
    yield (
        "accuracy",
        between(before.accuracy, before.accuracy_low, before.accuracy_high),
        between(after.accuracy, after.accuracy_low, after.accuracy_high),
    )
    yield "stated confidence", number(before.mean_confidence), number(after.mean_confidence)


def bin_edges(lo: float, hi: float) -> str:
    """A bin; the first one holds the zeros.

    >>> bin_edges(0, 0.1), bin_edges(0.1, 0.2)
    ('[0, 0.1]', '(0.1, 0.2]')
    """
    return f"{'[' if lo <= 0 else '('}{lo:g}, {hi:g}]"
