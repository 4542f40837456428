"""The schema: made, upgraded, adopted, refused; and other people's tables are left as they are."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from log_records import Records
from postgres import Postgres, standby
from queues import as_first_version_left_it, database, item_row, open_window, window_row
from sqlalchemy import Engine, MetaData, insert, inspect, select, text

from calib.db import tables, windows
from calib.db.engine import open_engine
from calib.db.schema import VERSION_TABLE, check, make_ready, migrate, newest
from calib.db.tables import metadata
from calib.errors import CalibError, ConstraintViolated, InvalidInput, SourceError

pytestmark = pytest.mark.usefixtures("real_migrations")
OURS = {*metadata.tables, VERSION_TABLE}
COUNT = f"select version_num from {VERSION_TABLE}"  # noqa: S608


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    """An engine for an empty database of each kind."""
    made = open_engine(database_url)
    yield made
    made.dispose()


def names(engine: Engine, schema: str | None = None) -> set[str]:
    return set(inspect(engine).get_table_names(schema))


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))


def value(engine: Engine, query: str) -> Any:
    with engine.connect() as conn:
        return conn.execute(text(query)).scalar_one()


def another_application(engine: Engine, revision: str = "0001") -> None:
    """Alembic's table of somebody else, with a revision that we have too."""
    run(
        engine,
        "create table alembic_version (version_num varchar(32) primary key)",
        f"insert into alembic_version values ('{revision}')",  # noqa: S608
        "create table customers (id integer primary key)",
    )


def test_the_migrations_make_the_tables_that_the_code_has(engine: Engine) -> None:
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    assert names(engine) == OURS


def test_migrating_again_changes_nothing(empty: Engine, records: Records) -> None:
    assert migrate(empty) == (None, newest())
    assert migrate(empty) == (newest(), newest())
    assert names(empty) == OURS
    records.has("db.schema", "migrated", level="info", times=1, before=None, now=newest())


def test_six_who_migrate_at_once_all_succeed(database_url: str) -> None:
    engines = [open_engine(database_url) for _ in range(6)]
    failed: list[Exception] = []

    def attempt(engine: Engine) -> None:
        try:
            migrate(engine)
        except Exception as error:  # noqa: BLE001 (whatever it is, the test is to show it)
            failed.append(error)

    threads = [threading.Thread(target=attempt, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert names(engines[0]) == OURS
    for engine in engines:
        engine.dispose()


@pytest.mark.slow
def test_six_processes_that_migrate_at_once_all_succeed(database_url: str) -> None:
    code = (
        "import sys, alembic.command; from calib.db.engine import open_engine;"
        "from calib.db.schema import migrate; engine = open_engine(sys.argv[1]); print('ready', flush=True);"
        "sys.stdin.read(1); migrate(engine); engine.dispose()"
    )
    command = [sys.executable, "-c", code, database_url]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(6)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write(b"!")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [(process.returncode, end) for process, end in zip(running, said, strict=True)] == [(0, b"")] * 6
    assert "is up to date" in check(database_url)


def test_an_empty_database_is_made_ready_and_one_that_is_up_to_date_stays(empty: Engine) -> None:
    make_ready(empty)
    assert names(empty) == OURS
    make_ready(empty)
    assert migrate(empty) == (newest(), newest())


@pytest.mark.parametrize("revision", ["0001", "zzz"])
def test_another_applications_count_is_neither_read_as_ours_nor_changed(empty: Engine, revision: str) -> None:
    another_application(empty, revision)
    make_ready(empty)
    assert names(empty) == OURS | {"alembic_version", "customers"}
    assert value(empty, "select version_num from alembic_version") == revision


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_a_database_of_the_first_version_is_adopted(empty: Engine, database_url: str, revision: str) -> None:
    as_first_version_left_it(empty, revision)
    if revision != newest():
        with pytest.raises(InvalidInput, match="run `calib db migrate`"):
            make_ready(empty)
        with pytest.raises(InvalidInput, match="run `calib db migrate`"):
            check(database_url)
        assert VERSION_TABLE not in names(empty)
    assert migrate(empty) == (revision, newest())
    assert value(empty, COUNT) == newest()
    assert value(empty, "select version_num from alembic_version") == revision  # it may be another's too
    assert "is up to date" in check(database_url)
    make_ready(empty)


def test_what_the_first_version_wrote_is_still_there(empty: Engine) -> None:
    as_first_version_left_it(empty, "0002")
    old = MetaData()
    with empty.begin() as conn:
        old.reflect(conn)
        row = window_row() | {"id": 7, "resets_baseline": False}
        conn.execute(insert(old.tables["windows"]).values(**row))
        drawn = [item_row(id_, i) | {"window_id": 7, "lease_token": 0} for i, id_ in enumerate("ab")]
        conn.execute(insert(old.tables["items"]), drawn)
    migrate(empty)
    with empty.begin() as conn:
        assert conn.execute(select(tables.items.c.prediction_id)).scalars().all() == ["a", "b"]
        window = windows.find(conn, "triage", "2026-10")
        assert window is not None
        assert (window.id, window.revision, window.standing, window.discarded_at) == (7, 1, True, None)
        assert windows.insert_new(conn, **window_row() | {"revision": 2}) is not None
        assert windows.insert_new(conn, **window_row() | {"revision": 2}) is None


def test_a_row_without_the_row_that_it_refers_to_stops_a_migration(tmp_path: Path) -> None:
    """SQLite does not look at keys while a table is made anew, so that this is looked at afterwards."""
    engine = open_engine(f"sqlite:///{tmp_path / 'calib.db'}")
    as_first_version_left_it(engine, "0002")
    with closing(sqlite3.connect(tmp_path / "calib.db")) as connection, connection:
        connection.execute("insert into labels values (1, 99, 'correct', 'ana', '2026-11-01', 'file')")
    with pytest.raises(SourceError, match="labels refers to a row of items that is not there"):
        migrate(engine)
    assert "window_actions" not in names(engine)
    with engine.connect() as conn:
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1  # enforced again


def test_two_revisions_of_a_period_never_stand_at_once(engine: Engine) -> None:
    with engine.begin() as conn:
        windows.insert_new(conn, **window_row())
    with pytest.raises(ConstraintViolated), engine.begin() as conn:
        conn.execute(insert(tables.windows).values(resets_baseline=False, revision=2, **window_row()))


@pytest.mark.parametrize(
    "statements",
    [
        ["create table labels (other text)"],
        ["create table windows (id integer primary key, title text)", "create table items (id integer)"],
    ],
)
def test_foreign_tables_of_our_names_are_named_and_left_alone(
    empty: Engine, database_url: str, statements: list[str]
) -> None:
    another_application(empty, "0002")
    run(empty, *statements)
    before = names(empty)
    for attempt in (migrate, make_ready, lambda _: check(database_url)):
        with pytest.raises(
            InvalidInput, match=r"that calibwatch did not make: (labels|items, windows)"
        ) as caught:
            attempt(empty)
        assert "Give calibwatch a" in str(caught.value)
        assert "of its own" in str(caught.value)
    assert names(empty) == before
    assert value(empty, "select version_num from alembic_version") == "0002"


def test_a_count_beside_a_part_of_our_tables_is_not_adopted(empty: Engine) -> None:
    as_first_version_left_it(empty, "0002")
    run(empty, "alter table windows rename column population to people")
    with pytest.raises(InvalidInput, match="did not make"):
        migrate(empty)


def test_a_schema_of_a_newer_version_is_refused(engine: Engine, database_url: str) -> None:
    run(engine, f"update {VERSION_TABLE} set version_num = '0999'")  # noqa: S608
    for attempt in (migrate, make_ready, lambda _: check(database_url)):
        with pytest.raises(InvalidInput, match="0999, written by a newer calibwatch"):
            attempt(engine)
    assert value(engine, COUNT) == "0999"


def test_a_migration_that_fails_leaves_nothing_behind(empty: Engine) -> None:
    run(empty, "create view probe_replies as select 1 as x")  # no table, but its name is taken
    with pytest.raises(SourceError, match="probe_replies"):
        migrate(empty)
    assert names(empty) == set()


def test_check_makes_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "calib.db"
    url = f"sqlite:///{path}"
    assert "no schema yet: `calib db migrate` makes it" in check(url)
    assert list(tmp_path.iterdir()) == []
    path.touch()
    assert "no schema yet" in check(url)
    assert path.read_bytes() == b""
    database(tmp_path).dispose()
    before = path.read_bytes()
    assert "is up to date" in check(url)
    assert path.read_bytes() == before
    with pytest.raises(SourceError, match=r"folder .*nowhere is missing"):
        check(f"sqlite:///{tmp_path}/nowhere/calib.db")


def test_check_on_postgresql_makes_nothing(postgres_url: str) -> None:
    assert "no schema yet" in check(postgres_url, schema="calib")
    engine = open_engine(postgres_url)
    assert (names(engine), "calib" in inspect(engine).get_schema_names()) == (set(), False)
    engine.dispose()


def test_check_says_that_a_database_cannot_be_written(postgres_server: Postgres, postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    migrate(engine)
    engine.dispose()
    name = postgres_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(SourceError, match=r"read-only transactions.*Name the primary"):
        check(postgres_url)


@pytest.mark.slow
def test_check_says_that_a_server_is_a_standby(postgres_server: Postgres, postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    migrate(engine)
    engine.dispose()
    with standby(postgres_server) as copy:
        url = copy.url(postgres_url.rpartition("/")[2])
        with pytest.raises(SourceError, match=r"is a standby, which cannot be written. Name the primary"):
            check(url)
        reader = open_engine(url)
        make_ready(reader)  # reading works
        with reader.connect() as conn:
            assert conn.execute(select(tables.items.c.id)).all() == []
        with pytest.raises(SourceError, match="it is read-only"), reader.begin() as conn:
            open_window(conn, "a")
        reader.dispose()


class TestASchemaOfPostgresql:
    """`schema = "calib"`: the tables live there, whatever stands elsewhere in the database."""

    @pytest.fixture
    def apart(self, postgres_url: str) -> Iterator[Engine]:
        made = open_engine(postgres_url, schema="calib")
        yield made
        made.dispose()

    def test_it_is_made_and_holds_all_tables(self, apart: Engine, postgres_url: str) -> None:
        another_application(apart)
        run(apart, "create table labels (other text)")
        assert migrate(apart) == (None, newest())
        assert names(apart, "calib") == OURS
        assert names(apart, "public") == {"alembic_version", "customers", "labels"}
        assert value(apart, "select version_num from alembic_version") == "0001"
        assert migrate(apart) == (newest(), newest())
        assert "PostgreSQL schema calib, schema" in check(postgres_url, schema="calib")

    def test_it_is_used_by_every_statement_and_not_by_the_session(self, apart: Engine) -> None:
        make_ready(apart)
        with apart.begin() as conn:
            open_window(conn, "a", "b")
            assert conn.execute(text("show search_path")).scalar_one() == '"$user", public'
        assert value(apart, "select count(*) from calib.items") == 2
        with apart.connect() as conn:
            assert conn.execute(select(tables.items.c.prediction_id)).scalars().all() == ["a", "b"]

    def test_two_of_them_do_not_meet(self, apart: Engine, postgres_url: str) -> None:
        other = open_engine(postgres_url, schema="staging")
        make_ready(apart)
        make_ready(other)
        with apart.begin() as conn:
            open_window(conn, "a")
        with other.begin() as conn:
            assert conn.execute(select(tables.items.c.id)).all() == []
        other.dispose()

    def test_one_that_may_be_used_but_not_made_is_enough(
        self, postgres_server: Postgres, postgres_url: str
    ) -> None:
        name = postgres_url.rpartition("/")[2]
        postgres_server.execute("DROP ROLE IF EXISTS guest")
        postgres_server.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        postgres_server.execute("CREATE SCHEMA calib AUTHORIZATION guest", database=name)
        url = f"postgresql+psycopg://guest:guest@127.0.0.1:{postgres_server.port}/{name}"
        for schema, refused in (("calib", False), (None, True), ("other", True)):
            engine = open_engine(url, schema=schema)
            try:
                if refused:
                    with pytest.raises(SourceError, match="its user may not do that"):
                        make_ready(engine)
                else:
                    make_ready(engine)
            finally:
                engine.dispose()
        postgres_server.execute("DROP OWNED BY guest CASCADE", database=name)
        postgres_server.execute("DROP ROLE guest")

    def test_sqlite_has_none(self, tmp_path: Path) -> None:
        for attempt in (open_engine, check):
            with pytest.raises(CalibError, match="belongs to PostgreSQL"):
                attempt(f"sqlite:///{tmp_path}/calib.db", schema="calib")


def test_the_revisions_are_those_of_the_scripts() -> None:
    from alembic.script import ScriptDirectory

    from calib.db.schema import MIGRATIONS, REVISIONS

    scripts = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    assert list(REVISIONS) == scripts[::-1]
    assert newest() == scripts[0]


@pytest.mark.parametrize(
    ("statement", "lacks"),
    [("drop table labels", "labels"), ("alter table reviewers drop column role", "reviewers.role")],
)
def test_a_schema_that_is_up_to_date_by_name_alone_is_refused(
    empty: Engine, database_url: str, statement: str, lacks: str
) -> None:
    migrate(empty)
    assert "is up to date" in check(database_url)
    if empty.dialect.name == "postgresql":
        statement += " cascade"  # views read it
    run(empty, statement)
    with pytest.raises(
        InvalidInput, match=rf"says that its schema is {newest()}, and lacks {lacks}: .* Restore"
    ):
        check(database_url)
