"""Every engine and every layout of the same rows gives the same survey and the same draw."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from conftest import month_of_traffic

from calib.errors import InvalidInput, SourceError
from calib.measure import Strata, strata_of_cells
from calib.sampling import allocate, order_key
from calib.traffic import Columns, Draw, Interval, Survey, Traffic, draw_query
from calib.traffic import survey as surveying
from calib.traffic.connect import md5_of
from calib.traffic.rules import Clock

INTERVAL = Interval(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
COLUMNS = Columns(
    id="prediction_id",
    ts="ts",
    confidence="raw_confidence",
    context=("question",),
    outcome="correct",
)


def rows() -> pa.Table:
    """March among its neighbours, ids doubled, some confidences unusable."""
    months = [month_of_traffic(f"2026-{m:02d}", n=3000) for m in (2, 3, 4)]
    table = pa.concat_tables([*months, months[1].slice(0, 60)])
    rng = np.random.default_rng(0)
    raw = table["raw_confidence"].to_numpy().copy()
    raw[rng.random(len(raw)) < 0.05] = 1.5
    return table.set_column(2, "raw_confidence", pa.array(raw))


def parquet(folder: Path, table: pa.Table) -> str:
    pq.write_table(table, folder / "t.parquet")
    return "parquet:*.parquet"


def many_files(folder: Path, table: pa.Table) -> str:
    order = np.random.default_rng(1).permutation(table.num_rows)
    for i, part in enumerate(np.array_split(order, 7)):
        pq.write_table(table.take(part), folder / f"{i}.parquet", row_group_size=100)
    return "parquet:*.parquet"


def csv(folder: Path, table: pa.Table) -> str:
    pyarrow.csv.write_csv(table.take(np.arange(table.num_rows)[::-1]), folder / "t.csv")
    return "csv:*.csv"


def duckdb_file(folder: Path, table: pa.Table) -> str:
    with duckdb.connect(str(folder / "t.duckdb")) as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE predictions AS SELECT * FROM given")
    return "duckdb:t.duckdb#predictions"


def sqlite_file(folder: Path, table: pa.Table) -> str:
    connection = sqlite3.connect(folder / "t.sqlite")
    connection.execute("CREATE TABLE predictions (prediction_id, ts, raw_confidence REAL, correct, question)")
    texts = table.set_column(1, "ts", pa.array([t.isoformat() for t in table["ts"].to_pylist()]))
    values = zip(*(column.to_pylist() for column in texts.columns), strict=True)
    connection.executemany("INSERT INTO predictions VALUES (?, ?, ?, ?, ?)", values)
    connection.commit()
    connection.close()
    return "sqlite:t.sqlite#predictions"


LAYOUTS: list[Callable[[Path, pa.Table], str]] = [parquet, many_files, csv, duckdb_file, sqlite_file]


def draw(traffic: Traffic, labels: int = 200) -> tuple[Survey, Draw]:
    survey = traffic.survey(INTERVAL)
    cells, counts, _ = survey.by_cell()
    strata = strata_of_cells(cells, counts, distinct=survey.distinct)
    sizes = np.bincount(strata.assign_cells(cells), counts, len(strata)).astype(np.int64)
    allocation = allocate(sizes / sizes.sum(), None, labels, sizes=sizes)
    drawn = traffic.draw(
        INTERVAL, strata=strata, allocation=allocation, sizes=sizes, seed="s", period="2026-03"
    )
    return survey, drawn


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Survey, Draw]:
    folder = tmp_path_factory.mktemp("reference")
    return draw(Traffic(parquet(folder, rows()), columns=COLUMNS, base=folder, stream="s"))


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_the_draw_is_the_same_everywhere(
    layout: Callable[[Path, pa.Table], str], reference: tuple[Survey, Draw], tmp_path: Path
) -> None:
    survey, drawn = draw(Traffic(layout(tmp_path, rows()), columns=COLUMNS, base=tmp_path, stream="s"))
    assert survey.population == reference[0].population
    assert survey.rejected == reference[0].rejected
    assert drawn.rows == reference[1].rows
    assert drawn.duplicates.tolist() == reference[1].duplicates.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_drift_columns_hold_the_same_everywhere(
    layout: Callable[[Path, pa.Table], str], reference: tuple[Survey, Draw], tmp_path: Path
) -> None:
    columns = replace(COLUMNS, context=(), drift=("correct", "question"))
    traffic = Traffic(layout(tmp_path, rows()), columns=columns, base=tmp_path, stream="s")
    drawn = [row.id for row in reference[1].rows]
    known = {row["prediction_id"]: row for row in rows().to_pylist()}
    assert traffic.drift_values(drawn, INTERVAL) == {
        id_: {"correct": str(known[id_]["correct"]), "question": known[id_]["question"][:65]} for id_ in drawn
    }


@pytest.mark.slow
def test_threads_do_not_matter(reference: tuple[Survey, Draw], tmp_path: Path) -> None:
    for threads in (1, 4):
        traffic = Traffic(many_files(tmp_path, rows()), columns=COLUMNS, base=tmp_path, stream="s")
        table, _ = traffic._table()
        table.get_backend().raw_sql(f"SET threads = {threads}")
        assert draw(traffic)[1].rows == reference[1].rows


def test_the_draw_is_the_first_of_each_stratum_in_md5_order(reference: tuple[Survey, Draw]) -> None:
    table = rows().to_pandas()
    march = table[(table.ts >= INTERVAL.start) & (table.ts < INTERVAL.end) & (table.raw_confidence <= 1)]
    march = march.drop_duplicates("prediction_id")
    drawn = reference[1].rows
    for level in march.raw_confidence.unique():
        ids = sorted(
            march[march.raw_confidence == level].prediction_id, key=lambda i: order_key("s", "2026-03", i)
        )
        mine = [row.id for row in drawn if row.raw == level]
        assert mine == ids[: len(mine)]
        (probability,) = {row.inclusion_probability for row in drawn if row.raw == level}
        assert probability == pytest.approx(len(mine) / len(ids), rel=0.05)


def test_a_stratum_is_drawn_whole_where_that_is_asked(tmp_path: Path) -> None:
    traffic = Traffic(parquet(tmp_path, rows()), columns=COLUMNS, base=tmp_path, stream="s")
    survey, drawn = draw(traffic, labels=100_000)
    table = rows().to_pandas()
    march = table[(table.ts >= INTERVAL.start) & (table.ts < INTERVAL.end) & (table.raw_confidence <= 1)]
    assert survey.population == len(march)
    assert len(drawn.rows) == march.prediction_id.nunique()
    assert int(drawn.duplicates.sum()) == len(march) - march.prediction_id.nunique()


@pytest.mark.slow
def test_sqlite_draws_the_same(reference: tuple[Survey, Draw], tmp_path: Path) -> None:
    table = rows()
    with sqlite3.connect(tmp_path / "t.sqlite") as connection:
        connection.execute(
            "CREATE TABLE predictions"
            " (prediction_id TEXT, ts TIMESTAMP, raw_confidence REAL, correct INT, question TEXT)"
        )
        values = [
            (
                row["prediction_id"],
                f"{row['ts']:%Y-%m-%d %H:%M:%S}",
                row["raw_confidence"],
                row["correct"],
                row["question"],
            )
            for row in table.to_pylist()
        ]
        connection.executemany("INSERT INTO predictions VALUES (?, ?, ?, ?, ?)", values)
    connection.close()
    traffic = Traffic("sqlite:t.sqlite#predictions", columns=COLUMNS, base=tmp_path, stream="s")
    _, drawn = draw(traffic)
    assert [(r.id, r.order, r.stratum) for r in drawn.rows] == [
        (r.id, r.order, r.stratum) for r in reference[1].rows
    ]


def test_outcomes_are_found_by_id(tmp_path: Path) -> None:
    traffic = Traffic(csv(tmp_path, rows()), columns=COLUMNS, base=tmp_path, stream="s")
    truth = dict(
        zip(*(rows().slice(3000, 3000)[c].to_pylist() for c in ("prediction_id", "correct")), strict=True)
    )
    wanted = list(truth)[:300]
    found = traffic.outcomes([*wanted, "nobody"], INTERVAL)
    assert {id_: int(o.correct) for id_, o in found.labels.items()} == {id_: truth[id_] for id_ in wanted}


@pytest.mark.parametrize("dialect", ["postgres", "databricks", "trino", "snowflake", "bigquery"])
@pytest.mark.parametrize(("ts", "confidence"), [("timestamp('UTC')", "float64"), ("timestamp", "string")])
def test_the_same_expressions_are_said_to_other_engines(dialect: str, ts: str, confidence: str) -> None:
    columns = Columns(
        id="id", ts="ts", confidence="c", segment="s", served="c", mapping="s", judge="c", context=("s",)
    )
    table = ibis.table({"id": "string", "ts": ts, "c": confidence, "s": "string"}, name="t")
    clock = Clock(table["ts"], "Europe/Vienna")
    asked = (table, clock, columns, {}, INTERVAL)
    strata = Strata(upper=(5000, 10_000), kind="levels")
    shares = np.array([0.5, 0.1])
    queries = [
        surveying.expression(*asked, [datetime(2026, 3, 5, tzinfo=UTC)]),
        draw_query.expression(*asked, strata=strata, shares=shares, seed="s", period="p"),
    ]
    for query in queries:
        said = ibis.to_sql(query, dialect=dialect).lower()
        assert "2026" in said
    assert "md5(" in said


@pytest.mark.parametrize(
    ("engine", "dialect", "said"),
    [
        ("postgres", "postgres", """MD5("t0"."id")"""),
        ("pyspark", "databricks", "MD5(`t0`.`id`)"),
        ("snowflake", "snowflake", """MD5("t0"."id")"""),
        ("bigquery", "bigquery", "LOWER(TO_HEX(MD5(`t0`.`id`)))"),
        ("trino", "trino", """LOWER(TO_HEX(MD5(TO_UTF8("t0"."id"))))"""),
    ],
)
def test_md5_is_hex_in_the_engines_own_words(engine: str, dialect: str, said: str) -> None:
    table = ibis.table({"id": "string"}, name="t")
    assert said in ibis.to_sql(table.select(found=md5_of(table["id"], engine)), dialect=dialect)


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("parquet:none/*.parquet", InvalidInput, "no file matches"),
        ("nonsense", InvalidInput, "write one of"),
        ("duckdb:none.duckdb#t", InvalidInput, "does not exist"),
        ("oracle://host/db#t", InvalidInput, "write one of"),
        ("postgresql://nobody:secret@127.0.0.1:1/db#t", (SourceError, InvalidInput), "127.0.0.1"),
    ],
)
def test_what_cannot_be_opened_is_said_without_the_password(
    url: str, error: Any, said: str, tmp_path: Path
) -> None:
    traffic = Traffic(url, columns=COLUMNS, base=tmp_path, stream="s")
    with pytest.raises(error, match=said.replace("*", ".")) as caught:
        traffic.survey(INTERVAL)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_parquet_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then no table")
    with pytest.raises(InvalidInput, match="cannot be read"):
        Traffic("parquet:*.parquet", columns=COLUMNS, base=tmp_path, stream="s").survey(INTERVAL)
