"""Opening the database, and the schema that the migrations make."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from queues import NOW, alert, database
from sqlalchemy import Engine, insert, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.schema import CreateTable

from calib.db import tables
from calib.db.engine import check, migrate, open_engine
from calib.db.tables import metadata
from calib.errors import CalibError, InvalidInput, SourceError


def revision(engine: Engine) -> str:
    with engine.connect() as conn:
        return str(conn.execute(text("select version_num from alembic_version")).scalar_one())


def test_the_migrations_make_the_tables_that_the_code_has(tmp_path: Path) -> None:
    engine = database(tmp_path)
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    engine = database(tmp_path)
    migrate(engine)
    assert check(engine) == revision(engine)


def test_two_who_migrate_at_once_both_succeed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'calib.db'}"
    engines = [open_engine(url) for _ in range(4)]
    failed: list[Exception] = []

    def run(engine: Engine) -> None:
        try:
            migrate(engine)
        except Exception as error:  # noqa: BLE001 (whatever it is, the test is to show it)
            failed.append(error)

    threads = [threading.Thread(target=run, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert check(engines[0])


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'calib.db'}")
    with engine.begin() as conn:
        conn.execute(text("create table labels (other text)"))
    with pytest.raises(SourceError, match="already exists"):
        migrate(engine)
    assert set(inspect(engine).get_table_names()) == {"labels"}


def test_a_folder_with_a_percent_sign_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "100%s done"
    folder.mkdir()
    assert check(database(folder))


def test_every_table_can_be_made_on_postgresql() -> None:
    for table in metadata.sorted_tables:
        said = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "WITHOUT" not in said  # every time keeps its zone


def test_a_database_that_was_never_migrated_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has schema none"):
        check(open_engine(f"sqlite:///{tmp_path / 'calib.db'}"))


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    engine = database(tmp_path)
    with engine.begin() as conn:
        conn.execute(text("update alembic_version set version_num = '0999'"))
    with pytest.raises(InvalidInput, match="newer calibwatch"):
        migrate(engine)
    with pytest.raises(InvalidInput, match="has schema 0999"):
        check(engine)
    assert revision(engine) == "0999"


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
    (tmp_path / "junk.db").write_text("this is no database, and long enough to be looked at" * 20)
    with pytest.raises(SourceError, match="cannot be used"):
        open_engine(f"sqlite:///{tmp_path / path}")


def test_foreign_keys_are_kept(tmp_path: Path) -> None:
    label = {"item_id": 99, "answer": "correct", "by": "ada", "at": NOW, "source": "review"}
    with pytest.raises(IntegrityError), database(tmp_path).begin() as conn:
        conn.execute(insert(tables.labels).values(**label))


def test_times_come_back_aware_and_in_utc(tmp_path: Path) -> None:
    kolkata = datetime(2026, 11, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    t = tables.outbox
    row = {"id": alert().id, "kind": "k", "stream": "s", "period": "p", "payload": {}, "state": "pending"}
    row |= {"created_at": kolkata, "attempts": 0, "next_at": kolkata}
    engine = database(tmp_path)
    with engine.begin() as conn:
        conn.execute(insert(t).values(**row))
        assert conn.execute(select(t.c.created_at)).scalar_one() == datetime(2026, 11, 1, tzinfo=UTC)
        assert conn.execute(select(t.c.created_at)).scalar_one().tzinfo is UTC
        with pytest.raises(StatementError, match="no time zone"):
            conn.execute(insert(t).values(**row | {"id": "2", "created_at": datetime(2026, 11, 1)}))  # noqa: DTZ001
