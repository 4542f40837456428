"""The command line and the database: migrated by one verb, made by any, not needed for the store alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import World
from postgres import PASSWORD, Postgres
from sqlalchemy import Engine, inspect, text

from calib.db.engine import open_engine
from calib.db.schema import MIGRATIONS, VERSION_TABLE, newest
from calib.store import head

pytestmark = pytest.mark.usefixtures("real_migrations")
Calib = Callable[..., Any]


@pytest.fixture
def mapped(world: World, calib: Calib) -> World:
    """A world whose channel has named two mappings."""
    world.write("2026-02", accuracy=lambda s: s - 0.45)
    done = calib("backfill", "triage", "--from", "2026-01", "--to", "2026-02", "--config", world.config)
    assert done.code == 0, done.err
    return world


@pytest.mark.slow
@pytest.mark.parametrize(
    "database", ["sqlite:////no/such/folder/calib.db", "postgresql+psycopg://u:s3cret@127.0.0.1:1/x"]
)
def test_the_store_is_looked_after_while_the_database_is_down(
    mapped: World, calib: Calib, database: str
) -> None:
    store = mapped.open().store
    now = head(store, stream="triage", channel="production")
    assert now is not None
    mapped.settings(head=f'database = "{database}"')
    digest = now.mapping[:12]
    for verb in (
        ["list", "triage"],
        ["show", "triage"],
        ["apply", "triage", "0.9"],
        ["history", "triage"],
        ["verify", "triage"],
        ["rollback", "triage"],
        ["promote", "triage", digest],
        ["open-epoch", "triage", digest, "--reason", "tried"],
    ):
        done = calib("mapping", *verb, "--config", mapped.config)
        assert done.code == 0, (verb, done.err)
    after = head(store, stream="triage", channel="production")
    assert after is not None
    assert (after.epoch, after.generation) == (2, 1)
    down = calib("evaluate", "--config", mapped.config)
    assert (down.code, "cannot be used" in down.err, "s3cret" in down.err) == (4, True, False)


def test_the_verbs_of_the_store_make_no_database(world: World, calib: Calib) -> None:
    assert calib("mapping", "list", "triage", "--config", world.config).code == 0
    assert not (world.folder / "calib.db").exists()


@pytest.mark.slow
def test_check_makes_no_database_and_migrate_does(world: World, calib: Calib) -> None:
    done = calib("check", "--json", "--config", world.config)
    said = {line["what"]: line for line in done.json["checks"]}["database"]
    assert (done.code, said["ok"]) == (0, True)
    assert "no schema yet: `calib db migrate` makes it" in said["says"]
    assert not (world.folder / "calib.db").exists()
    made = calib("db", "migrate", "--json", "--config", world.config)
    assert made.json == {
        "database": f"sqlite:///{world.folder / 'calib.db'}",
        "schema": None,
        "before": None,
        "after": newest(),
    }
    again = calib("db", "migrate", "--config", world.config)
    assert (again.code, f"schema {newest()} is up to date already" in again.out) == (0, True)
    assert "is up to date" in calib("check", "--config", world.config).out


def back_to_the_first_revision(engine: Engine) -> None:
    """The schema as calibwatch 0.1.0 first had it."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        config.attributes["version_table"] = {"version_table": VERSION_TABLE, "version_table_schema": None}
        command.downgrade(config, "0001")


@pytest.mark.slow
def test_an_older_schema_is_refused_by_every_verb_but_migrate(
    world: World, calib: Calib, tmp_path: Path
) -> None:
    calib("db", "migrate", "--config", world.config)
    engine = open_engine(f"sqlite:///{world.folder / 'calib.db'}")
    back_to_the_first_revision(engine)
    for verb in (
        ["evaluate"],
        ["sample"],
        ["relay"],
        ["watchdog"],
        ["run", "triage", "--period", "2026-01"],
        ["check"],
    ):
        done = calib(*verb, "--config", world.config)
        assert done.code == 2, verb
        assert "run `calib db migrate`" in done.err + done.out, verb
    assert not inspect(engine).has_table("probe_runs")
    assert calib("db", "migrate", "--json", "--config", world.config).json["before"] == "0001"
    assert calib("evaluate", "--config", world.config).code == 0


def test_the_flows_bring_an_older_schema_up_to_date(world: World, calib: Calib) -> None:
    from calib.scheduled import open_and_migrate

    calib("db", "migrate", "--config", world.config)
    engine = open_engine(f"sqlite:///{world.folder / 'calib.db'}")
    back_to_the_first_revision(engine)
    assert inspect(open_and_migrate(str(world.config), None).engine).has_table("probe_runs")


def test_the_whole_cycle_in_a_schema_of_postgresql(
    world: World, calib: Calib, postgres_server: Postgres, postgres_url: str
) -> None:
    world.settings(head=f'database = "{postgres_url}"\nschema = "watch"')
    done = calib("run", "triage", "--period", "2026-01", "--json", "--config", world.config)
    assert done.code == 0, done.err
    assert done.json["state"] == "closed"
    with postgres_server.connect(postgres_url.rpartition("/")[2]) as conn:
        assert conn.execute("select count(*) from watch.windows").fetchall() == [(1,)]
        query = "select count(*) from information_schema.tables where table_schema = 'public'"
        assert conn.execute(query).fetchall() == [(0,)]
    checked = calib("check", "--config", world.config)
    assert "PostgreSQL schema watch, schema" in checked.out
    assert PASSWORD not in checked.out + checked.err
    assert calib("db", "migrate", "--json", "--config", world.config).json["schema"] == "watch"


def test_another_applications_database_is_refused_by_check_and_run(world: World, calib: Calib) -> None:
    engine = open_engine(f"sqlite:///{world.folder / 'calib.db'}")
    with engine.begin() as conn:
        conn.execute(text("create table alembic_version (version_num varchar(32))"))
        conn.execute(text("insert into alembic_version values ('0001')"))
        conn.execute(text("create table labels (id integer, colour text)"))
    for verb in (["check"], ["run", "triage", "--period", "2026-01"], ["db", "migrate"]):
        done = calib(*verb, "--config", world.config)
        assert done.code == 2
        assert "calibwatch did not make: labels" in done.out + done.err
    with engine.begin() as conn:
        assert conn.execute(text("select version_num from alembic_version")).scalars().all() == ["0001"]


@pytest.mark.slow
def test_a_full_disk_behind_standard_output_is_said_in_words(world: World) -> None:
    command = [sys.executable, "-m", "calib", "status", "--config", str(world.config)]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 4
    assert ran.stderr == (
        "calib: standard output cannot be written: No space left on device. "
        "Make room there, then run it again\n"
    )
