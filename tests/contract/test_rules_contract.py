"""One table of values with one meaning, whatever reads it: files, DuckDB, SQLite, PostgreSQL, Python."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calib.tabular import Answers, Numbers, Texts, columns, open_table
from calib.tabular import rules as plain
from calib.traffic import rules
from calib.traffic.connect import table_of
from calib.vocabulary import meaning

# what a cell of text says: its text by the rule of ids, its number, its answer (None: no known word)
TEXTS: list[tuple[str, str | None, float | None, str | None]] = [
    ("5", "5", 5.0, None),
    ("5.0", "5", 5.0, None),
    ("-7.0", "-7", -7.0, None),
    ("5.10", "5.10", 5.1, None),
    ("5.00", "5.00", 5.0, None),
    (" a b ", "a b", None, None),
    ("0", "0", 0.0, "incorrect"),
    ("-0.0", "0", 0.0, "incorrect"),
    ("1", "1", 1.0, "correct"),
    ("1.0", "1", 1.0, "correct"),
    ("1.00", "1.00", 1.0, "correct"),
    ("1e0", "1e0", 1.0, "correct"),
    ("-1", "-1", -1.0, None),
    ("2", "2", 2.0, None),
    ("nan", None, None, "unknown"),
    ("NaN", None, None, "unknown"),
    ("NA", "NA", None, "unknown"),
    ("N/A", "N/A", None, "unknown"),
    ("None", "None", None, "unknown"),
    ("null", "null", None, "unknown"),
    ("pending", "pending", None, "unknown"),
    ("-", "-", None, "unknown"),
    ("\xa00.5", "\xa00.5", 0.5, None),
    ("1\xa0", "1\xa0", 1.0, "correct"),
    ("\tNo\n", "No", None, "incorrect"),
    ("Yes", "Yes", None, "correct"),
    ("NO", "NO", None, "incorrect"),
    ("t", "t", None, "correct"),
    ("F", "F", None, "incorrect"),
    (" Right", "Right", None, "correct"),
    ("wrong ", "wrong", None, "incorrect"),
    ("Falsch", "Falsch", None, "incorrect"),
    ("unsure", "unsure", None, "unsure"),
    ("w", "w", None, None),
    ("x", "x", None, None),
    ("0.85", "0.85", 0.85, None),
    (".5", ".5", 0.5, None),
    ("5e-1", "5e-1", 0.5, None),
    ("85%", "85%", None, None),
    ("1_0", "1_0", None, None),
    ("0x1", "0x1", None, None),
    ("0,5", "0,5", None, None),
    ("12e5", "12e5", 12e5, None),
    ("gpt-4.0", "gpt-4.0", None, None),
    ("1780000000000000001", "1780000000000000001", 1.780000000000000001e18, None),
]
ROUNDED = {"1.78e+18": True, "9007199254740994.0": True, "5.0": False, "12e5": False, "a+b": False, "": False}
# naive times are those of New York, and None is not a time
TIMES: dict[str, str | None] = {
    "2026-10-05T12:00:00Z": "2026-10-05T12:00:00",
    "2026-10-05 12:00:00 UTC": "2026-10-05T12:00:00",
    "2026-10-05 12:00:00 GMT": "2026-10-05T12:00:00",
    "2026-10-05 12:00:00+02": "2026-10-05T10:00:00",
    "2026-10-05 12:00:00 +02:00": "2026-10-05T10:00:00",
    "2026/10/05 12:00:00Z": "2026-10-05T12:00:00",
    "2026/10/05 12:00": "2026-10-05T16:00:00",
    "2026-10-05": "2026-10-05T04:00:00",
    "2026-10-05 12:00:00,250": "2026-10-05T16:00:00.250000",
    "2026-10-05 12:00:00.25": "2026-10-05T16:00:00.250000",
    "2026-10-31T23:59:59.9999999Z": "2026-10-31T23:59:59.999999",
    "2026-10-05 12:00:00,123456789": "2026-10-05T16:00:00.123456",
    "1791158400": "2026-10-05T00:00:00",
    "1791158400.5": "2026-10-05T00:00:00.500000",
    "1791158400000": "2026-10-05T00:00:00",
    "1791158400000000": "2026-10-05T00:00:00",
    "1791158400000000000": "2026-10-05T00:00:00",
    "2028-02-29": "2028-02-29T05:00:00",
    "\xa02026-10-05\xa012:00\xa0": "2026-10-05T16:00:00",
    "07/08/2026": None,
    "05.10.2026": None,
    "2026-02-29": None,
    "2026-02-30 12:00": None,
    "2026-13-01": None,
    "2026-10-05 25:00": None,
    "2026-10/05": None,
    "20261005": None,
    "20261005120000": None,
    "12345": None,
    "1791158400000000000000": None,
    "yesterday": None,
    "": None,
}
Values = list[str]


def csv_file(folder: Path, values: Values) -> Path:
    with (folder / "v.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["i", "v"], *([i, value] for i, value in enumerate(values))])
    return folder / "v.csv"


def jsonl_file(folder: Path, values: Values) -> Path:
    lines = (json.dumps({"i": i, "v": value}) for i, value in enumerate(values))
    (folder / "v.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "v.jsonl"


def parquet_file(folder: Path, values: Values) -> Path:
    pq.write_table(pa.table({"i": list(range(len(values))), "v": values}), folder / "v.parquet")
    return folder / "v.parquet"


@pytest.mark.parametrize("write", [csv_file, jsonl_file, parquet_file])
def test_files(write: Callable[[Path, Values], Path], tmp_path: Path) -> None:
    table = open_table(write(tmp_path, [value for value, *_ in TEXTS]))
    rows = table.read({"text": Texts("v"), "number": Numbers("v"), "answer": Answers("v")})
    number = [None if value != value else value for value in rows["number"].values.tolist()]
    codes = {code: word for word, code in columns.CODES.items()}
    answer = [codes.get(code) for code in rows["answer"].values.tolist()]
    found = list(zip(rows["text"].values.tolist(), number, answer, strict=True))
    assert found == [tuple(rest) for _, *rest in TEXTS]


def test_python() -> None:
    for value, text, number, answer in TEXTS:
        assert (plain.text_of(value), plain.number_of(value), meaning(value)) == (text, number, answer), value
    for value, lost in ROUNDED.items():
        if lost:
            with pytest.raises(plain.CannotKeepError):
                plain.text_of(value)
    for value, utc in TIMES.items():
        when = plain.time_of(value)
        if when is not None and when.tzinfo is None:
            when = rules._in_zone(when, rules.ZoneInfo("America/New_York"))
        assert when == (None if utc is None else datetime.fromisoformat(utc).replace(tzinfo=UTC)), value


def in_duckdb(folder: Path, values: Values) -> Any:
    with duckdb.connect(str(folder / "v.duckdb")) as connection:
        connection.execute("CREATE TABLE t (i INTEGER, v VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(values)))
    return table_of("duckdb:v.duckdb#t", base=folder, stream="s", columns=("i", "v"))


def in_sqlite(folder: Path, values: Values) -> Any:
    connection = sqlite3.connect(folder / "v.sqlite")
    connection.execute("CREATE TABLE t (i, v)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(values)))
    connection.commit()
    connection.close()
    return table_of("sqlite:v.sqlite#t", base=folder, stream="s", columns=("i", "v"))


def in_csv(folder: Path, values: Values) -> Any:
    csv_file(folder, values)
    return table_of("csv:*.csv", base=folder, stream="s", columns=("i", "v"))


ENGINES = {"csv": in_csv, "duckdb": in_duckdb, "sqlite": in_sqlite}


@pytest.fixture(params=[*ENGINES, "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Values], Any]]:
    if request.param != "postgresql":
        yield lambda values: ENGINES[request.param](tmp_path, values)
        return
    url = str(request.getfixturevalue("postgres_url")).replace("postgresql+psycopg", "postgresql")

    def in_postgres(values: Values) -> Any:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE rules (i integer, v text)")
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO rules VALUES (%s, %s)", list(enumerate(values)))
            connection.commit()
        return server.table("rules")

    server = ibis.connect(url)
    yield in_postgres
    server.disconnect()


def read(table: Any, **values: Any) -> list[dict[str, Any]]:
    rows = table.select(i=table["i"].cast("int64"), **values).order_by("i").to_pyarrow().to_pylist()
    return [{name: value for name, value in row.items() if name != "i"} for row in rows]


def test_engines_read_texts_and_numbers_alike(engine: Callable[[Values], Any]) -> None:
    table = engine([value for value, *_ in TEXTS])
    found = read(table, text=rules.text_of(table["v"]), number=rules.number(table["v"]))
    assert [(row["text"], row["number"]) for row in found] == [(text, n) for _, text, n, _ in TEXTS]


def test_the_same_words_state_no_number_in_files_and_engines(
    engine: Callable[[Values], Any], tmp_path: Path
) -> None:
    words = ["N/A", " null ", "None", "-", "--", "", "\xa0", "NA", "nan", "-1", "-0.5", "high", "0.5", ".5"]
    none = [True] * 8 + [False] * 6
    file = open_table(csv_file(tmp_path, words)).read({"v": Numbers("v")})
    assert file["v"].missing.tolist() == none
    table = engine(words)
    assert [row["none"] for row in read(table, none=rules.no_number(table["v"]))] == none


def test_engines_see_ids_that_were_rounded(engine: Callable[[Values], Any]) -> None:
    table = engine(list(ROUNDED))
    assert [row["lost"] for row in read(table, lost=rules.rounded(table["v"]))] == list(ROUNDED.values())


def test_engines_read_times_alike(engine: Callable[[Values], Any]) -> None:
    table = engine(list(TIMES))
    clock = rules.Clock(table["v"], "America/New_York")
    found = [clock.read(row, "ts") for row in read(table, **clock.selected("ts"))]
    expected = [
        None if utc is None else datetime.fromisoformat(utc).replace(tzinfo=UTC) for utc in TIMES.values()
    ]
    assert dict(zip(TIMES, found, strict=True)) == dict(zip(TIMES, expected, strict=True))


NAN = float("nan")
TYPED = {
    "integers": (pa.array([5, None]), ["5", None]),
    "doubles": (pa.array([5.0, 0.5, NAN, None, -0.0]), ["5", "0.5", None, None, "0"]),
    "singles": (pa.array([5.0, 0.3, NAN], pa.float32()), ["5", "0.3", None]),
    "decimals": (pa.array(["5.00", "5.50", "0.00"]).cast(pa.decimal128(9, 2)), ["5", "5.5", "0"]),
    "booleans": (pa.array([True, False, None]), ["true", "false", None]),
    "dates": (pa.array([datetime(2026, 10, 5, tzinfo=UTC).date()]), ["2026-10-05"]),
}


@pytest.mark.parametrize("kind", TYPED)
def test_a_value_of_any_type_is_the_same_text_in_files_and_engines(kind: str, tmp_path: Path) -> None:
    values, texts = TYPED[kind]
    pq.write_table(pa.table({"i": list(range(len(values))), "v": values}), tmp_path / "v.parquet")
    assert open_table(tmp_path / "v.parquet").read({"v": Texts("v")})["v"].values.tolist() == texts
    table = table_of("parquet:*.parquet", base=tmp_path, stream="s", columns=("i", "v"))
    assert [row["text"] for row in read(table, text=rules.text_of(table["v"]))] == texts
    assert [plain.text_of(value) for value in values.to_pylist()] == texts or kind == "singles"


@pytest.mark.parametrize("value", [2.0**53 + 2, 1.78e18, -1e300])
def test_a_double_beyond_2_to_the_53_is_no_id(value: float, tmp_path: Path) -> None:
    pq.write_table(pa.table({"i": [0, 1], "v": [1.0, value]}), tmp_path / "v.parquet")
    with pytest.raises(ValueError, match=r"row 2, column 'v': .* may have been rounded"):
        open_table(tmp_path / "v.parquet").read({"v": Texts("v")})
    table = table_of("parquet:*.parquet", base=tmp_path, stream="s", columns=("i", "v"))
    found = read(table, lost=rules.rounded(table["v"]), text=rules.text_of(table["v"]).notnull())
    assert found == [{"lost": False, "text": True}, {"lost": True, "text": True}]
