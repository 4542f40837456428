"""What else is known of a window, a sentence each. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from calib.results import WindowResult
from calib.wording.label_error import kappa_words, label_error_sentences
from calib.wording.numbers import number, percent


def notes(window: WindowResult) -> list[str]:
    """Who answered, how far people agree, the judge, the mix of scores, the early watch, and clusters."""
    return [sentence for part in (_response, _judge, _mix, _early, _clusters) for sentence in part(window)]


def episode_notes(windows: Sequence[WindowResult]) -> list[str]:
    """The episode that the last of a stream's windows, oldest first, belongs to."""
    last = windows[-1]
    if last.episode is None:
        return []
    first = next(window.period for window in windows if window.episode == last.episode)
    if first == last.period:
        return ["An episode began in this period."]
    shows = f"`calib alerts episodes {last.stream}` shows it"
    return [f"This period belongs to an episode that began in {first}; {shows}."]


def _response(window: WindowResult) -> list[str]:
    response = window.response
    if response is None or response.share is None:
        return []
    sentences = []
    if response.share < 1 and response.accuracy_if_missing_wrong is not None:
        sentences.append(
            f"{percent(response.share)} of the drawn rows have an answer. If every missing answer was "
            f"wrong, the accuracy would be {number(response.accuracy_if_missing_wrong)}; if every one was "
            f"right, {number(response.accuracy_if_missing_right)}."
        )
    agreement = response.agreement
    if agreement.rows and agreement.share is not None:
        sentences.append(
            f"Two people labelled {agreement.rows:,} rows and agreed on {percent(agreement.share)} "
            f"({percent(agreement.low)} to {percent(agreement.high)}){kappa_words(agreement)}. With labels "
            f"like these, even a perfect mapping shows an ECE of {number(agreement.ece_floor)}."
        )
    if window.change.label_error is not None:
        sentences += label_error_sentences(window.change.label_error)
    return sentences


def _judge(window: WindowResult) -> list[str]:
    judge = window.change.judge
    if judge is None:
        return []
    return [f"The automatic judge was {'used' if judge.used else 'not used'}: {judge.reason}."]


def _mix(window: WindowResult) -> list[str]:
    mix = window.score_mix
    if mix is None or not mix.notable:
        return []
    return [
        f"The mix of stated confidences moved more than usual: {percent(mix.moved)} of the predictions "
        "state something else than before. The change test compares at equal stated confidence and is "
        "not affected."
    ]


def _early(window: WindowResult) -> list[str]:
    early = window.early_watch
    if early is None:
        return []
    evidence = "more than 1,000" if early.e_value > 1_000 else f"{early.e_value:,.1f}"
    word = "raised an alarm" if early.alarm else "stayed quiet"
    return [
        f"The early watch {word} after {early.labels:,} labels: evidence {evidence} to 1, alarm at "
        f"{early.needed:,.0f} to 1."
    ]


def _clusters(window: WindowResult) -> list[str]:
    clusters = window.clusters
    if clusters.source == "none" or not clusters.why:
        return []
    return [f"{clusters.why[0].upper()}{clusters.why[1:]}."]
