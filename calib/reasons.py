"""Why something was decided: a code for programs, its facts, and the one sentence that says it to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

Facts = Mapping[str, str | int | float]
UNREADABLE = (  # the reasons that lie in what came in: more labels would not help
    "too_many_rejected",
    "scale_not_reached",
    "scale_of_a_part",
    "unknown_outcomes",
    "one_class_beside_unknown",
)

# The only place where these sentences are written. A code never changes its meaning; a sentence may.
SENTENCES = {
    # whether a window's labels can carry a verdict
    "labels_incomplete": "the labels are not complete yet",
    "too_few_labels": "{labels} of the {drawn} drawn rows are labelled; a verdict needs {least}",
    "low_response": "{labels} of {drawn} rows are labelled: below {least:.0%} those left out decide",
    "uneven_response": (
        "the worst stratum was answered at {worst:.0%}, the best at {best:.0%}: "
        "labels from one side cannot say what all rows would have shown"
    ),
    # whether what came in can be read
    "too_many_rejected": (
        "{unreadable:,} of {rows:,} rows cannot be read, {kinds}{looks}; "
        "max_rejected = {limit:g} allows {limit:.1%}"
    ),
    "scale_not_reached": (
        "no confidence of {rows:,} is above 1, so they are not out of {scale:g} as scale = {scale:g} says"
    ),
    "scale_of_a_part": (
        "{unscaled:,} of {rows:,} confidences lie between 0 and 1: a part of them is not out of {scale:g} as "
        "scale = {scale:g} says"
    ),
    "unknown_outcomes": (
        "{unknown:,} of {drawn:,} drawn rows have an outcome that says neither right nor wrong; "
        "at most {limit:.0%} may be left out"
    ),
    "one_class_beside_unknown": (
        "all {labels:,} labels are {answer}, beside {unknown:,} outcomes that say neither right nor wrong"
    ),
    # whether a new mapping is published
    "refit_better": "better than what is served and than the raw confidence on labels that it has not seen",
    "refit_no_better_than_served": "not better than what is served on labels that it has not seen",
    "refit_no_better_than_raw": "not better than the raw confidence on labels that it has not seen",
    "refit_no_better_than_either": (
        "not better than what is served and than the raw confidence on labels that it has not seen"
    ),
    "refit_too_few_labels": "{labels} labels are too few to fit a mapping: {least} are needed",
    "refit_one_class": "all {labels} labels are {answer}: nothing can be fitted to one class",
    "refit_older_than_served": "the served mapping rests on {served_period}, later than {period}",
    "refit_older_than_newest": (
        "{newer} is closed already: {channel} is moved by its newest period alone, not by {period}"
    ),
    "refit_all_withdrawn": "a person withdrew the channel, and candidate, where a new mapping would wait",
    "refit_channel_moved": "{by} moved the channel meanwhile ({entry_reason}): that decision stands",
    # why no cut is certified
    "no_information": (
        "no information: the confidence does not distinguish right answers from wrong ones; its AUROC is "
        "{auroc:.2f} ({low:.2f} to {high:.2f})"
    ),
    "information_not_shown": (
        "it is not shown yet that the confidence distinguishes right answers from wrong ones: its AUROC is "
        "{auroc:.2f} ({low:.2f} to {high:.2f}); about {needed:,} labels would show it"
    ),
    "error_rate_too_high": (
        "the error rate is too high: at the top {accuracy:.1%} of {labels} are right "
        "({low:.1%} to {high:.1%}), {target:.1%} wanted"
    ),
    "too_few_labels_at_top": (
        "too few labels: {labels} at the top; about {more} more in all would do at the accuracy seen there"
    ),
    # why a run of a probe shows nothing
    "probe_refused": "{error}",
    "probe_too_few_readable": "{readable} of {questions} replies can be read, and {least:.0%} are needed",
    "probe_too_few_same_questions": (
        "{same} questions are the same as when {accepted} was accepted, {least} are needed"
    ),
    # whether labels come in clusters, and what they then count for
    "clusters_named": (
        "rows with the same value of the column `cluster` belong together: {labels} labels count as "
        "{effective:.0f}"
    ),
    "clusters_day": "rows of one day are right or wrong together: {labels} labels count as {effective:.0f}",
    "clusters_day_segment": (
        "rows of one day and segment are right or wrong together: {labels} labels count as {effective:.0f}"
    ),
    "clusters_outcome_day": (
        "rows whose outcome was known on one day are right or wrong together: {labels} labels count as "
        "{effective:.0f}"
    ),
    "clusters_outcome_day_segment": (
        "rows of one segment whose outcome was known on one day are right or wrong together: {labels} labels "
        "count as {effective:.0f}"
    ),
    "clusters_as_before": (
        "all answers are alike, and in earlier windows rows of one day were right or wrong together: "
        "{labels} labels count as {effective:.0f}"
    ),
    "clusters_not_found": "nothing shows that rows of one day are right or wrong together",
    "clusters_answers_alike": (
        "all answers are alike, which does not show whether rows of one day are right or wrong together"
    ),
    "clusters_too_few_days": (
        "the labels lie on too few days to show whether rows of one day are right or wrong together"
    ),
    "clusters_days_unknown": (
        "there is no label with a known day to show whether rows of one day are right or wrong together"
    ),
    "early_watch_clusters": "rows come in clusters, and the early watch holds for independent rows alone",
    # whether a judge makes labels count for more
    "judge_used": "with a correlation of {correlation:.2f} labels count for {gain:.0%} more",
    "judge_gains_too_little": (
        "with a correlation of {correlation:.2f} labels would count for only {gain:.1%} more"
    ),
    "judge_may_be_chance": (
        "a correlation of {correlation:.2f} inside the strata could be chance with {labels:.0f} labels"
    ),
    "judge_constant": "inside each stratum the judge or the labels say the same of every row",
    "judge_missing_rows": "stratum {stratum} has {labels:g} labels but only {judged:g} judged rows",
}


class ReasonFields(TypedDict):
    """A reason as the fields of a result: `reason` is the sentence."""

    reason: str
    reason_code: str
    reason_facts: dict[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of `SENTENCES` and the facts that its sentence names, as JSON values.

    >>> Reason("too_few_labels", {"labels": 12, "drawn": 300, "least": 50}).sentence
    '12 of the 300 drawn rows are labelled; a verdict needs 50'
    """

    code: str
    facts: Facts

    def __post_init__(self) -> None:
        SENTENCES[self.code].format(**self.facts)  # a KeyError here, and not where somebody reads it

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return SENTENCES[self.code].format(**self.facts)

    def fields(self) -> ReasonFields:
        """As results and their JSON hold it."""
        return {"reason": self.sentence, "reason_code": self.code, "reason_facts": dict(self.facts)}
