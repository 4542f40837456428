"""Rows that do not count: what they are out of, where they are, and that none is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from calib.errors import InvalidInput
from calib.tabular.columns import half
from calib.traffic import Columns, Interval, Traffic

from .conftest import NOON, OCTOBER, draw, predictions

Open = Callable[..., Traffic]
NEXT = Interval(OCTOBER.end, OCTOBER.end + timedelta(days=30))
CSV = "csv:*.csv"
KINDS = ("not_a_number", "bad_timestamp", "missing_id", "out_of_range", "missing")


@pytest.mark.slow
@pytest.mark.parametrize(
    "times",
    [
        pa.array([NOON, None, None], pa.timestamp("us", "UTC")),
        pa.array([NOON.replace(tzinfo=None), None, None]),
        pa.array([NOON.date(), None, None]),
        pa.array([int(NOON.timestamp()), None, None]),
        pa.array([NOON.isoformat(), None, None]),
    ],
    ids=["aware", "naive", "date", "epoch", "text"],
)
def test_rows_without_a_time_are_counted_beside_every_window(open_traffic: Open, times: Any) -> None:
    table = predictions(ts=times, model=["new", "new", "old"])
    traffic = open_traffic(table, columns={"scope": {"model": "model"}}, scope={"model": "new"})
    for interval, population in ((OCTOBER, 1), (NEXT, 0)):
        survey = traffic.survey(interval)
        assert survey.population == population
        assert survey.rejected == {"bad_timestamp": 1, "out_of_scope": 1}  # by scope first, as in a period


def test_lines_of_files_that_are_no_rows_are_counted(open_traffic: Open, tmp_path: Path) -> None:
    head, row = "id,ts,confidence\n", "a,2026-10-05,0.9\n"
    (tmp_path / "a.csv").write_text(head + row + head + row.replace("a", "b"))
    (tmp_path / "b.csv").write_text(head + row.replace("a", "c") + "d,2026-10")
    survey = open_traffic(url=CSV).survey(OCTOBER)
    assert (survey.population, survey.rejected) == (3, {"cut_line": 1, "repeated_header": 1})


def test_what_was_rounded_is_counted_and_used(open_traffic: Open) -> None:
    survey = open_traffic(predictions(confidence=[1.0000001, -1e-9, 1.0, 0.0, 0.5])).survey(OCTOBER)
    assert (survey.population, survey.rejected, survey.rounded) == (5, {}, 2)


PERCENT = {"85": 0.85, "85%": 0.85, " 8.5 % ": 0.085, "100.00001": 1.0, "0": 0.0, "101": None, "high": None}


@pytest.mark.slow
@pytest.mark.parametrize("text", PERCENT)
def test_percent_that_is_meant_is_read(open_traffic: Open, text: str) -> None:
    traffic = open_traffic(predictions(confidence=[text], served=[0.7]), columns={"scale": 100.0})
    assert [row.raw for row in draw(traffic).rows] == ([] if PERCENT[text] is None else [PERCENT[text]])
    assert traffic.survey(OCTOBER).population == (PERCENT[text] is not None)


def test_the_scale_is_that_of_stated_confidences_alone(open_traffic: Open) -> None:
    table = predictions(confidence=[90, 90], served=[0.7, None])
    traffic = open_traffic(table, columns={"scale": 100.0, "served": "served"})
    cells = traffic.survey(OCTOBER).cells
    assert cells.served_sum is not None
    assert cells.served_sum.sum() == pytest.approx(0.7 + 0.9)
    assert sorted(row.served or 0 for row in draw(traffic).rows) == [0.7, 0.9]


@pytest.mark.slow
def test_a_survey_tells_what_was_not_scaled_and_what_is_beyond(open_traffic: Open) -> None:
    table = predictions(confidence=[0.0, 0.5, 1.0, 90.0, 150.0, float("inf"), -3.0])
    survey = open_traffic(table, columns={"scale": 100.0}).survey(OCTOBER)
    assert (survey.population, survey.unscaled, survey.greatest) == (4, 1, 0.9)
    assert survey.outside == (-3.0, 150.0)
    plain = open_traffic(table).survey(OCTOBER)
    assert (plain.population, plain.unscaled, plain.outside) == (3, 0, (-3.0, 150.0))
    assert open_traffic(predictions(confidence=[float("inf")])).survey(OCTOBER).outside is None


@pytest.mark.slow
def test_the_first_of_each_kind_is_told_with_its_line(open_traffic: Open, tmp_path: Path) -> None:
    lines = [
        "id,ts,confidence,note",
        'a,2026-10-05,0.9,"two\nlines"',
        "b,2026-10-05,85%,",
        "c,07/08/2026,0.9,",
        ",2026-10-05,0.9,",
        "d,2026-10-05,17,",
        "id,ts,confidence,note",
        "e,2026-10-05,,",
        f"f,2026-10-05,{'long ' * 50},",
        "g,2026-12-24,nothing of this month,",
    ]
    (tmp_path / "b.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "a.csv").write_text("id,ts,confidence,note\nz,2026-10-05,0.9,\n")
    columns = Columns(id="id", ts="ts", confidence="confidence")
    traffic = Traffic(CSV, columns=columns, base=tmp_path, stream="s", places=True)
    found = {row.kind: row for row in traffic.offending(OCTOBER, KINDS)}
    assert {kind: (row.value, row.where, row.id) for kind, row in found.items()} == {
        "not_a_number": ("'85%'", "b.csv, line 4", "'b'"),
        "bad_timestamp": ("'07/08/2026'", "b.csv, line 5", "'c'"),
        "missing_id": ("nothing", "b.csv, line 6", None),
        "out_of_range": ("'17'", "b.csv, line 7", "'d'"),
        "missing": ("nothing", "b.csv, line 9", "'e'"),
    }
    assert traffic.looks(OCTOBER, {"not_a_number": 2, "missing_id": 1, "missing": 1}) == {
        "not_a_number": "text with a percent sign",
        "missing_id": "nothing",
    }


def test_a_row_of_a_parquet_file_is_told_by_its_number(open_traffic: Open, tmp_path: Path) -> None:
    open_traffic(predictions(confidence=[0.5, 0.6]), predictions(confidence=[0.5, 0.5, 1.5, 2.5]))
    columns = Columns(id="id", ts="ts", confidence="confidence")
    traffic = Traffic("parquet:*.parquet", columns=columns, base=tmp_path, stream="s", places=True)
    (row,) = traffic.offending(OCTOBER, ["out_of_range"])
    assert (row.value, row.where, row.id, row.looks) == ("'1.5'", "1.parquet, row 3", "'r2'", "a number")
    assert traffic.survey(OCTOBER).population == 4


def test_an_engines_row_is_told_by_its_id(open_traffic: Open, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT i AS id, TIMESTAMP '2026-10-05' + INTERVAL (9 - i) HOUR AS ts,"
            " CASE i WHEN 3 THEN true WHEN 7 THEN true END AS confidence FROM range(9) t(i)"
        )
    (row,) = open_traffic(url="duckdb:t.duckdb#t").offending(OCTOBER, ["not_a_number"])
    assert (row.id, row.where, row.looks) == ("'7'", None, "true or false")  # the first by time


def test_no_secret_is_shown(open_traffic: Open) -> None:
    table = predictions(confidence=["password=hunter2"])
    (row,) = open_traffic(table).offending(OCTOBER, ["not_a_number"])
    assert "hunter2" not in str(row)


@pytest.mark.slow
def test_a_16_bit_float_is_its_shortest_decimal(open_traffic: Open) -> None:
    values = np.arange(2**16, dtype=np.uint16).view(np.float16)
    values = values[np.isfinite(values) & (np.abs(values) <= 128)]
    table = pa.table({"c": pa.array(values)})  # DuckDB itself reads them as 32-bit floats
    wide = pa.table({"c": table["c"].cast(pa.float32())})
    with duckdb.connect() as connection:
        connection.register("t", wide)
        found = connection.table("t").project(half("c")).fetchnumpy()
        (found,) = found.values()
    np.testing.assert_array_equal(found.astype(np.float16), values)
    mine, theirs = ([len(np.format_float_scientific(x)) for x in each] for each in (found, values))
    powers = np.abs(np.frexp(values)[0]) == 0.5  # where the floats below are nearer than those above
    assert (np.array(mine) <= np.array(theirs) + powers).all()
    stated = np.array([0.3, 0.9, 0.95, 0.1], np.float16)
    survey = open_traffic(predictions(confidence=pa.array(stated))).survey(OCTOBER)
    assert survey.by_cell()[2].tolist() == [0.1, 0.3, 0.9, 0.95]
    text = predictions(id=["text"], confidence=["0.3"])
    mixed = open_traffic(predictions(confidence=pa.array(stated)), text)
    assert sorted(row.raw for row in draw(mixed).rows) == [0.1, 0.3, 0.3, 0.9, 0.95]


def test_the_newest_time_is_one_that_has_come(open_traffic: Open) -> None:
    times = [NOON, datetime(2026, 10, 7, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)]
    traffic = open_traffic(predictions(ts=pa.array(times, pa.timestamp("us", "UTC"))))
    assert traffic.check(until=datetime(2026, 12, 1, tzinfo=UTC))["newest"] == times[1].isoformat()
    assert traffic.check(until=times[0])["newest"] is None
    assert traffic.check()["newest"] == times[2].isoformat()


HEAD = "id,ts,confidence,question\n"
ROW = "a,2026-10-05,0.9,what?\n"
DAMAGED = {
    "another layout under a new header": (
        HEAD + ROW * 3 + "id,ts,confidence,question,model\n" + ROW,
        "line 5",
    ),
    "another layout without a header": (HEAD + ROW * 3 + "b,2026-10-05,0.9,what?,v2\n", "line 5: 5 cells"),
    "a mark that never closes": (HEAD + ROW + 'b,2026-10-05,0.9,"To be\n' + ROW * 500, "line 3"),
    "two marks that never close": (
        HEAD + 'b,2026-10-05,0.9,"To be\n' + ROW * 300 + 'c,2026-10-05,1,"To\n',
        "line 2",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_named_with_its_line(open_traffic: Open, tmp_path: Path, damage: str) -> None:
    text, said = DAMAGED[damage]
    (tmp_path / "a.csv").write_text(HEAD + ROW)
    (tmp_path / "day.csv").write_text(text)
    with pytest.raises(InvalidInput, match=rf"triage: traffic 'csv:\*\.csv' .*day\.csv, {said}"):
        open_traffic(url=CSV, columns={"context": ("question",)}).survey(OCTOBER)


def test_a_file_in_latin_1_is_named_with_its_line(open_traffic: Open, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_bytes((HEAD + ROW + ROW.replace("what", "café")).encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"day\.csv, line 3: not UTF-8 text; it may be Latin-1"):
        open_traffic(url=CSV).survey(OCTOBER)


@pytest.mark.slow
def test_a_first_quoted_cell_after_many_rows_is_read(open_traffic: Open, tmp_path: Path) -> None:
    lines = [ROW.replace("a,", f"r{i},") for i in range(21_000)]
    lines[20_500] = 'late,2026-10-05,0.9,"well, then"\n'
    (tmp_path / "a.csv").write_text(HEAD + "".join(lines))
    survey = open_traffic(url=CSV, columns={"context": ("question",)}).survey(OCTOBER)
    assert (survey.population, survey.rejected) == (21_000, {})


def test_an_id_has_one_spelling_and_what_cannot_be_kept_is_an_error(open_traffic: Open) -> None:
    october = predictions(id=[1, 2, 3], ok=[1, 0, 1])
    november = predictions(id=[4.0, None, float("nan")], ok=[1, 1, 1])
    traffic = open_traffic(october, november, columns={"outcome": "ok"})
    assert sorted(traffic.outcomes(["1", "2", "3", "4"], OCTOBER).labels) == ["1", "2", "3", "4"]
    assert traffic.survey(OCTOBER).rejected == {"missing_id": 2}
    long = 1_780_000_000_000_000_000
    with pytest.raises(InvalidInput, match="each of 1 ids is a float too large"):
        open_traffic(predictions(id=[long + 1]), predictions(id=[float(long + 2)])).survey(OCTOBER)
