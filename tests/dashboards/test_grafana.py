"""Grafana's dashboards: made by their script, held to Grafana's types; every query runs and finds rows."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import grafana_plugin
import psycopg
import pytest
import yaml
from dashboard_fleet import Filled
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from grafana_queries import FOLDER, NAMES, as_grafana_sends_it, queries, stored, targets
from sqlalchemy import text

from calib.metrics import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
GRANTS = ("CREATE ROLE reads_views", "GRANT SELECT ON {views} TO reads_views", "SET ROLE reads_views")
VIEWS = "v_windows, v_bins, v_labels, v_alerts, v_mappings"


def drawn_over_time() -> dict[str, bool]:
    """The SQL of each panel whose x axis is time, and whether it has the format `time_series`."""
    return {
        target["rawSql"]: target["format"] == "time_series"
        for name in NAMES
        for panel in stored(name)["panels"]
        if panel["type"] == "timeseries"
        for target in panel["targets"]
        if "rawSql" in target
    }


def over_confidence() -> list[str]:
    """The SQL of each panel whose x axis is a confidence."""
    panels = [panel for name in NAMES for panel in stored(name)["panels"] if panel["type"] == "trend"]
    assert all(panel["options"]["xField"] == "mean confidence" for panel in panels)
    return [target["rawSql"] for panel in panels for target in panel["targets"]]


def test_the_files_are_what_the_script_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    made = importlib.import_module("make_dashboards").files()
    assert sorted(made) == sorted(NAMES)
    for name, written in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == written, (
            "run dashboards/grafana/make_dashboards.py"
        )


@pytest.mark.parametrize("name", NAMES)
def test_grafanas_own_types_read_the_files_and_lose_nothing(name: str) -> None:
    register_default_plugins()
    board = stored(name)
    assert json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder)) == board
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) >= 10
    for panel in board["panels"]:
        assert len(panel["description"]) > 10
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["datasource"]["uid"] in ("${postgres}", "${prometheus}")


@pytest.mark.slow
def test_every_query_runs_as_a_role_that_sees_the_views_alone(filled: Filled) -> None:
    """And gives what the panel can draw, by the rules of the data source, whatever the server's time zone."""
    over_time, trends, times = drawn_over_time(), over_confidence(), []
    assert len(queries()) >= 16
    assert len(over_time) >= 7
    assert len(trends) == 2
    with filled.app.engine.connect() as conn:
        for statement in GRANTS:
            conn.execute(text(statement.format(views=VIEWS)))
        for zone in ("UTC", "Pacific/Auckland"):
            conn.execute(text(f"SET TIME ZONE '{zone}'"))
            for name, title, sql in queries():
                asked = as_grafana_sends_it(sql, stream="triage", period="2026-03")
                found = conn.execute(text(asked))
                names = {each.oid: each.name for each in psycopg.adapters.types}
                columns = [(each.name, names[each.type_code]) for each in found.cursor.description]  # type: ignore[union-attr]
                rows = found.all()
                assert rows, f"{name}: {title} shows nothing"
                if sql in over_time:
                    why = grafana_plugin.refusal(columns, rows, series=over_time[sql])
                    assert why is None, f"{name}: {title}: {why}"
                    times.append((zone, title, [row[0] for row in rows]))
                if sql in trends:
                    assert columns[0][0] == "mean confidence"
                    assert grafana_plugin.ascending([row[0] for row in rows]), title
        conn.rollback()
    half = len(times) // 2
    assert [each[1:] for each in times[:half]] == [each[1:] for each in times[half:]]


@pytest.mark.parametrize(
    ("columns", "rows", "series", "why"),
    [
        ("at timestamptz, value float8", [(1, 1.0)], False, "no column is called time"),
        ("time text, value float8", [("1", 1.0)], False, "holds no times"),
        ("time timestamptz, value text", [(1, "a")], False, "is no number"),
        ("time timestamptz, value float8", [(2, 1.0), (1, 1.0)], False, "do not ascend"),
        ("time timestamptz, value float8", [(1, 1.0), (1, 1.0)], False, "a row for each time"),
        ("time timestamptz, value float8", [(None, 1.0)], False, "null"),
        ("time timestamptz, value float8", [(1, 1.0)], True, "a metric of text"),
        (
            "time timestamptz, metric text, value int8",
            [(1, "a", 1), (1, "a", 2)],
            True,
            "one time and one name",
        ),
        ("time timestamptz, metric text, value int8", [(1, None, 1)], True, "no name"),
        ("time timestamptz, metric text, value numeric", [(1, "a", 1), (1, "b", 2)], True, None),
        ("time timestamptz, a float8, b int4", [(1, 1.0, None), (2, None, 1)], False, None),
    ],
)
def test_the_rules_of_the_data_source_tell_what_would_not_be_shown(
    columns: str, rows: list[Any], series: bool, why: str | None
) -> None:
    named = [(name, kind) for name, _, kind in (part.partition(" ") for part in columns.split(", "))]
    found = grafana_plugin.refusal(named, rows, series=series)
    assert (found is None) if why is None else (why in str(found))


def test_macros_are_those_of_the_data_source() -> None:
    sent = grafana_plugin.sent("SELECT 1 WHERE $__timeFilter(a) AND s = ${stream:sqlstring}", stream="it's")
    assert sent.endswith("a BETWEEN '2024-05-01T00:00:00Z' AND '2026-07-01T00:00:00Z' AND s = 'it''s'")
    for unknown in ("$__timefilter(a)", "$__timeFilter()", "$stream", "$__timeFilter(date_trunc('day', a))"):
        if "trunc" in unknown:  # the argument ends at the first bracket: what is sent is no SQL
            assert grafana_plugin.sent(unknown).endswith("AND '2026-07-01T00:00:00Z')")
            continue
        with pytest.raises(AssertionError):
            grafana_plugin.sent(unknown)


def test_every_expression_for_prometheus_is_sound_and_names_metrics_that_there_are(tmp_path: Path) -> None:
    expressions = [target["expr"] for name in NAMES for _, target in targets(name) if "expr" in target]
    assert len(expressions) >= 8
    by_name = {family.name: set(family.labels) for family in FAMILIES}
    for expression in expressions:
        used = re.findall(r"(calibwatch_\w+)(?:\{([^}]*)\})?", expression)
        assert used
        for name, chosen in used:
            assert set(re.findall(r"(\w+)=", chosen)) <= by_name[name], expression
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.fail("promtool is not installed: run `make infra-tools`, which installs it")
    rules = [{"record": f"panel:{i}", "expr": e.replace("$stream", "a")} for i, e in enumerate(expressions)]
    for rule, i in zip(rules, range(len(rules)), strict=True):
        rule["record"] = f"panel:number_{i}"
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_grafana_is_provisioned_with_fits_the_dashboards() -> None:
    sources = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "calibwatch.yaml").read_text())
    kinds = {source["type"] for source in sources["datasources"]}
    for name in NAMES:
        choices = stored(name)["templating"]["list"]
        assert {c["query"] for c in choices if c["type"] == "datasource"} == kinds
        assert {panel["datasource"]["type"] for panel in stored(name)["panels"]} == kinds
    folder = yaml.safe_load((FOLDER / "provisioning" / "dashboards" / "calibwatch.yaml").read_text())
    (provider,) = folder["providers"]
    assert provider["type"] == "file"
    page = (ROOT / "dashboards" / "README.md").read_text(encoding="utf-8")
    assert provider["options"]["path"] in page
    for variable in re.findall(r"\$(\w+)", json.dumps(sources)):
        assert f"`{variable}`" in page
