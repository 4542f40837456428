"""Reviewers, one-time links, sessions and the record of what was done, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from queues import MINUTE, NOW
from sqlalchemy import Connection, Engine, select

from calib.db import reviewers, tables
from calib.errors import InvalidInput

IDLE = timedelta(hours=1)


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def test_a_reviewer_sees_the_streams_that_were_given(conn: Connection) -> None:
    assert not reviewers.any_active(conn)
    ada = reviewers.add(conn, "ada", role="admin", streams=None, now=NOW)
    bo = reviewers.add(conn, "bo", role="reviewer", streams=["b", "a"], now=NOW)
    assert reviewers.any_active(conn)
    assert (ada.sees("x"), bo.sees("a"), bo.sees("x")) == (True, True, False)
    assert reviewers.list_all(conn) == [ada, bo]
    nobody = reviewers.add(conn, "cy", role="reviewer", streams=[], now=NOW)
    assert not nobody.sees("a")  # no stream is not every stream


@pytest.mark.parametrize("name", ["", " ada", "a\x1b[31m", "a\u202eb", "x" * 81, "a\nb"])
def test_a_name_that_cannot_be_shown_is_refused(conn: Connection, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a reviewer's name"):
        reviewers.add(conn, name, role="reviewer", streams=None, now=NOW)


def test_a_name_is_one_persons_and_a_role_is_one_of_two(conn: Connection) -> None:
    reviewers.add(conn, "ada", role="reviewer", streams=None, now=NOW)
    with pytest.raises(InvalidInput, match="already"):
        reviewers.add(conn, "ada", role="admin", streams=None, now=NOW)
    with pytest.raises(InvalidInput, match="not a role"):
        reviewers.add(conn, "bo", role="root", streams=None, now=NOW)  # type: ignore[arg-type]
    assert [reviewer.role for reviewer in reviewers.list_all(conn)] == ["reviewer"]


def test_a_link_opens_once_until_it_expires_and_is_not_used_up_by_a_look(conn: Connection) -> None:
    ada = reviewers.add(conn, "ada", role="reviewer", streams=None, now=NOW)
    ends = reviewers.make_link(conn, ada, token="first", now=NOW).expires_at
    bo = reviewers.add(conn, "bo", role="reviewer", streams=None, now=NOW)
    reviewers.make_link(conn, bo, token="second", now=NOW)
    assert ends == NOW + timedelta(hours=24)
    stored = conn.execute(select(tables.sign_in_links.c.hash)).scalars().all()
    assert "first" not in str(stored)
    assert reviewers.holder_of_link(conn, "first", now=NOW)
    assert reviewers.use_link(conn, "third", now=NOW) is None
    assert reviewers.use_link(conn, "first", now=ends - MINUTE) == ada
    assert reviewers.use_link(conn, "first", now=ends - MINUTE) is None
    assert not reviewers.holder_of_link(conn, "first", now=NOW)
    assert reviewers.use_link(conn, "second", now=ends) is None


def test_a_new_link_withdraws_the_earlier_ones_that_were_not_used(conn: Connection) -> None:
    ada, bo = (reviewers.add(conn, name, role="reviewer", streams=None, now=NOW) for name in ("ada", "bo"))
    later = NOW + timedelta(hours=24)
    assert reviewers.make_link(conn, bo, token="of bo", now=NOW).withdrawn == 0
    assert reviewers.make_link(conn, ada, token="first", now=NOW).withdrawn == 0
    assert reviewers.make_link(conn, ada, token="second", now=NOW).withdrawn == 1
    assert reviewers.holder_of_link(conn, "first", now=NOW) is None
    assert reviewers.use_link(conn, "first", now=NOW) is None
    assert reviewers.use_link(conn, "second", now=NOW) == ada
    assert reviewers.make_link(conn, ada, token="third", now=NOW).withdrawn == 0  # the second was used
    assert reviewers.make_link(conn, ada, token="fourth", now=later).withdrawn == 0  # the third has expired
    assert reviewers.use_link(conn, "of bo", now=NOW) == bo


def test_of_two_who_use_a_link_at_once_one_gets_in(engine: Engine) -> None:
    with engine.begin() as conn:
        ada = reviewers.add(conn, "ada", role="reviewer", streams=None, now=NOW)
        reviewers.make_link(conn, ada, token="only", now=NOW)
    got: list[reviewers.Reviewer | None] = []
    both = threading.Barrier(2)

    def use() -> None:
        both.wait()
        with engine.begin() as conn:
            got.append(reviewers.use_link(conn, "only", now=NOW))

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reviewer is None for reviewer in got) == [False, True]


def test_a_session_ends_by_time_by_idleness_and_by_hand(conn: Connection) -> None:
    ada = reviewers.add(conn, "ada", role="reviewer", streams=None, now=NOW)
    ends = NOW + timedelta(hours=8)
    for token in ("one", "two"):
        reviewers.open_session(conn, ada, token=token, csrf="secret", now=NOW, expires_at=ends)
    found = reviewers.find_session(conn, "one", now=NOW + MINUTE / 2, idle=IDLE)
    assert found is not None
    assert (found.reviewer, found.csrf, found.expires_at) == (ada, "secret", ends)
    assert reviewers.find_session(conn, "zero", now=NOW, idle=IDLE) is None
    assert reviewers.find_session(conn, "two", now=NOW + IDLE, idle=IDLE) is None
    for minutes in range(50, 480, 50):  # whoever works stays signed in, until the absolute end
        assert reviewers.find_session(conn, "one", now=NOW + minutes * MINUTE, idle=IDLE) is not None
    assert reviewers.find_session(conn, "one", now=ends, idle=IDLE) is None
    assert reviewers.close_session(conn, found.id, now=NOW)
    assert not reviewers.close_session(conn, found.id, now=NOW)
    assert reviewers.find_session(conn, "one", now=NOW + 451 * MINUTE, idle=IDLE) is None


def test_revoking_ends_sessions_and_links_and_can_be_undone(conn: Connection) -> None:
    ada = reviewers.add(conn, "ada", role="admin", streams=None, now=NOW)
    reviewers.make_link(conn, ada, token="link", now=NOW)
    ends = NOW + timedelta(days=1)
    reviewers.open_session(conn, ada, token="session", csrf="c", now=NOW, expires_at=ends)
    assert reviewers.revoke(conn, "ada", now=NOW)
    assert not reviewers.revoke(conn, "ada", now=NOW)
    assert not reviewers.revoke(conn, "nobody", now=NOW)
    assert not reviewers.holder_of_link(conn, "link", now=NOW)
    assert reviewers.use_link(conn, "link", now=NOW) is None
    assert reviewers.find_session(conn, "session", now=NOW, idle=IDLE) is None
    assert not reviewers.any_active(conn)
    again = reviewers.add(conn, "ada", role="reviewer", streams=["a"], now=NOW + MINUTE)
    assert (again.id, again.role, again.revoked_at) == (ada.id, "reviewer", None)
    assert reviewers.find_session(conn, "session", now=NOW, idle=IDLE) is None
    assert reviewers.use_link(conn, "link", now=NOW) is None


def test_a_local_session_has_no_reviewer_and_ends_when_the_first_is_added(conn: Connection) -> None:
    ends = NOW + timedelta(days=1)
    reviewers.open_session(conn, None, token="start", csrf="c", now=NOW, expires_at=ends)
    found = reviewers.find_session(conn, "start", now=NOW, idle=IDLE)
    assert found is not None
    assert found.reviewer is None
    assert reviewers.end_local_sessions(conn, now=NOW) == 1
    assert reviewers.find_session(conn, "start", now=NOW, idle=IDLE) is None


def test_what_was_done_is_recorded(conn: Connection) -> None:
    reviewers.record(conn, who="ada", what="signed_in", at=NOW)
    reviewers.record(conn, who="ada", what="decided", at=NOW + MINUTE, stream="a", details={"item": 3})
    newest, oldest = reviewers.recorded(conn)
    assert (newest.what, newest.details, oldest.stream) == ("decided", {"item": 3}, None)
    assert [action.what for action in reviewers.recorded(conn, stream="a")] == ["decided"]
    assert len(reviewers.recorded(conn, limit=1)) == 1
