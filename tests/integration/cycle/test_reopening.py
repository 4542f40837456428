"""A person looks again: revisions with samples of their own, and periods that are left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from stream_life import StreamLife, quick_fits

from calib import cycle
from calib.cycle import reopening
from calib.cycle.own_entries import window_publish_id
from calib.cycle.reporting import _standing_at
from calib.db import episodes, tables, windows
from calib.db.windows import Window
from calib.errors import InvalidInput
from calib.review import queue


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamLife]:
    quick_fits(monkeypatch)
    made = StreamLife()
    yield made
    made.close()


def revisions(life: StreamLife, period: str) -> list[tuple[int, str, bool]]:
    return [(w.revision, w.state, w.standing) for w in life.known() if w.period == period]


def labels(life: StreamLife) -> int:
    with life.engine.connect() as conn:
        return conn.execute(select(func.count()).select_from(tables.labels)).scalar_one()


def test_a_revision_draws_the_same_rows_and_stands_once_it_is_closed(life: StreamLife) -> None:
    first = life.month("2026-01")
    again = life.reopen("2026-01", "the reviewers were new")
    assert again.revision == 2
    assert revisions(life, "2026-01") == [(1, "closed", True), (2, "sampled", False)]
    assert again.sample_digest == first.sample.digest
    second = life.advance("2026-01")  # all its labels came along
    assert revisions(life, "2026-01") == [(1, "closed", False), (2, "closed", True)]
    assert (second.revision, second.standing, second.labels) == (2, True, first.labels)
    assert not life.summary("2026-01", 1).standing
    assert life.month("2026-02").baseline.periods == ("2026-01",)
    assert life.window("2026-02").baseline["pooled"] == [again.id]


def test_what_a_revision_publishes_and_reports_has_ids_of_its_own(life: StreamLife) -> None:
    life.month("2026-01")
    life.month("2026-02", accuracy=lambda raw: raw - 0.6)
    assert "degraded" in life.told("2026-02")
    life.reopen("2026-02")
    for row in range(len(life.traffic.rows) - 400, len(life.traffic.rows)):  # the labels were wrong
        life.traffic.rows[row] = replace(life.traffic.rows[row], right=True)
    life.label("2026-02", by="bo")
    life.advance("2026-02")
    told = life.told("2026-02", 2)
    assert "degraded" in told
    assert len({window_publish_id(life.window("2026-02", n), "production") for n in (1, 2)}) == 2
    assert len(life.log()) == 3
    assert life.log()[-1].publish_id == window_publish_id(life.window("2026-02", 2), "production")
    t = tables.outbox
    with life.engine.connect() as conn:
        ids = conn.execute(select(t.c.id).where(t.c.kind == "degraded")).scalars().all()
    assert len(set(ids)) == 2


def test_only_the_newest_period_moves_the_channel(life: StreamLife) -> None:
    for month in ("2026-01", "2026-02", "2026-03"):
        life.month(month)
    log = life.log()
    life.reopen("2026-02")
    again = life.advance("2026-02")
    assert again.state == "closed"
    assert (again.refit.published, again.refit.upheld) == (False, False)
    older = ("refit_older_than_newest", "refit_older_than_served")
    assert again.refit.reason_code in older
    assert life.log() == log
    # nor does it where the served mapping is its own, and the newest period upheld that
    life.reopen("2026-01")
    assert life.advance("2026-01").refit.reason_code in older
    assert life.log() == log
    # the newest one may, though its first revision has published
    life.reopen("2026-03")
    assert life.advance("2026-03").refit.reason_code not in older


def test_late_labels_are_used_at_once(life: StreamLife) -> None:
    life.write("2026-01")
    window = life.open("2026-01")
    life.label("2026-01", 0.3)
    life.clock.step(window.closes_at - life.clock.now())
    assert life.advance("2026-01").state == "insufficient"
    assert set(life.label("2026-01", 0.9)) == {"same", "late"}
    assert life.advance("2026-01").labels.n == 36
    life.reopen("2026-01")
    assert revisions(life, "2026-01") == [(1, "insufficient", True), (2, "sampled", False)]
    assert life.summary("2026-01").labels.n == 108
    life.label("2026-01")
    assert (life.advance("2026-01").state, life.advance("2026-01").labels.n) == ("closed", 120)


def test_outcomes_that_came_late_count_in_a_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_fits(monkeypatch)
    life = StreamLife(outcomes=True)
    life.write("2026-01")
    life.open("2026-01")
    life.after("2026-01", days=40)
    assert life.advance("2026-01").state == "insufficient"
    life.traffic.known = {row.id: row.right for row in life.traffic.rows}
    again = life.reopen("2026-01")
    assert again.closes_at == life.clock.now()
    assert life.advance("2026-01").state == "closed"
    assert revisions(life, "2026-01") == [(1, "insufficient", False), (2, "closed", True)]
    life.close()


def test_no_label_is_lost_where_a_revision_draws_other_rows(life: StreamLife) -> None:
    life.month("2026-01")
    rows, before = life.traffic.rows, labels(life)
    life.traffic.rows = [row for row in rows if int(row.id.rpartition("-")[2]) % 4]  # some were mended away
    second = life.reopen("2026-01")
    carried = life.summary("2026-01").labels.n
    assert 0 < carried < 120
    assert labels(life) == before + carried
    life.traffic.rows = rows  # and came back: their labels come along from the first revision
    third = life.reopen("2026-01")
    assert life.summary("2026-01").labels.n == 120
    assert (second.discarded_at, third.revision) == (None, 3)
    assert revisions(life, "2026-01") == [
        (1, "closed", True),
        (2, "sampled", False),
        (3, "sampled", False),
    ]
    assert life.window("2026-01", 2).discarded_at is not None


def test_an_answer_that_was_corrected_comes_along_as_it_counts(life: StreamLife) -> None:
    life.write("2026-01")
    life.open("2026-01")
    life.label("2026-01", wrong=True)
    assert set(life.label("2026-01")) == {"corrected"}
    right = life.advance("2026-01").labels.correct
    life.reopen("2026-01")
    assert life.summary("2026-01").labels.correct == right
    with life.engine.connect() as conn:
        people = select(tables.labels.c.by).distinct()
        assert conn.execute(people).scalars().all() == ["ana"]


def test_a_window_that_still_waits_is_discarded_in_favour_of_the_new_one(life: StreamLife) -> None:
    life.write("2026-01")
    life.open("2026-01")
    life.label("2026-01", 0.5)
    life.reopen("2026-01")
    assert revisions(life, "2026-01") == [(1, "sampled", False), (2, "sampled", True)]
    assert life.summary("2026-01").labels.n == 60
    with life.engine.connect() as conn:  # nobody is asked for the rows of the first any more
        claims = queue.claim(conn, stream="triage", by="bo", now=life.clock.now(), n=500)
        assert {claim.period for claim in claims} == {"2026-01"}
        assert len(claims) == len({claim.prediction_id for claim in claims})
    assert set(life.label("2026-01", revision=1)) <= {"same", "late"}
    assert life.advance("2026-01").state in ("sampled", "in_review")
    first = cycle.advance(life.window("2026-01", 1), life.ports)
    assert first.state == "sampled"  # whatever happens, it goes nowhere


def test_a_revision_without_enough_evidence_does_not_displace_a_closed_one(life: StreamLife) -> None:
    life.month("2026-01")
    life.traffic.rows = [replace(row, id=f"{row.id}-renamed") for row in life.traffic.rows]
    again = life.reopen("2026-01")
    assert life.summary("2026-01").labels.n == 0
    life.clock.step(again.closes_at - life.clock.now())
    assert life.advance("2026-01").state == "insufficient"
    assert revisions(life, "2026-01") == [(1, "closed", True), (2, "insufficient", False)]
    assert life.month("2026-02").baseline.periods == ("2026-01",)


def test_a_discarded_period_leaves_the_baseline_and_stays_in_history(life: StreamLife) -> None:
    life.month("2026-01")
    life.month("2026-02", accuracy=lambda raw: raw - 0.6)
    told, log = life.alerts(), life.log()
    assert ("2026-02", 1, "degraded") in told
    life.discard("2026-02", "a load test")
    assert revisions(life, "2026-02") == [(1, "closed", False)]
    assert (life.alerts(), life.log()) == (told, log)
    assert life.summary("2026-02").change.state == "degraded"
    assert life.month("2026-03").baseline.periods == ("2026-01",)
    with life.engine.connect() as conn:  # what it opened stays open until it is ended
        assert [episode.opened_in for episode in episodes.open_of(conn, "triage")] == ["2026-02"]


def test_a_discarded_window_takes_no_labels_and_is_not_waited_for(life: StreamLife) -> None:
    life.write("2026-01")
    life.open("2026-01")
    life.discard("2026-01")
    assert set(life.label("2026-01")) == {"late"}
    assert life.advance("2026-01").state == "sampled"
    with life.engine.connect() as conn:
        assert queue.claim(conn, stream="triage", by="bo", now=life.clock.now()) == []
        assert windows.unfinished(conn, "triage") == []
    assert cycle.open_due(life.policy, life.ports) is None  # it is not opened again by itself
    life.clock.pass_by(days=16)
    kinds = [found["kind"] for found in cycle.watch_over(life.policy, life.ports)]
    assert "cohort_late" not in kinds
    again = life.reopen("2026-01", "it was no load test")
    assert revisions(life, "2026-01") == [(1, "sampled", False), (2, "sampled", True)]
    assert life.advance("2026-01").state == "closed"
    assert again.id == life.window("2026-01").id


def test_who_did_what_when_and_why_is_kept(life: StreamLife) -> None:
    life.month("2026-01")
    life.reopen("2026-01", "  the column was renamed ")
    at = life.clock.now()
    life.clock.pass_by(hours=1)
    life.discard("2026-01")
    life.discard("2026-01", "twice is once")
    with life.engine.connect() as conn:
        found = windows.actions(conn, "triage", "2026-01")
    assert [(a.revision, a.action, a.by, a.reason) for a in found] == [
        (2, "reopened", "ana", "the column was renamed"),
        (1, "discarded", "ana", "a load test"),
        (2, "discarded", "ana", "a load test"),
    ]
    assert [a.at for a in found] == [at, at + timedelta(hours=1), at + timedelta(hours=1)]


@pytest.mark.parametrize("verb", ["reopen", "discard"])
def test_what_cannot_be_looked_at_again_is_refused_and_nothing_changes(life: StreamLife, verb: str) -> None:
    act = getattr(life, verb)
    with pytest.raises(InvalidInput, match="has no window of 2026-01; `calib window list triage`"):
        act("2026-01")
    life.month("2026-01")
    for reason in ("", "  ", "x" * 2001):
        with pytest.raises(InvalidInput, match="--reason"):
            act("2026-01", reason)
    with life.engine.begin() as conn:
        conn.execute(update(tables.windows).values(state="evaluated"))
    with pytest.raises(InvalidInput, match="about to be published; `calib evaluate triage` closes it"):
        act("2026-01")
    assert revisions(life, "2026-01") == [(1, "evaluated", True)]


def test_a_period_without_rows_is_not_reopened(life: StreamLife) -> None:
    life.month("2026-01")
    life.traffic.rows.clear()
    with pytest.raises(InvalidInput, match="2026-01 is empty"):
        life.reopen("2026-01")
    assert revisions(life, "2026-01") == [(1, "closed", True)]


def test_every_database_keeps_one_revision_standing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_fits(monkeypatch)
    life = StreamLife(engine)
    life.month("2026-01")
    life.reopen("2026-01")
    life.label("2026-01", 0.5, wrong=True)
    assert life.advance("2026-01").state == "closed"
    life.write("2026-02")
    life.open("2026-02")
    life.label("2026-02", 0.8)
    life.after("2026-02", days=20)
    assert life.evaluate()[0].baseline.periods == ("2026-01",)
    assert set(life.label("2026-02")) == {"same", "late"}
    assert life.month("2026-03").baseline.labels == 240
    life.discard("2026-01")
    assert [(w.period, w.revision, w.standing) for w in life.known()] == [
        ("2026-01", 1, False),
        ("2026-01", 2, False),
        ("2026-02", 1, True),
        ("2026-03", 1, True),
    ]


def test_two_who_reopen_at_once_make_one_revision(life: StreamLife, monkeypatch: pytest.MonkeyPatch) -> None:
    life.month("2026-01")
    real, meanwhile = reopening.open_revision, []

    def overtaken(*arguments: Any, **how: Any) -> Window:
        if not meanwhile:
            meanwhile.append(True)
            meanwhile.append(life.reopen("2026-01", "the other one"))
        return real(*arguments, **how)

    monkeypatch.setattr(reopening, "open_revision", overtaken)
    assert life.reopen("2026-01", "mine").id == meanwhile[1].id
    assert revisions(life, "2026-01") == [(1, "closed", True), (2, "sampled", False)]
    with life.engine.connect() as conn:
        assert [one.reason for one in windows.actions(conn, "triage", "2026-01")] == ["the other one"]


def test_what_stood_at_a_moment_is_known_afterwards(life: StreamLife) -> None:
    """So that a report that is made again is the same."""
    life.month("2026-01")
    moments = [life.clock.now()]
    life.clock.pass_by(days=1)
    life.reopen("2026-01")
    life.advance("2026-01")
    moments.append(life.clock.now())
    life.clock.pass_by(days=1)
    life.discard("2026-01")
    moments.append(life.clock.now())
    stood = [[w.revision for w in _standing_at(life.known(), moment)] for moment in moments]
    assert stood == [[1], [2], []]
    assert _standing_at(life.known(), moments[0] - timedelta(days=1)) == []
