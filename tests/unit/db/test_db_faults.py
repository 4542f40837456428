"""The database fails in the middle: what, where and what to do is said, nothing of a row or a password."""

from __future__ import annotations

import logging
import re
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from log_records import Records
from postgres import PASSWORD, Postgres
from queues import NOW, database, open_window, window_row
from sqlalchemy import Connection, Engine, insert, select, text

from calib.db import tables, windows
from calib.db.engine import open_engine
from calib.db.schema import migrate
from calib.errors import ConstraintViolated, SourceError
from calib.review import queue

PLANTED = "Frau Huber schrieb: mein Konto wurde gesperrt"


def assert_nothing_leaks(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the error as it is shown nor a log with all that caused it has a text or a secret."""
    try:
        raise error
    except type(error):
        logging.getLogger("test").exception("a flow failed")
    for said in (str(error), repr(error), "".join(traceback.format_exception(error)), caplog.text):
        assert PLANTED not in said
        assert "Huber" not in said
        assert PASSWORD not in said
        assert "INSERT" not in said


def failing(attempt: Callable[[Connection], Any], engine: Engine) -> SourceError:
    with pytest.raises(SourceError) as caught, engine.begin() as conn:
        attempt(conn)
    return caught.value


def write_context(conn: Connection) -> None:
    open_window(conn, "a", "b", period="2026-09", question=PLANTED)


def without_a_value(conn: Connection) -> None:
    window = open_window(conn, "a")
    row = {"window_id": window, "prediction_id": PLANTED, "ts": None, "context": {"question": PLANTED}}
    row |= {"stratum": 0, "draw_order": "0", "probability": 1.0, "raw": 0.5, "served": 0.5}
    conn.execute(insert(tables.items).values(**row))


def the_same_twice(conn: Connection) -> None:
    window = open_window(conn, PLANTED)
    row = {"window_id": window, "prediction_id": PLANTED, "ts": NOW, "context": {"question": PLANTED}}
    row |= {"stratum": 0, "draw_order": "0", "probability": 1.0, "raw": 0.5, "served": 0.5}
    conn.execute(insert(tables.items).values(**row))


def of_nothing(conn: Connection) -> None:
    row = {"item_id": 99, "answer": "correct", "by": PLANTED, "at": NOW, "source": "review"}
    conn.execute(insert(tables.labels).values(**row))


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (without_a_value, r"(?i)NOT NULL constraint on items\.ts|column ts of table items"),
        (the_same_twice, r"UNIQUE constraint on items|uq_items_window_id_prediction_id of table items"),
        (of_nothing, r"FOREIGN KEY constraint|fk_labels_item_id_items of table labels"),
    ],
)
def test_a_refused_row_is_said_by_its_constraint(
    engine: Engine, caplog: pytest.LogCaptureFixture, attempt: Any, said: str
) -> None:
    error = failing(attempt, engine)
    assert isinstance(error, ConstraintViolated)
    assert re.search(said, str(error)), error
    assert_nothing_leaks(error, caplog)


def test_a_value_that_cannot_be_stored_is_not_quoted(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def lone_half(conn: Connection) -> None:
        windows.insert_new(conn, **window_row() | {"period": f"{PLANTED}\ud800"})

    assert_nothing_leaks(failing(lone_half, engine), caplog)

    def unknown_type(conn: Connection) -> None:
        windows.insert_new(conn, **window_row() | {"settings": {"text": PLANTED, "what": object()}})

    assert_nothing_leaks(failing(unknown_type, engine), caplog)


def test_a_text_with_nul_is_refused_by_postgresql_without_the_text(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_engine(postgres_url)
    migrate(engine)
    error = failing(lambda conn: open_window(conn, f"{PLANTED}\0"), engine)
    assert_nothing_leaks(error, caplog)
    engine.dispose()


@pytest.fixture
def on_postgresql(postgres_url: str) -> Iterator[Engine]:
    made = open_engine(postgres_url)
    migrate(made)
    yield made
    made.dispose()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("53100", "the disk is full. Make room"),
        ("25006", "read-only: a standby"),
        ("40P01", "another process holds"),
        ("55P03", "another process holds"),
        ("57014", "longer than the server allows"),
        ("57P01", "connection was lost"),
        ("42501", "Grant it the right"),
        ("22P02", "a form that it cannot store"),
        ("P0001", r"failed: \w+ \(P0001\)"),
        ("XX000", r"failed: \w+ \(XX000\)"),
    ],
)
def test_each_error_of_postgresql_has_its_remedy(
    on_postgresql: Engine, caplog: pytest.LogCaptureFixture, code: str, said: str
) -> None:
    with on_postgresql.begin() as conn:
        conn.execute(
            text(
                f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
                f"'refused: %', NEW.context USING ERRCODE = '{code}', DETAIL = NEW.context; END $$"
            )
        )
        conn.execute(text("CREATE TRIGGER fail BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION fail()"))
    error = failing(write_context, on_postgresql)
    assert re.search(said, str(error)), error
    assert "database postgresql+psycopg://calib:***@127.0.0.1" in str(error)
    assert_nothing_leaks(error, caplog)


def test_a_connection_that_is_lost_in_the_middle(
    on_postgresql: Engine, postgres_server: Postgres, caplog: pytest.LogCaptureFixture, records: Records
) -> None:
    def lose(conn: Connection) -> None:
        backend = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        postgres_server.execute(f"SELECT pg_terminate_backend({backend})")
        write_context(conn)

    error = failing(lose, on_postgresql)
    assert "the connection was lost. What was not committed is undone: run it again" in str(error)
    assert_nothing_leaks(error, caplog)
    with on_postgresql.begin() as conn:  # the next one is a new connection
        write_context(conn)
    records.has("db.faults", "database_error", level="info")


def test_a_pooled_connection_that_died_meanwhile_is_replaced(
    on_postgresql: Engine, postgres_server: Postgres, records: Records
) -> None:
    with on_postgresql.connect() as conn:
        backend = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    postgres_server.execute(f"SELECT pg_terminate_backend({backend})")
    with on_postgresql.connect() as conn:
        assert conn.execute(text("SELECT 1")).scalar_one() == 1
    records.has("db.faults", "reconnected", level="warning", times=1)


def test_a_server_that_refuses_the_password(
    postgres_server: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres_server.url(password="/".join(["wr0ng", "s3cret".upper(), "#@"]))
    with pytest.raises(SourceError, match=r"password authentication failed.*Check `database`") as caught:
        open_engine(url)
    assert "S3CRET" not in "".join(traceback.format_exception(caught.value))
    assert_nothing_leaks(caught.value, caplog)


def test_a_full_disk_under_sqlite(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = database(tmp_path)
    with engine.begin() as conn:
        pages = conn.execute(text("PRAGMA page_count")).scalar_one()

    def fill(conn: Connection) -> None:
        conn.execute(text(f"PRAGMA max_page_count = {pages}"))
        open_window(conn, *(f"{PLANTED} {i}" for i in range(2000)), question=PLANTED)

    error = failing(fill, engine)
    assert "the disk is full. Make room" in str(error)
    assert_nothing_leaks(error, caplog)


def test_a_file_that_may_only_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = database(tmp_path)

    def write(conn: Connection) -> None:
        conn.execute(text("PRAGMA query_only = ON"))
        write_context(conn)

    error = failing(write, engine)
    assert "it is read-only" in str(error)
    assert_nothing_leaks(error, caplog)


def test_a_file_that_another_process_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("calib.db.engine.BUSY_MS", 50)
    engine = database(tmp_path)
    holder = sqlite3.connect(tmp_path / "calib.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    error = failing(write_context, engine)
    assert "another process holds what this one waits for" in str(error)
    assert_nothing_leaks(error, caplog)
    holder.close()


def test_statements_that_are_logged_hide_their_parameters(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="sqlalchemy.engine.Engine")
    with engine.begin() as conn:
        conn.execute(text("SELECT 1"))
        write_context(conn)
    assert PLANTED not in caplog.text


def test_an_older_schema_in_mid_flight_is_said(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("DROP TABLE labels" + (" CASCADE" if engine.dialect.name == "postgresql" else "")))
    error = failing(lambda conn: conn.execute(select(tables.labels)).all(), engine)
    assert "lacks a table or a column. Run `calib db migrate`" in str(error)


def test_an_interruption_stays_one(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.dialect, "do_commit", interrupted)
    with pytest.raises(KeyboardInterrupt), engine.begin() as conn:
        write_context(conn)
    monkeypatch.undo()
    with engine.begin() as conn:
        assert queue.claim(conn, stream="triage", by="ada", now=NOW) == []
