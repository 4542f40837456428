"""What the words of a verdict are made of: how bad, since when, how sure, where, and what it means. Pure."""

from __future__ import annotations

from calib.alerts.facts import (
    ChangeFacts,
    MeasuredFacts,
    RefitFacts,
    SegmentFacts,
    SegmentRow,
    ThresholdFacts,
    WindowFacts,
)
from calib.alerts.words import Table, Told, sentence
from calib.information import Information
from calib.results import EceInterval
from calib.results.codec import from_json
from calib.results.window import CertificateKept
from calib.wording.change import detectable_words, direction_words
from calib.wording.label_error import disagreement_sentence
from calib.wording.numbers import between, interval, number, p_value, percent, signed

UNKNOWN = "an unknown amount"


def facts_of(told: Told) -> WindowFacts:
    """The facts of an alert of a window."""
    return from_json(WindowFacts, told.facts, what="the facts of an alert")


def how_bad(facts: WindowFacts) -> list[str]:
    """How far the confidence is off, before and now, and how often it is right."""
    served, raw, before = facts.served, facts.raw, facts.before
    sentences = [f"The served confidence is off by {ece(served)} on average{_then(facts)}."]
    if facts.change.rise is not None:
        sentences.append(f"Against the baseline that is {_rise(facts.change)}.")
    accuracy = between(served.accuracy, served.accuracy_low, served.accuracy_high)
    was = "" if before is None else f", it was {number(before.served.accuracy)} in {before.period}"
    sentences.append(
        f"The accuracy is {accuracy}{was}; the served confidence states "
        f"{number(served.mean_confidence)} on average."
    )
    if facts.calibrated:
        sentences.append(f"The raw confidence is off by {ece(raw)}.")
    return sentences


def _then(facts: WindowFacts) -> str:
    before = facts.before
    return "" if before is None else f"; in {before.period} it was off by {ece(before.served)}"


def _rise(change: ChangeFacts | SegmentFacts) -> str:
    more = "more" if (change.rise or 0) >= 0 else "less"
    return f"{number(abs(change.rise or 0.0))} {more} ({signed(change.low)} to {signed(change.high)})"


def since_when(period: str, facts: WindowFacts) -> str:
    """In which period it began, as far as is known."""
    if facts.before is None:
        return f"In {period}; there is no earlier period to compare with."
    return (
        f"In {period}. {facts.before.period} is the last period before it, with "
        f"{facts.before.served.labels:,} labels."
    )


def how_sure(facts: WindowFacts) -> list[str]:
    """The change test, what it rests on, and what it would have detected."""
    change, baseline = facts.change, facts.baseline
    sentences = []
    if change.rise is not None:
        which = direction_words(change.direction)
        sentences.append(f"{p_value(change.p, change.draws)}{f': {which}' if which else ''}.")
    against = ""
    if baseline.periods:
        periods = " to ".join(dict.fromkeys((baseline.periods[0], baseline.periods[-1])))
        against = f", compared with {baseline.labels:,} labels of {periods}"
    sentences.append(f"It rests on {size(facts)}{against}.")
    if change.rise is not None and change.minimum_detectable_rise is not None:
        sentences.append(sentence(detectable_words(change.minimum_detectable_rise)))
    if facts.clusters is not None and facts.clusters.why:
        sentences.append(sentence(facts.clusters.why))
    if change.label_error is not None and change.label_error.explains:
        sentences.append(disagreement_sentence(change.label_error))
    return sentences


def size(facts: WindowFacts) -> str:
    """How many labels of how many predictions."""
    return f"{facts.labels.n:,} labels of {facts.population:,} predictions"


def warning_sentences(facts: WindowFacts) -> list[str]:
    """What has become of an early warning."""
    if facts.warning is None:
        return []
    warning = f"The early warning of {facts.warned_in}"
    if facts.warning == "confirmed":
        return [f"{warning} is confirmed by this verdict."]
    if facts.warning == "not_confirmed":
        return [
            f"{warning} is not confirmed: on all labels of this window the change test says "
            f"{(facts.change.state or 'nothing').replace('_', ' ')}, {p_value(facts.change.p)}."
        ]
    return [f"{warning} is still open: these labels carry no verdict. The next window with one decides."]


def where(facts: WindowFacts) -> list[str]:
    """Each degraded segment in a sentence."""
    return [
        f"In the segment {segment.name} the served confidence is off by {_rise(segment)}"
        f"{_direction(segment)}, {p_value(segment.p)}."
        for segment in facts.segments
    ]


def _direction(segment: SegmentFacts) -> str:
    words = direction_words(segment.direction)
    return f"; {words}" if words else ""


def segment_table(rows: tuple[SegmentRow, ...]) -> Table | None:
    """The segments as a table; None where there are none."""
    if not rows:
        return None
    return Table(
        heads=("segment", "labels", "accuracy", "off by", "rise", ""),
        rows=tuple(
            (
                row.name,
                f"{row.labels:,}",
                number(row.accuracy),
                number(row.ece),
                "–" if row.rise is None else signed(row.rise),
                "degraded" if row.degraded else "",
            )
            for row in rows
        ),
    )


def routing(facts: WindowFacts) -> list[str]:
    """What passes the threshold and how much of that is right, and which promises hold."""
    sentences = []
    if facts.threshold is not None:
        now = facts.threshold
        sentences.append(f"At your threshold {now.threshold:.2f}, {_passed(now)}.")
        before = None if facts.before is None else facts.before.threshold
        if before is not None and facts.before is not None:
            sentences.append(f"In {facts.before.period}: {_passed(before)}.")
    kept = [certificate.kept for certificate in facts.certificates_kept]
    if kept:
        words = {"yes": "kept", "no": "broken", "unknown": "not decided"}
        counted = [f"{kept.count(state)} {word}" for state, word in words.items() if state in kept]
        sentences.append(f"Earlier certificates: {', '.join(counted)}.")
    if facts.targets_proven:
        proven = ", ".join(f"{target:.0%}" for target in facts.targets_proven)
        sentences.append(f"Proven by these labels: an accuracy of {proven}.")
    return sentences


def _passed(part: ThresholdFacts) -> str:
    right = between(part.accuracy, part.low, part.high)
    return f"{percent(part.share)} of the predictions pass, and {right} of these are right"


def information(facts: WindowFacts) -> list[str]:
    """Whether the raw confidence, which all mappings are made from, still tells right from wrong."""
    raw, before = facts.raw, facts.before
    if raw.auroc is None:
        return []
    was = (
        ""
        if before is None or before.raw.auroc is None
        else f", it was {_auroc(before.raw)} in {before.period}"
    )
    known = Information.of(raw.auroc, raw.auroc_low, raw.auroc_high, labels=raw.labels)
    meaning = {
        "shown": "It still distinguishes right answers from wrong ones, so that a mapping can correct it.",
        "absent": "It no longer distinguishes right answers from wrong ones: no mapping can repair that.",
        "not_shown": "Whether it still distinguishes right answers from wrong ones is not shown.",
    }[known.state]
    return [f"The AUROC of the raw confidence is {_auroc(raw)}{was}.", meaning]


def _auroc(part: MeasuredFacts) -> str:
    return between(part.auroc, part.auroc_low, part.auroc_high, 2)


def refit_sentence(refit: RefitFacts, channel: str) -> str:
    """What became of the refit."""
    if not refit.published or refit.mapping is None:
        return f"No new mapping: {refit.reason}."
    if refit.channel not in (None, channel):
        return (
            f"{channel} is withdrawn, so the raw confidence is served. A new mapping {refit.mapping[:12]} "
            f"waits on {refit.channel}: on labels that it has not seen it is off by {ece(refit.ece_after)}."
        )
    return (
        f"A new mapping {refit.mapping[:12]} is on {channel}: on labels that it has not seen it is off by "
        f"{ece(refit.ece_after)}, the one before it by {ece(refit.ece_before)}."
    )


def broken_sentence(certificate: CertificateKept) -> str:
    """A certificate that this period breaks."""
    return (
        f"At and above {certificate.cut:g}, {certificate.target:.1%} were proven to be right "
        f"(by {certificate.from_}). Of this period's labels there {percent(certificate.accuracy)} are "
        f"({percent(certificate.low)} to {percent(certificate.high)}); "
        f"{certificate.share:.1%} of all predictions lie there."
    )


def dropped_sentence(refit: RefitFacts, channel: str) -> str:
    """What was done about broken certificates."""
    if refit.certificates_dropped:
        return (
            f"The mapping on {channel} is published anew without what is broken: clients calibrate as "
            "before, and `decide` no longer acts on it."
        )
    if refit.published:
        return refit_sentence(refit, channel) + " Its certificates rest on this period's labels."
    return f"Nothing was published: {refit.reason}."


def ece(measured: MeasuredFacts | EceInterval | None) -> str:
    """An ECE with its interval."""
    return UNKNOWN if measured is None or measured.ece is None else interval(measured)
