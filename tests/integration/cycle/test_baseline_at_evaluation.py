"""A window's baseline is fixed when it is evaluated: after the windows before it, with the labels of then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from log_records import Records
from stream_life import StreamLife, quick_fits

from calib.cycle.load import load_window
from calib.results import WindowResult

MONTHS = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"]
SWAPPED = "2026-04"


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamLife]:
    quick_fits(monkeypatch)
    made = StreamLife()
    yield made
    made.close()


def with_a_swap(life: StreamLife) -> None:
    for month in MONTHS:
        worse = month >= SWAPPED
        life.write(month, accuracy=lambda raw, worse=worse: raw - (0.55 if worse else 0.2))
    life.after(MONTHS[-1])


def backfilled_at_once(life: StreamLife) -> list[WindowResult]:
    with_a_swap(life)
    results = []
    for month in MONTHS:
        life.open(month, replay=True)
        life.label(month)
        results.append(life.advance(month))
    return results


def backfilled_and_labelled_later(life: StreamLife) -> list[WindowResult]:
    with_a_swap(life)
    for month in MONTHS:
        life.open(month, replay=True)
        assert life.advance(month).state in ("sampled", "in_review")
    life.clock.pass_by(days=3)
    for month in reversed(MONTHS):  # whatever order people label in
        life.label(month)
    return life.evaluate()


def test_a_backfill_that_is_labelled_later_hears_the_swap_in_the_same_window(
    life: StreamLife,
) -> None:
    at_once = backfilled_at_once(life)
    other = StreamLife()
    later = backfilled_and_labelled_later(other)
    assert [r.period for r in later] == MONTHS
    assert [r.baseline for r in later] == [r.baseline for r in at_once]
    assert at_once[2].baseline.periods == ("2026-01", "2026-02")
    heard = [r.period for r in later if r.change.state == "degraded"]
    assert heard == [r.period for r in at_once if r.change.state == "degraded"] == [SWAPPED]
    # each month was served by what the month before it published, although it was opened before that
    assert [r.served.source for r in later] == [r.served.source for r in at_once]
    assert later[1].served.source == "reconstructed"
    assert later[1].served.mappings[0].mapping == later[0].refit.mapping
    assert later[1].served.ece != later[1].raw.ece
    other.close()


def test_the_baseline_is_kept_with_the_window(life: StreamLife) -> None:
    for month in MONTHS[:3]:
        life.month(month)
    kept = life.window("2026-03").baseline
    assert kept["periods"] == ["2026-01", "2026-02"]
    assert kept["pooled"] == [life.window(m).id for m in ("2026-02", "2026-01")]
    assert len(kept["digest"]) == 64
    assert life.window("2026-02").baseline["digest"] != kept["digest"]


def test_a_window_waits_for_the_ones_before_it(life: StreamLife, records: Records) -> None:
    life.write("2026-01")
    life.write("2026-02")
    life.after("2026-02")
    life.open("2026-01")
    life.open("2026-02")
    life.label("2026-01", 0.5)
    life.label("2026-02")
    waiting = life.advance("2026-02")
    assert (waiting.state, waiting.waits_for) == ("in_review", ("2026-01",))
    records.has("cycle", "waits", period="2026-02", earlier=["2026-01"])
    life.label("2026-01")
    done = life.evaluate()
    assert [(r.period, r.state, r.waits_for) for r in done] == [
        ("2026-01", "closed", ()),
        ("2026-02", "closed", ()),
    ]
    assert done[1].baseline.periods == ("2026-01",)


def test_an_overdue_window_is_waited_for_no_longer(life: StreamLife) -> None:
    life.write("2026-01")
    life.write("2026-02")
    life.after("2026-02")
    life.open("2026-01")
    life.open("2026-02")
    life.label("2026-02")
    due = life.window("2026-01").closes_at
    life.clock.step(due + timedelta(hours=23) - life.clock.now())
    assert life.advance("2026-02").waits_for == ("2026-01",)
    life.clock.pass_by(hours=1)
    assert life.advance("2026-02").state == "closed"


@pytest.mark.parametrize("how", ["insufficient", "discarded"])
def test_a_window_that_has_ended_or_was_discarded_is_not_waited_for(life: StreamLife, how: str) -> None:
    life.write("2026-01")
    life.write("2026-02")
    life.after("2026-02")
    first = life.open("2026-01")
    life.open("2026-02")
    if how == "discarded":
        life.discard("2026-01")
    else:
        life.clock.step(first.closes_at - life.clock.now())
        assert life.advance("2026-01").state == "insufficient"
    life.label("2026-02")
    result = life.advance("2026-02")
    assert (result.state, result.change.state, result.baseline.periods) == ("closed", "first", ())


def test_late_labels_count_in_the_next_baseline_and_change_nothing_before_it(
    life: StreamLife,
) -> None:
    life.write("2026-01")
    first = life.open("2026-01")
    life.label("2026-01", 0.8)
    life.clock.step(first.closes_at - life.clock.now())
    closed = life.advance("2026-01")
    assert (closed.state, closed.labels.n) == ("closed", 96)
    life.month("2026-02")
    before = life.window("2026-02")
    assert life.summary("2026-02").baseline.labels == 96
    assert set(life.label("2026-01")) == {"same", "late"}
    assert life.summary("2026-01") == closed
    assert life.advance("2026-02") == life.summary("2026-02")
    assert life.window("2026-02") == before
    # what was fixed stays: loaded again, the window has the labels of then
    again = load_window(before, engine=life.engine, store=life.store)
    assert again.baseline.digest == before.baseline["digest"]
    assert [len(window.sample) for window in again.earlier] == [96]
    third = life.month("2026-03")
    assert third.baseline.labels == 120 + 120
    fixed = life.window("2026-03").baseline
    assert len(fixed["late"][str(first.id)]) == 24
    # and of late labels that come after that, nothing
    life.label("2026-01", by="bo", wrong=True)
    again = load_window(life.window("2026-03"), engine=life.engine, store=life.store)
    assert again.baseline.digest == fixed["digest"]
    assert sum(len(window.sample) for window in again.earlier) == 240


def test_what_was_served_stays_where_the_traffic_has_changed_since(
    life: StreamLife, records: Records
) -> None:
    with_a_swap(life)
    for month in MONTHS[:2]:
        life.open(month, replay=True)
        life.label(month)
    life.traffic.rows.pop()  # of May: nobody minds
    gone = next(i for i, row in enumerate(life.traffic.rows) if row.id == "2026-02-7")
    life.traffic.rows.pop(gone)
    results = life.evaluate()
    assert [r.state for r in results] == ["closed", "closed"]
    assert results[1].served.source == "raw"
    records.has("cycle", "traffic_changed", level="warning", times=1, period="2026-02")


def test_values_that_the_client_logged_are_not_reconstructed(life: StreamLife) -> None:
    with_a_swap(life)
    life.open("2026-01", replay=True)
    life.open("2026-02", replay=True)
    window = life.window("2026-02")
    design = window.design | {"served_source": "logged"}
    from sqlalchemy import update

    from calib.db import tables

    with life.engine.begin() as conn:
        mine = tables.windows.c.id == window.id
        conn.execute(update(tables.windows).where(mine).values(design=design))
    life.label("2026-01")
    life.label("2026-02")
    assert life.evaluate()[1].served.source == "logged"
    assert replace(life.window("2026-02"), state="x").design == design
