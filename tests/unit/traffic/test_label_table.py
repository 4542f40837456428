"""Outcomes in a table of their own: found by id whatever the types, the latest by time, drawn rows alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from calib.errors import InvalidInput, SourceError
from calib.traffic import ArrivedLabel, LabelTable, Outcomes

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=20)


def labels(url: str, folder: Path, *, at: str | None = None, **how: Any) -> LabelTable:
    named = {"id": "pid", "column": "ok"} | how
    return LabelTable(url, at=at, base=folder, stream="triage", **named)


def parquet(folder: Path, table: pa.Table) -> str:
    pq.write_table(table, folder / "l.parquet")
    return "parquet:*.parquet"


def csv(folder: Path, table: pa.Table) -> str:
    pyarrow.csv.write_csv(table, folder / "l.csv")
    return "csv:*.csv"


def duckdb_file(folder: Path, table: pa.Table) -> str:
    with duckdb.connect(str(folder / "l.duckdb")) as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE labels AS SELECT * FROM given")
    return "duckdb:l.duckdb#labels"


def sqlite_file(folder: Path, table: pa.Table) -> str:
    with sqlite3.connect(folder / "l.sqlite") as connection:
        connection.execute(f"CREATE TABLE labels ({', '.join(table.column_names)})")
        texts = [
            [str(v) if isinstance(v, datetime) else v for v in row.values()] for row in table.to_pylist()
        ]
        connection.executemany(f"INSERT INTO labels VALUES ({', '.join('?' * table.num_columns)})", texts)  # noqa: S608
    connection.close()
    return "sqlite:l.sqlite#labels"


LAYOUTS: list[Callable[[Path, pa.Table], str]] = [parquet, csv, duckdb_file, sqlite_file]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize(
    "ids",
    [
        pa.array([1, 2, 3, 4]),
        pa.array([1.0, 2.0, 3.0, 4.0]),
        pa.array(["1", " 2 ", "3.0", "4"]),
        pa.array(["1", "2", "3", "4"]).cast(pa.int32()),
    ],
    ids=["int", "float", "text", "int32"],
)
def test_an_id_is_found_whatever_its_type(
    layout: Callable[[Path, pa.Table], str], ids: Any, tmp_path: Path
) -> None:
    table = pa.table({"pid": ids, "ok": ["right", "0", None, "who knows"]})
    found = labels(layout(tmp_path, table), tmp_path).outcomes(["1", "2", "3", "4", "5"])
    assert found == Outcomes(
        labels={"1": ArrivedLabel(True, None), "2": ArrivedLabel(False, None)}, not_an_answer=("4",)
    )


def test_rows_that_agree_are_one_and_of_rows_that_differ_the_latest_counts(tmp_path: Path) -> None:
    rows = [
        ("agrees", 1, NOON), ("agrees", 1, LATER),
        ("turned", 1, NOON), ("turned", 0, LATER),
        ("back", 0, LATER), ("back", 1, NOON), ("back", 0, NOON),
        ("timeless", 1, None), ("timeless", 0, NOON),
        ("tie", 1, NOON), ("tie", 0, NOON),
    ]  # fmt: skip
    pids, answers, times = zip(*rows, strict=True)
    table = pa.table({"pid": pids, "ok": answers, "at": pa.array(times, pa.timestamp("us", "UTC"))})
    for order in (range(len(rows)), reversed(range(len(rows)))):
        url = parquet(tmp_path, table.take(list(order)))
        found = labels(url, tmp_path, at="at").outcomes([*set(pids), "none"])
        assert found.labels == {
            "agrees": ArrivedLabel(True, LATER),
            "turned": ArrivedLabel(False, LATER),
            "back": ArrivedLabel(False, LATER),
            "timeless": ArrivedLabel(False, NOON),
        }
        assert found.differing == {
            "turned": ArrivedLabel(True, NOON),
            "back": ArrivedLabel(True, NOON),
            "timeless": ArrivedLabel(True, None),
        }
        assert found.undecided == ("tie",)
        early = labels(url, tmp_path, at="at").outcomes(["turned", "back"], known_by=NOON)
        assert early.labels == {"turned": ArrivedLabel(True, NOON)}
        assert early.undecided == ("back",)
        without = labels(url, tmp_path).outcomes(["agrees", "turned"])
        assert (set(without.labels), without.undecided) == ({"agrees"}, ("turned",))


def test_only_drawn_ids_leave_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"pid": range(50_000), "ok": [1] * 50_000})
    opened = labels(parquet(tmp_path, table), tmp_path)
    left: list[int] = []
    records = opened._records
    monkeypatch.setattr(opened, "_records", lambda query: left.append(len(found := records(query))) or found)
    monkeypatch.setattr("calib.traffic.outcomes.IDS_AT_ONCE", 70)
    assert len(opened.outcomes(map(str, range(100, 300))).labels) == 200
    assert left == [70, 70, 60]
    assert opened.outcomes([]) == Outcomes(labels={})


def test_ids_that_may_have_been_rounded_are_refused(tmp_path: Path) -> None:
    table = pa.table({"pid": [1.0, 2.0**60], "ok": [1, 0]})
    with pytest.raises(InvalidInput, match=r"review\.id = 'pid': each of 1 ids .*whole numbers or as text"):
        labels(parquet(tmp_path, table), tmp_path).outcomes(["1"])


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"id": "prediction"}, InvalidInput, "outcomes .* has no column 'prediction', which review.id names"),
        ({"column": "okay"}, InvalidInput, "which review.column names; did you mean 'ok'"),
        ({"at": "when"}, InvalidInput, "which review.at names"),
        ({"at": "flag"}, InvalidInput, "review.at = 'flag': a column of type boolean holds no times"),
        ({"column": "pid"}, InvalidInput, "no row of 'pid' says right or wrong, 2 say something else"),
        ({"url": "parquet:none/*.parquet"}, InvalidInput, "outcomes 'parquet:none/.*no file matches"),
        ({"url": "postgresql://calib@127.0.0.1:1/db#labels"}, SourceError, "outcomes .* cannot be reached"),
    ],
)
def test_what_is_wrong_with_the_table_is_said_by_its_name(
    how: dict[str, Any], error: Any, said: str, tmp_path: Path
) -> None:
    usual = parquet(tmp_path, pa.table({"pid": ["a", "b"], "ok": [1, 0], "flag": [True, False]}))
    with pytest.raises(error, match=said):
        labels(how.pop("url", usual), tmp_path, **how).check()


def test_a_check_says_what_the_outcomes_are(tmp_path: Path) -> None:
    table = pa.table({"pid": list("abcde"), "ok": ["yes", "no", "no", "pending", "dunno"]})
    found = labels(parquet(tmp_path, table), tmp_path).check()
    assert found["columns"] == {"review.id": "pid (string)", "review.column": "ok (string)"}
    assert (found["rows"], found["correct"], found["incorrect"], found["unknown_words"]) == (5, 1, 2, 1)
