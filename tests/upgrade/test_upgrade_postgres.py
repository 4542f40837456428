"""The same deployment on PostgreSQL, as 0.1.0 left it there."""

from __future__ import annotations

from typing import Any

import pytest
from carried import LATER, TABLES, Carried, contract, name_of_alert, upgrade
from postgres import Postgres

pytestmark = pytest.mark.slow


def test_a_deployment_on_postgresql_is_carried_on(on_postgres: Carried) -> None:
    upgrade(on_postgres)
    stored = {(w["stream"], w["period"]): w for w in on_postgres.expected["windows"]}
    read = on_postgres.done("backfill", "triage", "--from", "2025-09", "--to", "2026-04")["windows"]
    read.append(on_postgres.done("run", "support", "--period", "2026-03"))
    assert len(read) == 9
    for window in read:
        assert contract(window) == contract(stored[window["stream"], window["period"]])
    goal = on_postgres.expected["carried_on"]
    sheet = on_postgres.folder / "todo.csv"
    report = on_postgres.done("labels", "import", sheet, "--stream", "support", "--by", "maria")
    assert report["new"] == goal["imported"]["new"]
    evaluated = on_postgres.done("evaluate")["windows"]
    assert states(evaluated) == states(goal["evaluated"])
    assert on_postgres.entries("triage") == goal["channels"]["triage/production"]
    assert [a["id"] for a in evaluated[0]["alerts"]] == [name_of_alert("triage/2026-05/degraded")]
    assert states(on_postgres.done("evaluate", now=LATER)["windows"]) == states(goal["later"])


def test_the_count_of_0_1_0_is_taken_over_and_its_table_left_to_others(
    on_postgres: Carried, postgres_server: Postgres, postgres_url: str
) -> None:
    """In 0.1.0 our revision stood in `alembic_version`, where here another application has its own, too."""
    with postgres_server.connect(postgres_url.rpartition("/")[2]) as connection:
        connection.execute("insert into alembic_version values ('9f3c71d2aa10')")
        before = count_rows(connection)
        said = upgrade(on_postgres)
        assert said["before"] == "0002"
        theirs = connection.execute("select version_num from public.alembic_version order by 1").fetchall()
        ours = connection.execute("select version_num from calibwatch_alembic_version").fetchall()
        assert theirs == [("0002",), ("9f3c71d2aa10",)]
        assert ours == [(said["after"],)]
        assert count_rows(connection) == before
    assert upgrade(on_postgres)["before"] == said["after"]


def count_rows(connection: Any) -> dict[str, int]:
    return {name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in TABLES}  # noqa: S608


def states(windows: list[dict[str, Any]]) -> list[tuple[str, str, str, str | None]]:
    return [(w["stream"], w["period"], w["state"], w["change"]["state"]) for w in windows]
