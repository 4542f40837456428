"""The views that dashboards read: the numbers of `calib run --json`, and no text of a person or a model."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from dashboard_fleet import Filled
from planted import TEXT
from sqlalchemy import Engine, inspect, text

from calib.cycle import summary
from calib.db import tables, windows
from calib.db.engine import open_engine
from calib.db.schema import migrate
from calib.results import WindowResult
from calib.store import history

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ("v_windows", "v_bins", "v_labels", "v_alerts", "v_mappings")


def rows(engine: Engine, query: str, **values: Any) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        return [dict(row) for row in conn.execute(text(query), values).mappings()]


def results(filled: Filled) -> list[WindowResult]:
    """Every window as `calib run --json` shows it."""
    app = filled.app
    found = []
    for stream in app.settings.streams:
        with app.engine.connect() as conn:
            known = windows.of_stream(conn, stream)
        found += [summary(window, app.ports(stream)) for window in known]
    assert len(found) == 3
    return found


def test_the_numbers_of_a_window_are_those_of_its_result(filled: Filled) -> None:
    by_key = {
        (row["stream"], row["period"]): row for row in rows(filled.app.engine, "SELECT * FROM v_windows")
    }
    assert len(by_key) == 3
    judged = 0
    for result in results(filled):
        row = by_key[result.stream, result.period]
        assert row["state"] == result.state
        assert row["population"] == result.population
        assert row["rejected"] == sum(result.rejected.values())
        if result.state != "closed":
            assert row["verdict"] is row["served_ece"] is row["labels"] is None
            continue
        judged += 1
        for kind, part in (("raw", result.raw), ("served", result.served)):
            assert (row[f"{kind}_ece"], row[f"{kind}_ece_low"], row[f"{kind}_ece_high"]) == (
                part.ece,
                part.low,
                part.high,
            )
            assert row[f"{kind}_mean_confidence"] == part.mean_confidence
            assert row[f"{kind}_brier"] == part.brier
            assert row[f"{kind}_auroc"] == part.auroc
        assert row["accuracy"] == result.raw.accuracy
        assert (row["accuracy_low"], row["accuracy_high"]) == (
            result.raw.accuracy_low,
            result.raw.accuracy_high,
        )
        change = result.change
        assert row["verdict"] == change.state
        assert row["p"] == change.p
        assert (row["rise"], row["rise_low"], row["rise_high"]) == (change.rise, change.low, change.high)
        assert row["minimum_detectable_rise"] == change.minimum_detectable_rise
        assert row["baseline_labels"] == change.baseline_labels
        assert result.pictures is not None
        assert result.pictures.threshold is not None
        threshold = result.pictures.threshold
        assert row["threshold"] == threshold.threshold == 0.9
        assert row["raw_threshold_share"] == threshold.raw.share
        assert row["served_threshold_share"] == threshold.served.share
        assert row["served_threshold_accuracy"] == threshold.served.accuracy
        assert (row["labels"], row["labels_correct"]) == (result.labels.n, result.labels.correct)
        assert (row["labels_unsure"], row["labels_missing"]) == (result.labels.unsure, result.labels.missing)
        assert row["sample"] == result.sample.n
    assert judged == 2


def test_bins_labels_alerts_and_mappings(filled: Filled) -> None:
    app = filled.app
    for result in results(filled):
        key = {"stream": result.stream, "period": result.period}
        where = "WHERE stream = :stream AND period = :period"
        for kind, part in (("raw", result.raw), ("served", result.served)):
            query = f"SELECT * FROM v_bins {where} AND confidence = :kind ORDER BY bin"  # noqa: S608
            bins = rows(app.engine, query, **key, kind=kind)
            seen = [
                (
                    b["lo"],
                    b["hi"],
                    b["n"],
                    b["weight"],
                    b["mean_score"],
                    b["accuracy"],
                    b["accuracy_low"],
                    b["accuracy_high"],
                )
                for b in bins
            ]
            stored = [(b.lo, b.hi, b.n, b.weight, b.mean_score, b.accuracy, b.low, b.high) for b in part.bins]
            if result.state == "closed":
                assert seen == stored
                assert len(stored) == 10
        answers: Counter[str] = Counter()
        for row in rows(app.engine, f"SELECT * FROM v_labels {where}", **key):  # noqa: S608
            answers[row["answer"]] += row["n"]
            assert (row["day"] is None) == (row["source"] is None) == (row["answer"] == "missing")
        labels = result.labels
        assert answers["correct"] == labels.correct
        assert answers["correct"] + answers["incorrect"] == labels.n
        assert (answers["unsure"], answers["missing"]) == (labels.unsure, labels.missing)
        alerts = rows(app.engine, f"SELECT * FROM v_alerts {where}", **key)  # noqa: S608
        assert {(a["id"], a["kind"]) for a in alerts if a["kind"] != "cohort_opened"} >= {
            (a.id, a.kind) for a in result.alerts if a.kind != "cohort_opened"
        }
        assert {a["state"] for a in alerts} <= {"waiting"}
        assert {a["severity"] for a in alerts} <= {"good", "warning", "bad"}
    published = rows(app.engine, "SELECT * FROM v_mappings ORDER BY closed_at")
    entries = history(app.store, stream="triage", channel="production")
    assert [(m["mapping"], m["generation"]) for m in published] == [
        (e.mapping, e.generation) for e in entries
    ]
    refits = {r.period: r.refit for r in results(filled) if r.refit.mapping}
    for row in published:
        refit = refits[row["period"]]
        assert refit.ece_before is not None
        assert refit.ece_after is not None
        assert (row["ece_before"], row["ece_after"]) == (refit.ece_before.ece, refit.ece_after.ece)
        assert (row["method"], row["refitted"], row["channel"]) == (refit.method, True, "production")


def test_no_view_has_a_column_that_the_page_does_not_describe(filled: Filled) -> None:
    page = (ROOT / "dashboards" / "README.md").read_text(encoding="utf-8")
    engine = filled.app.engine
    for view in VIEWS:
        section = page.partition(f"### `{view}`")[2].partition("\n#")[0]
        described = re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE)))
        assert described == [column["name"] for column in inspect(engine).get_columns(view)], view


def test_no_view_shows_a_text_of_a_person_or_a_model(filled: Filled) -> None:
    engine = filled.app.engine
    with engine.connect() as conn:
        assert TEXT in str(
            conn.execute(text("SELECT context FROM items WHERE context IS NOT NULL LIMIT 1")).scalar_one()
        )
        assert conn.execute(text("SELECT count(*) FROM labels WHERE by = 'ana'")).scalar_one() > 0
    for view in VIEWS:
        for row in rows(engine, f"SELECT * FROM {view}"):  # noqa: S608
            shown = [value for value in row.values() if isinstance(value, str)]
            assert not [value for value in shown if TEXT in value or value in ("ana", "bo")]


def statements_of_the_page(database: str) -> list[list[str]]:
    """The statements of each SQL block of the page; each ends with a semicolon, as `psql` needs it."""
    page = (ROOT / "dashboards" / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert all(line.endswith(";") for block in blocks for line in block.splitlines())
    return [block.replace("DATABASE calib ", f"DATABASE {database} ").splitlines() for block in blocks]


def test_a_reader_may_be_given_the_views_alone(filled: Filled) -> None:
    engine = filled.app.engine
    grants, _, _ = statements_of_the_page(filled.name)
    with engine.connect() as conn:
        for statement in grants:
            conn.execute(text(statement))
        conn.execute(text("SET ROLE grafana"))
        for view in VIEWS:
            conn.execute(text(f"SELECT count(*) FROM {view}"))  # noqa: S608
        for table in ("windows", "items", "labels", "outbox", "reviewers"):
            allowed = text(f"SELECT has_table_privilege('grafana', '{table}', 'SELECT')")
            assert conn.execute(allowed).scalar_one() is False
        conn.rollback()


def test_a_reader_finds_the_views_in_a_schema_of_their_own(postgres_url: str) -> None:
    engine = open_engine(postgres_url, schema="watched")
    migrate(engine)
    grants, before, after = statements_of_the_page(str(engine.url.database))
    with engine.connect() as conn:
        for statement in (*before, *grants, *after):
            conn.execute(text(statement))
        settings = conn.execute(text("SELECT rolconfig FROM pg_roles WHERE rolname = 'grafana'"))
        assert settings.scalar_one() == ["search_path=watched"]  # what a session of the role begins with
        conn.execute(text("SET ROLE grafana"))
        for view in VIEWS:
            conn.execute(text(f"SELECT count(*) FROM {view}"))  # noqa: S608
        conn.rollback()
    engine.dispose()


@pytest.mark.parametrize("schema", [None, "calib"])
def test_the_views_are_made_where_the_tables_are(postgres_url: str, schema: str | None) -> None:
    engine = open_engine(postgres_url, schema=schema)
    migrate(engine)
    migrate(engine)
    names = inspect(engine).get_view_names(schema or "public")
    assert sorted(names) == sorted(VIEWS)
    with engine.connect() as conn:
        for view in VIEWS:
            table = f"{schema or 'public'}.{view}"
            assert conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0  # noqa: S608
    engine.dispose()


def test_sqlite_has_no_views(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'calib.db'}")
    migrate(engine)
    assert inspect(engine).get_view_names() == []
    assert set(tables.metadata.tables) <= set(inspect(engine).get_table_names())
    engine.dispose()
