"""Rules about a window's cohort: it was opened, it closes soon, it is late. Pure.

What people have to do for it goes to the channel of the reviewers, once for each window and kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from calib.alerts.alert import Alert, Severity
from calib.json_object import Json
from calib.policy import cohort_closes_soon, cohort_is_late


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewers:
    """Where a stream is labelled, and where its reviewers are told of it.

    `kind`: the kind of review. `page`: what a browser opens to label, None where there is no such page.
    `project`: the name of the project in Label Studio. `channel`: of the reviewers, None for that of all
    alerts.
    """

    kind: str = "files"
    page: str | None = None
    project: str | None = None
    channel: str | None = None


def cohort_opened(
    stream: str, period: str, *, revision: int, missing: int, closes_at: datetime, reviewers: Reviewers
) -> Alert | None:
    """The window's rows wait for answers; None where all rows have theirs already.

    `missing`: the rows without an answer.
    """
    if not missing:
        return None
    facts = _facts(missing, closes_at, reviewers)
    return _alert("cohort_opened", stream, period, revision, "good", facts, reviewers.channel)


def cohort_closing(
    stream: str,
    period: str,
    *,
    revision: int,
    missing: int,
    opened_at: datetime,
    closes_at: datetime,
    now: datetime,
    reviewers: Reviewers,
) -> Alert | None:
    """Answers count for `CLOSING_BEFORE` more at most, and some are missing; None else.

    None too where the window is open for no longer than that: then the message that it was opened says all.
    """
    if not missing or not cohort_closes_soon(opened_at, closes_at, now):
        return None
    facts = _facts(missing, closes_at, reviewers)
    return _alert("cohort_closing", stream, period, revision, "warning", facts, reviewers.channel)


def cohort_late(
    stream: str,
    period: str,
    *,
    closes_at: datetime,
    now: datetime,
    by_itself: bool = False,
    revision: int = 1,
    missing: int = 0,
    reviewers: Reviewers | None = None,
) -> Alert | None:
    """The window is open a whole `GRACE` after it should have closed; None before that.

    `by_itself`: its labels come without anybody being asked. Where nobody has to label, because of that or
    because no answer is missing, the alert goes where all others go: reviewers can do nothing about it.
    """
    if not cohort_is_late(closes_at, now):
        return None
    told = Reviewers() if reviewers is None else reviewers
    facts = _facts(missing, closes_at, told) | {"by_itself": by_itself}
    channel = told.channel if missing and not by_itself else None
    return _alert("cohort_late", stream, period, revision, "warning", facts, channel)


def _facts(missing: int, closes_at: datetime, reviewers: Reviewers) -> Json:
    return {
        "missing": missing,
        "closes_at": closes_at.isoformat(),
        "review": reviewers.kind,
        "page": reviewers.page,
        "project": reviewers.project,
    }


def _alert(
    kind: str,
    stream: str,
    period: str,
    revision: int,
    severity: Severity,
    facts: Json,
    channel: str | None,
) -> Alert:
    return Alert(
        kind=kind,
        stream=stream,
        period=period,
        severity=severity,
        facts=facts,
        revision=revision,
        channel=channel,
    )
