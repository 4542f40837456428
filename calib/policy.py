"""Every threshold that a person could question, in one place, with its reason.

These are choices of policy, not of statistics: each could be another number without anything being wrong. The
budget of false alarms is divided in `calib/cycle/budget.py`. Settings of a stream (`calib.toml`) come first
where there is one; what stands here is the same for all streams.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, Protocol


class EceWithInterval(Protocol):
    """A measured ECE and the low end of its interval; None where nothing was measured."""

    @property
    def ece(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...


# --- Rows and answers that cannot be read (docs/explanation/statistics.md, ADR 106) ---
OVERSHOOT = 1e-6  # beyond 0 or 1: sums of floats and 32-bit numbers give it, no other scale does
MAX_REJECTED = 0.05  # share of rows, or of answers: what is left beside more need not be like the whole
USUAL_BELOW = 2.0  # times the share of [0, scale] that lies below 1: more is a part that is not scaled

# --- May a window's labels carry a verdict? (docs/explanation/statistics.md) ---
VERDICT_LEAST_LABELS = 50  # fewer labels see only a collapse, and a refit on them loses to the raw confidence
LEAST_RESPONSE = 0.7  # labelled share of the sample: below it the missing answers could decide
LEAST_EVENNESS = 0.5  # response of the worst stratum per response of the best: less leans to one side
EVENNESS_LEAST_DRAWN = 10  # drawn rows of a stratum whose response is looked at: with fewer it is chance

# --- Labels that are wrong (ADR 150) ---
LABELS_SHOW_LEAST = 0.2  # share of a rise: labels that show less are as good as coins, and prove nothing
LABELS_WORSE_ALPHA = 0.05  # one-sided: "people agree less than before" is a hint beside the verdict, no alarm

# --- How many outcomes does labels = "all" take? ---
ALL_LABELS = 50_000  # more would narrow no interval that matters, and take minutes to draw and to store

# --- Which earlier windows form the baseline? ---
BASELINE_WINDOWS = 6  # enough to make the baseline's own noise small, few enough to follow the seasons

# --- Segments (ADR 6) ---
SEGMENT_LEAST_LABELS = 30  # expected in the sample, and present on both sides of its change test
SEGMENT_STRATUM_LABELS = 25  # labels that each stratum of a segment's own should hold
SEGMENTS_NAMED = 5  # degraded segments that an alert names: more would bury the message
SEGMENTS_SHOWN = 8  # rows of an alert's table of segments, those that degraded first

# --- The early watch (ADR 7) ---
EARLY_TOLERANCE = 0.5  # standard errors of the mapping's own fit: what it may be off by without being wrong
EARLY_LEAST_VARIANCE = 0.02  # of an answer: an accuracy near 0 or 1 is not known as exactly as it looks
EARLY_MOST_TOLERANCE = 0.5  # in confidence: more would tolerate anything

# --- Refitting (ADR 3, ADR 41) ---
REFIT_LEAST_LABELS = 50  # fewer cannot choose a form on rows that it has not seen
REFIT_POOL_ABOVE = 0.05  # p-value of the change test above which old labels still describe the present
REFIT_OLD_SHARE = 0.1  # of the new labels' weight, for old labels after a change
SEGMENT_REFIT_LEAST_LABELS = 50  # in a segment, new and old: fewer show a gain by chance
SEGMENT_REFIT_LEAST_GAIN = 1.3  # of the paired Brier score in standard errors: one in ten gains so by chance

# --- Certificates and chains (ADR 42, docs/explanation/routing.md) ---
CERTIFICATE_START_SHARE = 0.15  # of the population at and above the first cut: less could never be proven
CHAIN_LEAST_LABELS = 300  # of whole chains: with fewer the mapping of chains is worse than the product

# --- Planning ---
PLAN_PRIOR_LABELS = 2.0  # labels that a stratum's expected accuracy counts as beside observed ones

# --- The mix of stated confidences (ADR 9) ---
MIX_NOTABLE = 0.10  # share of all predictions that moved to another stated confidence
MIX_UNUSUAL = 2.0  # times the furthest that any earlier window lay from the others, and times chance

# --- Alerts (docs/how-to/alerts.md) ---
REJECTED_SHARE = 0.05  # of all rows; `rejects_up` is raised beyond it and beyond
REJECTED_FACTOR = 3  # times the share of the window before
UNDERPOWERED_RISE = 0.15  # ADR 9: a window that cannot see a rise of this size watches nothing: `cannot_see`


def recovered(low: float | None, high: float | None, degraded_ece: float | None, max_rise: float) -> bool:
    """Whether a served ECE, by its 95% interval, is small again after a window that measured `degraded_ece`.

    It may be no larger than the rise that the stream accepts, and is certainly smaller than it was. Its point
    is no measure: at 500 labels a perfect mapping reads 0.027.
    """
    if low is None or high is None or degraded_ece is None:
        return False
    return low <= max_rise and high < degraded_ece


def above_limit(served: EceWithInterval, *, max_ece: float, max_rise: float, floor: float = 0.0) -> bool:
    """Whether a served ECE is too large whatever came before: beyond the limit, and not by chance.

    `floor`: the ECE that a perfect mapping shows through these labels, which is not the mapping's fault.
    """
    if served.ece is None or served.low is None:
        return False
    return served.ece - floor > max_ece and served.low - floor > max_rise


# --- The watchdog ---
GRACE = timedelta(days=1)  # before something that did not happen is an alert
STALE_BEFORE_EXPIRY = timedelta(days=7)  # time to act before clients stop trusting a mapping
CLOSING_BEFORE = timedelta(days=2)  # reviewers are told that a window closes, with time for an hour's work
BACKFILL_MOST = 400  # periods at once: a year of days; a single row of 1970 must not make hundreds of windows
LOOK_BACK_PERIODS = 12  # that the watchdog looks over for windows that nobody opened


def cohort_is_late(closes_at: datetime, now: datetime) -> bool:
    """Whether a window should have closed `GRACE` ago, so that a daily schedule has had its chance."""
    return now >= closes_at + GRACE


def job_is_missing(since: datetime, now: datetime, *, every: timedelta) -> bool:
    """Whether a job that comes to its end every so often, last at `since`, is `GRACE` over its time."""
    return now >= since + every + GRACE


def cohort_closes_soon(opened_at: datetime, closes_at: datetime, now: datetime) -> bool:
    """Whether a window that has been open for a while closes within `CLOSING_BEFORE`, and has not yet."""
    soon = closes_at - CLOSING_BEFORE
    return opened_at < soon <= now < closes_at


def mapping_is_stale(expires_at: datetime, now: datetime) -> bool:
    """Whether a mapping expires so soon that somebody must act."""
    return now >= expires_at - STALE_BEFORE_EXPIRY


LONGEST_PERIOD = {"month": timedelta(days=31), "week": timedelta(days=7), "day": timedelta(days=1)}


def expiry(
    published: datetime, period: Literal["month", "week", "day"], *, settle: timedelta, close_after: timedelta
) -> datetime:
    """When a mapping is too old to trust.

    Its successor comes one period later, after settling and labelling; a mapping expires when that one is
    late by a whole period.
    """
    return published + 2 * LONGEST_PERIOD[period] + settle + close_after


# --- Publishing ---
PUBLISH_ATTEMPTS = 5  # at a channel that others move at the same time

# --- The verdict on an ECE: the usual limits of practice, not of a test ---
ECE_UNRELIABLE = 0.10  # above it a stated confidence is not a reliable signal as it stands
ECE_USELESS = 0.15  # above it a fixed threshold decides better than the confidence as it stands

# --- Does a confidence distinguish right answers from wrong ones? (ADR 102) ---
NO_INFORMATION_BELOW = 0.6  # the upper end of the AUROC's interval: below it hardly anything could be gained
