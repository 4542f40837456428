"""A confidence is a number in [0, 1], or it is counted by kind: never clamped, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from calib.tabular import Numbers, open_table
from calib.tabular.rules import confidence_of
from calib.traffic import Columns, Traffic

from .conftest import OCTOBER, draw, predictions

Open = Callable[..., Traffic]

WORDS = {
    "0.85": 0.85,
    " 0.85 ": 0.85,
    "0.85\n": 0.85,
    ".5": 0.5,
    "1.": 1.0,
    "+0.5": 0.5,
    "5e-1": 0.5,
    "1e-200": 1e-200,
    "0": 0.0,
    "85%": "not_a_number",
    "high": "not_a_number",
    "": "missing",
    " \t": "missing",
    "0,85": "not_a_number",
    "nan": "not_a_number",
    "NaN": "not_a_number",
    "true": "not_a_number",
    "0x1": "not_a_number",
    "1_0": "not_a_number",
    "1e999": "not_a_number",
    "٠.٩": "not_a_number",
    "0.5 0.6": "not_a_number",
    "inf": "out_of_range",
    "-Infinity": "out_of_range",
    "85": "out_of_range",
    "1.00001": "out_of_range",
    "-1e-5": "out_of_range",
    "1.0000001": 1.0,
    "-1e-9": 0.0,
    None: "missing",
}


KINDS = sorted({means for means in WORDS.values() if isinstance(means, str)})


@pytest.mark.slow
def test_a_text_that_is_a_decimal_number_is_read(open_traffic: Open) -> None:
    meant = {repr(word): means for word, means in WORDS.items() if not isinstance(means, str)}
    words = [word for word, means in WORDS.items() if not isinstance(means, str)]
    traffic = open_traffic(predictions(id=list(meant), confidence=pa.array(words, pa.string())))
    survey = traffic.survey(OCTOBER)
    assert (survey.population, survey.rejected) == (len(meant), {})
    assert {row.id: row.raw for row in draw(traffic).rows} == meant


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_any_other_text_is_counted_by_its_kind(open_traffic: Open, kind: str) -> None:
    words = [word for word, means in WORDS.items() if means == kind]
    traffic = open_traffic(
        predictions(id=[repr(word) for word in words], confidence=pa.array(words, pa.string()))
    )
    survey, drawn = traffic.survey(OCTOBER), draw(traffic).rows
    assert (survey.population, survey.rejected, drawn) == (0, {kind: len(words)}, ())


def test_nan_is_found_where_the_files_statistics_deny_it(open_traffic: Open) -> None:
    # Parquet's least and most leave NaN out: an engine that trusts them sees nothing above 1 here
    traffic = open_traffic(predictions(confidence=[0.5, float("nan"), 0.9, 1.0]))
    survey = traffic.survey(OCTOBER)
    assert (survey.population, survey.rejected) == (3, {"not_a_number": 1})
    assert sorted(row.raw for row in draw(traffic).rows) == [0.5, 0.9, 1.0]


def test_null_nan_and_infinity_are_told_apart(open_traffic: Open, tmp_path: Path) -> None:
    rows = duckdb.sql(
        "SELECT i AS id, TIMESTAMP '2026-10-05' AS ts, c AS confidence FROM (VALUES (1, 'nan'::DOUBLE),"
        " (2, NULL), (3, 'inf'), (4, '-inf'), (5, 1.0), (6, 0.0), (7, 1.00001)) t(i, c)"
    )
    rows.write_parquet(str(tmp_path / "x.parquet"))
    survey = open_traffic().survey(OCTOBER)
    assert survey.rejected == {"missing": 1, "not_a_number": 1, "out_of_range": 3}
    assert survey.by_cell()[0].tolist() == [0, 10_000]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "raw"),
    [
        (pa.array([0.85]).cast(pa.decimal128(9, 4)), 0.85),
        (pa.array([0.9], pa.float32()), 0.9),
        (pa.array([1]), 1.0),
        (pa.array(["0.7"]).dictionary_encode(), 0.7),
        (pa.array([True]), None),
        (pa.array([[0.5]]), None),
        (pa.array([date(2026, 1, 1)]), None),
    ],
    ids=["decimal", "float32", "int", "dictionary", "bool", "list", "date"],
)
def test_a_column_of_any_type_is_read(open_traffic: Open, values: Any, raw: float | None) -> None:
    traffic = open_traffic(predictions(confidence=values))
    assert [row.raw for row in draw(traffic).rows] == ([] if raw is None else [raw])
    assert traffic.survey(OCTOBER).rejected == ({"not_a_number": 1} if raw is None else {})


def test_files_whose_types_differ_are_one_table(open_traffic: Open) -> None:
    traffic = open_traffic(predictions(id=[1]), predictions(id=["b"], confidence=["0.5"]))
    assert sorted((row.id, row.raw) for row in draw(traffic).rows) == [("1", 0.9), ("b", 0.5)]


def test_rows_without_an_id_are_counted(open_traffic: Open) -> None:
    traffic = open_traffic(predictions(id=["a", "", None]))
    assert traffic.survey(OCTOBER).rejected == {"missing_id": 2}
    assert [row.id for row in draw(traffic).rows] == ["a"]


@pytest.mark.slow
def test_a_row_counts_once_by_its_first_reason(open_traffic: Open) -> None:
    traffic = open_traffic(
        predictions(
            id=["a", None, "c", "d"], confidence=[0.5, None, 2.0, 0.5], model=["old", "new", "new", "new"]
        ),
        columns={"scope": {"model": "model"}},
        scope={"model": "new"},
    )
    survey = traffic.survey(OCTOBER)
    assert survey.rejected == {"out_of_scope": 1, "missing_id": 1, "out_of_range": 1}
    assert survey.population == 1
    assert [row.id for row in draw(traffic).rows] == ["d"]


@pytest.mark.slow
def test_a_scope_that_is_not_said_is_another_one(open_traffic: Open) -> None:
    table = predictions(model=["new", None, "old"], prompt=[7, 7, 7])
    columns = {"scope": {"model": "model", "prompt": "prompt"}}
    traffic = open_traffic(table, columns=columns, scope={"model": "new", "prompt": "7"})
    survey = traffic.survey(OCTOBER)
    assert (survey.population, survey.rejected) == (1, {"out_of_scope": 2})
    assert [row.id for row in draw(traffic).rows] == ["r0"]


@pytest.mark.parametrize("scale", [1, 100])
def test_decimal_commas_are_read_in_traffic_as_in_files(tmp_path: Path, scale: int) -> None:
    cells = [
        "0,5",
        ",5",
        "8,5e-1",
        "-0,1",
        "0,",
        "1,0000001",
        "85,5%",
        " 0,25 ",
        "1.000,5",
        "0,9,1",
        "a,b",
        "0.75",
    ]
    cells += ["0,5\xa0"]
    rows = "".join(f'r{i};2026-10-05;"{cell}";1\n' for i, cell in enumerate(cells))
    (tmp_path / "t.csv").write_text("id;ts;confidence;correct\n" + rows)
    columns = Columns(id="id", ts="ts", confidence="confidence", scale=scale)
    traffic = Traffic("csv:t.csv", columns=columns, base=tmp_path, stream="triage")
    drawn = {row.id: row.raw for row in draw(traffic).rows}
    values = open_table(tmp_path / "t.csv").read({"c": Numbers("confidence", scale=scale)})["c"].values
    stated = {f"r{i}": confidence_of(value) for i, value in enumerate(values.tolist()) if value == value}
    assert drawn == {id_: value for id_, value in stated.items() if value is not None}
    assert len(drawn) >= 7
