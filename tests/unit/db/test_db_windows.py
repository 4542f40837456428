"""Windows: opened once, moved by compare-and-set, found in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from queues import NOW, window_row
from sqlalchemy import Connection, Engine

from calib.db import windows
from calib.errors import ConstraintViolated


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def test_a_window_comes_back_as_it_was_put_in(conn: Connection) -> None:
    row = window_row()
    window_id = windows.insert_new(conn, **row)
    found = windows.find(conn, "triage", "2026-10")
    assert found is not None
    assert found.id == window_id
    assert {name: getattr(found, name) for name in row} == row
    assert (found.resets_baseline, found.result, found.evaluated_at) == (False, None, None)


def test_a_period_is_opened_once(conn: Connection) -> None:
    first = windows.insert_new(conn, **window_row())
    assert windows.insert_new(conn, **window_row() | {"population": 99}) is None
    found = windows.find(conn, "triage", "2026-10")
    assert found is not None
    assert (found.id, found.population) == (first, 30)
    assert windows.insert_new(conn, **window_row(stream="other")) is not None


def test_a_row_that_lacks_something_is_no_rival(conn: Connection) -> None:
    with pytest.raises(ConstraintViolated):
        windows.insert_new(conn, **window_row() | {"population": None})


def test_a_window_moves_on_from_the_state_that_was_seen(conn: Connection) -> None:
    window_id = windows.insert_new(conn, **window_row())
    assert window_id is not None
    assert windows.advance(conn, window_id, expect="sampled", state="evaluated", result={"a": 1})
    assert not windows.advance(conn, window_id, expect="sampled", state="closed", closed_at=NOW)
    found = windows.by_ids(conn, [window_id])[0]
    assert (found.state, found.result, found.closed_at) == ("evaluated", {"a": 1}, None)


def test_a_window_never_goes_back(conn: Connection) -> None:
    window_id = windows.insert_new(conn, **window_row(state="closed"))
    assert window_id is not None
    for before, after in (("closed", "evaluated"), ("insufficient", "closed"), ("evaluated", "in_review")):
        with pytest.raises(ValueError, match=f"cannot go from {before} to {after}"):
            windows.advance(conn, window_id, expect=before, state=after)


def test_a_step_that_rests_on_a_result_needs_that_result(conn: Connection) -> None:
    window_id = windows.insert_new(conn, **window_row(state="evaluated"), result={"a": 0.1})
    assert window_id is not None
    step = {"expect": "evaluated", "state": "evaluated"}
    assert windows.advance(conn, window_id, **step, decided={"a": 0.1}, result={"a": 0.2})
    assert not windows.advance(conn, window_id, **step, decided={"a": 0.1}, result={"a": 0.3})
    assert windows.by_ids(conn, [window_id])[0].result == {"a": 0.2}


def test_earlier_windows_come_newest_first(conn: Connection) -> None:
    for period in ("2026-09", "2026-07", "2026-08", "2026-10"):
        windows.insert_new(conn, **window_row(period))
    windows.insert_new(conn, **window_row("2026-06", stream="other"))
    october = windows.find(conn, "triage", "2026-10")
    assert october is not None
    before = windows.earlier(conn, "triage", before=october.starts_at)
    assert [window.period for window in before] == ["2026-09", "2026-08", "2026-07"]


def test_unfinished_windows_come_oldest_first(conn: Connection) -> None:
    for period, state in (("2026-09", "evaluated"), ("2026-08", "closed"), ("2026-07", "insufficient")):
        windows.insert_new(conn, **window_row(period, state=state))
    windows.insert_new(conn, **window_row("2026-06", state="in_review"))
    assert [w.period for w in windows.unfinished(conn, "triage")] == ["2026-06", "2026-09"]


def test_outlines_are_earlier_windows_without_what_takes_long_to_read(conn: Connection) -> None:
    for period in ("2026-09", "2026-07", "2026-08", "2026-10"):
        windows.insert_new(conn, **window_row(period, state="closed"), result={"a": period})
    windows.insert_new(conn, **window_row("2026-06", stream="other"))
    october = windows.find(conn, "triage", "2026-10")
    assert october is not None
    outlines = windows.outlines(conn, "triage", before=october.starts_at)
    in_full = windows.earlier(conn, "triage", before=october.starts_at)
    assert outlines == [replace(window, design={}, baseline={}, result=None) for window in in_full]
    assert [window.result for window in in_full] == [{"a": "2026-09"}, {"a": "2026-08"}, {"a": "2026-07"}]


def test_windows_over_since_a_moment_are_those_that_closed_or_had_to(conn: Connection) -> None:
    late, early = NOW, NOW - timedelta(days=100)
    for period, state, closed_at, closes_at in (
        ("2026-05", "closed", late, early),
        ("2026-06", "closed", early, late),
        ("2026-07", "insufficient", None, late),
        ("2026-08", "insufficient", None, early),
        ("2026-09", "in_review", None, late),
    ):
        row = window_row(period, state=state) | {"closes_at": closes_at}
        windows.insert_new(conn, **row, closed_at=closed_at)
    over = windows.over_since(conn, "triage", since=NOW - timedelta(days=50), before=NOW)
    assert [window.period for window in over] == ["2026-07", "2026-05"]
