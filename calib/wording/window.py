"""A window's findings in sentences, as reports say them."""

from __future__ import annotations

from calib.results import WindowResult
from calib.results.pictures import Acting, Amount
from calib.results.window import ChangeResult, ProvenCut
from calib.wording.change import AT_EQUAL_CONFIDENCE, detectable_words, direction_words
from calib.wording.measured import information_words
from calib.wording.numbers import interval, p_value, percent, signed


def count(value: float) -> str:
    """A whole number, with commas.

    >>> count(1234.4), count(-0.2)
    ('1,234', '0')
    """
    return f"{round(value) or 0:,}"


def acted_on(part: Acting) -> str:
    """What a threshold lets through."""
    passed = (
        f"{percent(part.share)} ({percent(part.share_low)} to {percent(part.share_high)}) of the predictions"
    )
    if part.accuracy is None:
        return f"{passed} are acted on automatically"
    return (
        f"{passed} are acted on automatically, and {percent(part.accuracy)} ({percent(part.low)} to "
        f"{percent(part.high)}) of these are correct"
    )


def amount(part: Amount) -> str:
    """A number of predictions with its interval."""
    return f"{count(part.value)} ({count(part.low)} to {count(part.high)})"


def verdict_word(window: WindowResult) -> str:
    """The verdict in one or two words; the same that the command line shows."""
    if window.state == "insufficient":
        return "Not enough evidence"
    if window.degraded_segments and window.change.state != "degraded":
        return "Degraded in a segment"
    return {
        "degraded": "Degraded",
        "changed": "Changed",
        "stable": "Stable",
        "no_change_seen": "No change detected",
        "first": "First period",
        None: "Not evaluated yet",
    }[window.change.state]


def tone(window: WindowResult) -> str:
    """How the verdict is coloured: bad, warning, good or plain."""
    if window.change.state == "degraded" or window.degraded_segments:
        return "bad"
    if window.state == "insufficient" or (window.change.state == "changed" and not window.change.too_small):
        return "warning"
    return "good" if window.change.state == "stable" else "plain"


def verdict(window: WindowResult) -> str:
    """The verdict in one sentence with its certainty."""
    change, served = window.change, window.served
    off = f"the served confidence is off by {interval(served)} on average"
    if window.state == "insufficient":
        return f"The labels do not carry a verdict: {window.refit.reason}."
    if change.state is None:
        missing = window.labels.missing
        return (
            f"The labels are not complete: {missing:,} of {window.sample.n:,} drawn rows have no answer yet."
        )
    if change.state == "first":
        return f"There is nothing to compare with yet; {off} (95% interval)."
    if change.state == "degraded":
        which = f" ({direction_words(change.direction)})" if change.direction else ""
        return f"The served confidence became less reliable{which}: its ECE rose by {rise(change)}."
    if window.degraded_segments:
        names = ", ".join(window.degraded_segments[:3])
        more = len(window.degraded_segments) - 3
        also = f" and {more} more" if more > 0 else ""
        return (
            f"The served confidence became less reliable in {names}{also}; over all, the ECE moved by "
            f"{rise(change)}."
        )
    if change.too_small:
        return (
            f"The accuracy {AT_EQUAL_CONFIDENCE} changed by too little to matter: the ECE moved by "
            f"{rise(change)}; {off}."
        )
    if change.state == "changed":
        which = f" ({direction_words(change.direction)})" if change.direction else ""
        return (
            f"The accuracy at equal stated confidence changed{which}; that the served confidence is less "
            f"reliable is not proven: its ECE moved by {rise(change)}."
        )
    if change.state == "stable":
        return f"A rise of the ECE that matters is ruled out: it moved by {rise(change)}; {off}."
    return f"No change was detected{detectable(change)}. The ECE moved by {rise(change)}; {off}."


def rise(change: ChangeResult) -> str:
    """The rise with its interval and p-value."""
    between = f"95% interval {signed(change.low)} to {signed(change.high)}"
    return f"{signed(change.rise)} ({between}, {p_value(change.p, change.draws)})"


def detectable(change: ChangeResult) -> str:
    """What the test could have detected, as a clause."""
    if change.minimum_detectable_rise is None:
        return ", and these labels could not have detected any"
    return f"; {detectable_words(change.minimum_detectable_rise)}"


def routing_sentences(window: WindowResult) -> list[str]:
    """What the verdict means for whoever acts on the confidence."""
    sentences = []
    pictures = window.pictures
    effect = None if pictures is None else pictures.threshold
    if effect is not None:
        sentences.append(f"At the threshold {effect.threshold:g}, {acted_on(effect.served)}.")
        if effect.raw != effect.served:
            sentences.append(f"On the raw confidence it would be different: {acted_on(effect.raw)}.")
    elif window.raw.n:
        sentences.append(
            "No threshold is set: with `threshold` in calib.toml this report says what acting on it achieves."
        )
    for item in window.certificates:
        if isinstance(item, ProvenCut):
            sentences.append(
                f"At or above a raw confidence of {item.cut:g} at least {percent(item.target)} are correct, "
                f"which is proven with {item.confidence:.0%} confidence; {percent(item.share)} of the "
                "labelled traffic lies there."
            )
        else:
            sentences.append(f"An accuracy of {percent(item.target)} is not proven anywhere: {item.reason}.")
    if words := information_words(window.raw):
        sentences.append(f"{words[0].upper()}{words[1:]}.")
    return sentences


def done_sentences(window: WindowResult) -> list[str]:
    """What calibwatch did in the period."""
    refit = window.refit
    sentences = []
    if refit.published and refit.mapping:
        sentences.append(
            f"A new mapping {refit.mapping[:12]} ({refit.method}) was published on {window.channel}: on "
            f"labels that it has not seen its ECE is {interval(refit.ece_after)}, that of what was served "
            f"{interval(refit.ece_before)}."
        )
    elif refit.upheld:
        sentences.append(f"The served mapping was renewed: {refit.reason}.")
    else:
        sentences.append(f"No mapping was published: {refit.reason}.")
    kinds = [alert.kind.replace("_", " ") for alert in window.alerts]
    sentences.append(f"Alerts raised: {', '.join(kinds)}." if kinds else "No alert was raised.")
    return sentences
