"""Opening the database, and what it keeps."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from queues import NOW, alert, database
from sqlalchemy import Engine, insert, inspect, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from calib.db import tables
from calib.db.engine import open_engine
from calib.db.tables import metadata
from calib.errors import CalibError, ConstraintViolated, SourceError


def test_a_folder_with_a_percent_sign_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "100%s done"
    folder.mkdir()
    assert inspect(database(folder)).has_table("windows")


def test_every_table_can_be_made_on_postgresql() -> None:
    for table in metadata.sorted_tables:
        said = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "WITHOUT" not in said  # every time keeps its zone


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "cobol://user:s3cret@host/x",
        "postgresql+psycopg://user:s3cret/@host:port/x",
        "postgresql://us:s3cret@host:many/x?password=s3cret",
        "postgresql+asyncpg://user:s3cret@host/x",
    ],
)
def test_a_url_that_is_not_understood_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(CalibError) as caught:
        open_engine(url)
    assert "s3cret" not in str(caught.value)
    assert "calib.toml" in str(caught.value)


@pytest.mark.parametrize("path", ["no/such/folder/x.db", "junk.db", ""])
def test_a_file_that_cannot_be_a_database_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "junk.db").write_text("this is not a database, but long enough to be looked at" * 20)
    with pytest.raises(SourceError, match="cannot be used"):
        open_engine(f"sqlite:///{tmp_path / path}")


def test_foreign_keys_are_kept(engine: Engine) -> None:
    label = {"item_id": 99, "answer": "correct", "by": "ada", "at": NOW, "source": "review"}
    with pytest.raises(ConstraintViolated), engine.begin() as conn:
        conn.execute(insert(tables.labels).values(**label))


def test_times_come_back_aware_and_in_utc(engine: Engine) -> None:
    kolkata = datetime(2026, 11, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    t = tables.outbox
    row = {"id": alert().id, "kind": "k", "stream": "s", "period": "p", "payload": {}, "state": "pending"}
    row |= {"created_at": kolkata}
    with engine.begin() as conn:
        conn.execute(insert(t).values(**row))
        assert conn.execute(select(t.c.created_at)).scalar_one() == datetime(2026, 11, 1, tzinfo=UTC)
        assert conn.execute(select(t.c.created_at)).scalar_one().tzinfo is UTC
        with pytest.raises(SourceError, match="cannot be stored"):
            conn.execute(insert(t).values(**row | {"id": "2", "created_at": datetime(2026, 11, 1)}))  # noqa: DTZ001


def test_a_transaction_on_sqlite_has_the_write_lock_from_its_start(tmp_path: Path) -> None:
    """With a plain BEGIN, who reads and then writes is refused half-way where somebody wrote meanwhile."""
    engine = database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "calib.db", timeout=0, isolation_level=None)) as other:
        with engine.begin() as conn:
            conn.execute(select(tables.windows.c.id)).all()
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    engine.dispose()


def test_a_transaction_that_only_reads_takes_no_write_lock(tmp_path: Path) -> None:
    database(tmp_path).dispose()
    engine = open_engine(f"sqlite:///{tmp_path / 'calib.db'}", reads_only=True)
    other = sqlite3.connect(tmp_path / "calib.db", timeout=0, isolation_level=None)
    with closing(other), engine.begin() as conn:
        conn.execute(select(tables.windows.c.id)).all()
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    engine.dispose()
