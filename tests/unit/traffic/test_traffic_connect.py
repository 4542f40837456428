"""What is at a URL, what is missing there, and how that is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calib.errors import InvalidInput, SourceError
from calib.traffic import Columns, Traffic

from .conftest import OCTOBER, draw, predictions

Open = Callable[..., Traffic]


def sqlite_file(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def test_a_missing_column_is_named_with_its_key_and_the_nearest(open_traffic: Open) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_traffic(predictions(), columns={"confidence": "confidense"}).check()
    for part in ("triage", "'confidense'", "columns.confidence", "did you mean 'confidence'?"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "how", "key"),
    [
        ({"context": ("question",)}, {}, "columns.context[0]"),
        ({"scope": {"model": "llm"}}, {"scope": {"model": "x"}}, "columns.scope.model"),
        ({"outcome": "right"}, {}, "review.column"),
        ({"outcome": "id", "outcome_at": "when"}, {}, "review.at"),
        ({}, {"where": {"stream": "x"}}, "where.stream"),
    ],
)
def test_the_key_to_change_is_named(open_traffic: Open, columns: Any, how: Any, key: str) -> None:
    with pytest.raises(InvalidInput, match="has no column") as caught:
        open_traffic(predictions(), columns=columns, **how).survey(OCTOBER)
    assert f"which {key} names" in str(caught.value)


@pytest.mark.parametrize("kind", ["csv", "sqlite"])
def test_the_nearest_column_is_found_where_only_some_are_read(tmp_path: Path, kind: str) -> None:
    (tmp_path / "t.csv").write_text("id,ts,raw_confidence\na,2026-10-05,0.5\n")
    sqlite_file(tmp_path / "t.db", "CREATE TABLE t (id, ts, raw_confidence)")
    url = {"csv": "csv:t.csv", "sqlite": "sqlite:t.db#t"}[kind]
    columns = Columns(id="id", ts="ts", confidence="raw_confidense")
    with pytest.raises(InvalidInput, match="did you mean 'raw_confidence'"):
        Traffic(url, columns=columns, base=tmp_path, stream="triage").check()


@pytest.mark.parametrize(
    ("values", "value", "rows"),
    [
        (["gpt", "old"], "gpt", 1),
        (["1", "2"], 1, 1),
        (["true", "False"], True, 1),
        (["1", "0"], False, 1),
        ([1, 2], 1, 1),
        ([1, 2], "1", 1),
        ([1.0, 2.5], 2.5, 1),
        ([True, False], True, 1),
        ([True, False], "false", 1),
        ([True, False], 1, 1),
        (["4", "4.0", "4.5", "5"], 4, 2),
        (["4", "4.0", "4.5", "5"], 4.0, 2),
        (["4", "4.0", "4.5", "5"], 4.5, 1),
        ([date(2026, 10, 1), date(2026, 10, 2)], "2026-10-01", 1),
        ([1, 2], "x", None),
        ([1, 2], True, None),
        ([True, False], "maybe", None),
    ],
)
def test_equality_is_by_what_the_column_holds(
    open_traffic: Open, values: list[Any], value: Any, rows: int | None
) -> None:
    traffic = open_traffic(predictions(tier=values), where={"tier": value})
    if rows is None:
        with pytest.raises(InvalidInput, match=r"triage: where\.tier: .* never equals"):
            traffic.survey(OCTOBER)
    else:
        assert traffic.survey(OCTOBER).population == rows


def test_a_number_of_the_settings_is_found_in_files_of_several_types(open_traffic: Open) -> None:
    tables = [predictions(id=[str(i)], tier=values) for i, values in enumerate(([4], [4.0], ["4"], ["x"]))]
    for value in (4, 4.0):
        assert open_traffic(*tables, where={"tier": value}).survey(OCTOBER).population == 3


def test_a_path_may_hold_anything(tmp_path: Path, open_traffic: Open) -> None:
    folder = tmp_path / "a b's %20 ü"
    folder.mkdir()
    with duckdb.connect(str(folder / "x y.duckdb")) as connection:
        connection.execute("CREATE SCHEMA logs")
        connection.execute(
            "CREATE TABLE logs.said AS SELECT 'a' id, TIMESTAMP '2026-10-05' ts, 0.5 confidence"
        )
        connection.execute("CREATE VIEW v AS FROM logs.said")
    for table in ("logs.said", "v"):
        traffic = open_traffic(url=f"duckdb:{folder.name}/x y.duckdb#{table}")
        assert [row.raw for row in draw(traffic).rows] == [0.5]


def test_a_duckdb_file_is_opened_to_read(tmp_path: Path, open_traffic: Open) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 'a' id, TIMESTAMP '2026-10-05' ts, 0.5 confidence")
    traffic = open_traffic(url="duckdb:x.duckdb#t")
    traffic.survey(OCTOBER)
    with pytest.raises(duckdb.Error, match="read-only"):
        traffic._table()[0].get_backend().raw_sql("DROP TABLE t")


@pytest.mark.slow
def test_sqlite_holds_values_of_any_type_in_one_column(tmp_path: Path, open_traffic: Open) -> None:
    sqlite_file(
        tmp_path / "t.db",
        """CREATE TABLE "my table" (id, ts, confidence);
        INSERT INTO "my table" VALUES (1, '2026-10-05', 0.1 + 0.2), ('b', '2026-10-05T12:00:00Z', '85%'),
        ('c', '2026-10-05 12:00', NULL), ('d', 17900, 0.5), (x'65', '2026-10-05', '0.25'),
        (6, '2026-10-05', 7)
        """,
    )
    traffic = open_traffic(url="sqlite:t.db#my table")
    assert traffic.survey(OCTOBER).rejected == {
        "missing": 1, "not_a_number": 1, "out_of_range": 1, "bad_timestamp": 1,
    }  # fmt: skip
    assert sorted((row.id, row.raw) for row in draw(traffic).rows) == [("1", 0.1 + 0.2), ("e", 0.25)]


@pytest.mark.slow
def test_many_sqlite_rows_come_in_parts(
    tmp_path: Path, open_traffic: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calib.traffic.connect.ROWS_AT_ONCE", 7)
    sqlite_file(
        tmp_path / "t.db",
        """CREATE TABLE t AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 50)
        SELECT i AS id, '2026-10-05' AS ts, 0.5 AS confidence FROM c""",
    )
    assert open_traffic(url="sqlite:t.db#t").survey(OCTOBER).population == 50


@pytest.mark.parametrize("url", ["duckdb:t.db#said", "sqlite:t.db#said"])
def test_a_missing_table_is_named_with_those_there(tmp_path: Path, open_traffic: Open, url: str) -> None:
    if url.startswith("sqlite"):
        sqlite_file(tmp_path / "t.db", "CREATE TABLE spoken (a)")
    else:
        with duckdb.connect(str(tmp_path / "t.db")) as connection:
            connection.execute("CREATE TABLE spoken (a INT)")
    with pytest.raises(InvalidInput, match="has no table 'said'; it has spoken"):
        open_traffic(url=url).check()


@pytest.mark.parametrize("url", ["duckdb:t.db#t", "sqlite:t.db#t", "csv:t.db", "parquet:t.db"])
def test_a_file_that_is_something_else_is_said(tmp_path: Path, open_traffic: Open, url: str) -> None:
    (tmp_path / "t.db").write_bytes(b"\x00\xff" * 3000)
    with pytest.raises((InvalidInput, SourceError), match="triage: traffic"):
        open_traffic(url=url).survey(OCTOBER)


@pytest.mark.slow
def test_csv_files_may_order_their_columns_differently(tmp_path: Path, open_traffic: Open) -> None:
    (tmp_path / "1.csv").write_text('id,ts,confidence,q\na,2026-10-05,0.5,"two\nlines, ""quoted"""\n')
    (tmp_path / "2.csv").write_text("confidence,q,more,id,ts\n0.7,,x,b,2026-10-05\n,,,c,2026-10-05\n")
    traffic = open_traffic(url="csv:*.csv", columns={"context": ("q",)})
    assert traffic.survey(OCTOBER).rejected == {"missing": 1}
    found = {row.id: (row.raw, row.context["q"]) for row in draw(traffic).rows}
    assert found == {"a": (0.5, 'two\nlines, "quoted"'), "b": (0.7, None)}


def test_check_says_what_is_there(open_traffic: Open) -> None:
    said = open_traffic(predictions(question=["?"]), columns={"context": ("question",)}).check()
    assert said["first"] == said["last"] == "2026-10-05T12:00:00+00:00"
    assert said["columns"]["columns.confidence"] == "confidence (float64)"
    empty = open_traffic(
        predictions(id=pa.array([], pa.string()), ts=pa.array([], pa.timestamp("us"))).slice(0, 0)
    )
    assert (empty.check()["first"], empty.check()["last"]) == (None, None)


def test_local_files_of_other_times_are_not_even_opened(tmp_path: Path) -> None:
    """A window reads the folders of its days; without a period all are read, and a broken one is named."""
    for day in ("2026-10-05", "2026-10-06", "2025-01-01", "2027-05-05", "unknown"):
        (tmp_path / f"dt={day}").mkdir()
        pq.write_table(predictions(id=[f"{day}-{i}" for i in range(3)]), tmp_path / f"dt={day}" / "a.parquet")
    for day in ("2025-01-01", "2027-05-05"):
        (tmp_path / f"dt={day}" / "a.parquet").write_bytes(b"PAR1 and no more")
    columns = Columns(id="id", ts="ts", confidence="confidence", segment="dt")
    traffic = Traffic("parquet:*/*.parquet", columns=columns, base=tmp_path, stream="s")
    assert traffic.survey(OCTOBER).by_segment() == {"2026-10-05": 3, "2026-10-06": 3, "unknown": 3}
    with pytest.raises(InvalidInput, match="dt=2025-01-01"):
        traffic._table()
