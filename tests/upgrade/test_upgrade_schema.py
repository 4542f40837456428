"""The count of the schema moves from `alembic_version`, where 0.1.0 kept it, to a table of our own."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from carried import TABLES, Carried, contract, upgrade


def execute(deployment: Carried, *statements: str) -> None:
    """Change the SQLite database past the code under test."""
    with closing(sqlite3.connect(deployment.folder / "calib.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def contents(deployment: Carried) -> dict[str, str]:
    """A digest of all rows of each table that 0.1.0 made."""
    rows = {name: deployment.rows(f"select * from {name} order by 1, 2") for name in TABLES}  # noqa: S608
    return {name: hashlib.sha256(repr(found).encode()).hexdigest() for name, found in rows.items()}


def test_the_count_is_taken_over_and_no_row_is_lost(left: Carried) -> None:
    before = {name: left.rows(f"select count(*) from {name}") for name in TABLES}  # noqa: S608
    said = upgrade(left)
    assert said["before"] == "0002"
    assert left.rows("select version_num from calibwatch_alembic_version") == [(said["after"],)]
    assert left.rows("select version_num from alembic_version") == [("0002",)]
    assert {name: left.rows(f"select count(*) from {name}") for name in TABLES} == before  # noqa: S608
    kept = contents(left)
    again = upgrade(left)
    assert (again["before"], again["after"]) == (said["after"], said["after"])
    assert contents(left) == kept


def test_the_table_stays_as_it_is_where_another_application_counts_in_it_too(left: Carried) -> None:
    execute(left, "insert into alembic_version values ('9f3c71d2aa10')")
    assert upgrade(left)["before"] == "0002"
    assert sorted(left.rows("select version_num from alembic_version")) == [("0002",), ("9f3c71d2aa10",)]
    assert left.run("run", "triage", "--period", "2026-04").code == 0


def test_another_application_s_count_that_looks_like_ours_is_not_taken(left: Carried) -> None:
    (left.folder / "calib.db").unlink()
    execute(
        left, "create table alembic_version (version_num text)", "insert into alembic_version values ('0002')"
    )
    assert upgrade(left)["before"] is None
    assert left.rows("select version_num from alembic_version") == [("0002",)]
    assert left.rows("select count(*) from windows") == [(0,)]


def test_an_older_schema_is_refused_until_its_owner_upgrades_it(left: Carried) -> None:
    """The first revision of 0.1.0 had no probes."""
    execute(left, *(f"drop table {name}" for name in ("probe_outcomes", "probe_replies", "probe_runs")))
    execute(left, "update alembic_version set version_num = '0001'")
    file = left.folder / "calib.db"
    before = file.read_bytes()
    for verb in (("evaluate",), ("run", "triage", "--period", "2026-04"), ("relay",)):
        ran = left.run(*verb)
        assert ran.code == 2, verb
        assert "calib db migrate" in ran.err, verb
    checks = {check["what"]: check for check in left.run("check").json["checks"]}
    assert not checks["database"]["ok"]
    assert "calib db migrate" in checks["database"]["says"]
    assert file.read_bytes() == before
    said = upgrade(left)
    assert said["before"] == "0001"
    stored = {(w["stream"], w["period"]): w for w in left.expected["windows"]}
    assert contract(left.done("run", "triage", "--period", "2026-04")) == contract(
        stored["triage", "2026-04"]
    )


def test_the_folder_of_0_1_0_is_made_into_one_of_now(left: Carried) -> None:
    """`calib init` upgrades the database, keeps the settings, and writes what 0.1.0 did not have."""
    settings = left.config.read_bytes()
    ran = left.command("init", left.folder, "--json", now=None)
    assert ran.code == 0, ran.err
    assert left.config.read_bytes() == settings
    assert "calib.toml" in ran.json["kept"]
    assert (left.folder / "prefect.yaml").is_file()
    assert sorted(path.name for path in Path(left.folder / "flows").glob("*.py"))
    assert left.rows("select count(*) from calibwatch_alembic_version") == [(1,)]
    assert left.run("run", "triage", "--period", "2026-04").code == 0
