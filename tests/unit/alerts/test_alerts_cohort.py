"""When reviewers are told of a cohort, to the second, and where."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from calib.alerts import Alert, Reviewers, cohort_closing, cohort_late, cohort_opened
from calib.alerts.message import message

CLOSES = datetime(2026, 11, 16, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LABELS = Reviewers(kind="builtin", page="https://calib.example/review/triage", channel="#labels")


def closing(now: datetime, *, missing: int = 7, opened_at: datetime = CLOSES - 14 * DAY) -> Alert | None:
    return cohort_closing(
        "triage",
        "2026-10",
        revision=1,
        missing=missing,
        opened_at=opened_at,
        closes_at=CLOSES,
        now=now,
        reviewers=LABELS,
    )


def late(now: datetime, **more: object) -> Alert | None:
    return cohort_late("triage", "2026-10", closes_at=CLOSES, now=now, reviewers=LABELS, **more)  # type: ignore[arg-type]


def test_a_cohort_that_opens_says_how_many_wait_and_where() -> None:
    told = cohort_opened("triage", "2026-10", revision=2, missing=300, closes_at=CLOSES, reviewers=LABELS)
    assert told is not None
    assert (told.kind, told.channel, told.revision) == ("cohort_opened", "#labels", 2)
    assert told.facts == {
        "missing": 300,
        "closes_at": CLOSES.isoformat(),
        "review": "builtin",
        "page": "https://calib.example/review/triage",
        "project": None,
    }
    assert cohort_opened("a", "2026-10", revision=1, missing=0, closes_at=CLOSES, reviewers=LABELS) is None


def test_a_cohort_closes_soon_two_days_before_it_closes_and_not_after() -> None:
    assert closing(CLOSES - 2 * DAY - SECOND) is None
    told = closing(CLOSES - 2 * DAY)
    assert told is not None
    assert (told.kind, told.channel, told.facts["missing"]) == ("cohort_closing", "#labels", 7)
    assert closing(CLOSES - SECOND) is not None
    assert closing(CLOSES) is None
    assert closing(CLOSES - DAY, missing=0) is None


def test_nobody_is_reminded_of_a_cohort_that_has_just_opened() -> None:
    assert closing(CLOSES - DAY, opened_at=CLOSES - 2 * DAY) is None
    assert closing(CLOSES - DAY, opened_at=CLOSES - 2 * DAY - SECOND) is not None


def test_a_cohort_is_late_a_day_after_its_labels_were_due_and_not_before() -> None:
    assert late(CLOSES) is None
    assert late(CLOSES + DAY - SECOND) is None
    assert late(CLOSES + DAY) is not None


@pytest.mark.parametrize(
    ("missing", "by_itself", "channel"), [(3, False, "#labels"), (0, False, None), (3, True, None)]
)
def test_reviewers_are_told_that_a_cohort_is_late_where_they_can_do_something(
    missing: int, by_itself: bool, channel: str | None
) -> None:
    told = late(CLOSES + DAY, missing=missing, by_itself=by_itself)
    assert told is not None
    assert (told.kind, told.channel) == ("cohort_late", channel)
    assert (told.facts["missing"], told.facts["by_itself"]) == (missing, by_itself)


def test_each_is_said_once_for_each_revision_of_a_window() -> None:
    def ids(revision: int, now: datetime) -> set[str]:
        opened = cohort_opened(
            "triage", "2026-10", revision=revision, missing=1, closes_at=CLOSES, reviewers=LABELS
        )
        told = (opened, late(now, revision=revision, missing=1))
        return {alert.id for alert in told if alert is not None}

    first = ids(1, CLOSES + DAY)
    assert len(first) == 2
    assert ids(1, CLOSES + 9 * DAY) == first
    assert not ids(2, CLOSES + DAY) & first


PLACES = {
    "page": (LABELS, ["Open https://calib.example/review/triage."], ["labels export"]),
    "no page": (Reviewers(kind="builtin"), ["`calib web`", "`calib labels export triage --to todo.csv`"], []),
    "files": (
        Reviewers(kind="files"),
        ["`calib labels export triage --to todo.csv`", "`calib labels import todo.csv --stream triage`"],
        ["calib web"],
    ),
    "label studio": (
        Reviewers(
            kind="label-studio", page="https://labels.example/projects/7/data", project="triage labels"
        ),
        ["Open https://labels.example/projects/7/data and label in the project triage labels."],
        ["labels export", "calib web"],
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_each_message_says_how_many_wait_until_when_and_where_to_label(place: str) -> None:
    reviewers, said, unsaid = PLACES[place]
    opened = cohort_opened(
        "triage", "2026-10", revision=1, missing=300, closes_at=CLOSES, reviewers=reviewers
    )
    soon = cohort_closing(
        "triage",
        "2026-10",
        revision=1,
        missing=1,
        opened_at=CLOSES - 14 * DAY,
        closes_at=CLOSES,
        now=CLOSES - DAY,
        reviewers=reviewers,
    )
    overdue = cohort_late(
        "triage", "2026-10", closes_at=CLOSES, now=CLOSES + DAY, missing=9, reviewers=reviewers
    )
    for alert, rows in ((opened, "300 rows wait"), (soon, "1 row waits"), (overdue, "9 rows wait")):
        assert alert is not None
        text = message(asdict(alert)).text
        for words in (rows, "2026-11-16 00:00 UTC", *said):
            assert words in text, (alert.kind, text)
        for words in unsaid:
            assert words not in text, (alert.kind, text)


def test_of_outcomes_that_are_late_no_sheet_and_no_page_is_named() -> None:
    told = late(CLOSES + DAY, missing=40, by_itself=True)
    assert told is not None
    text = message(asdict(told)).text
    assert "`calib evaluate triage` closes it" in text
    for words in ("labels export", "labels import", "calib web", "https://calib.example"):
        assert words not in text
