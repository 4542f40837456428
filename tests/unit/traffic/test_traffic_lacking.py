"""Files of one stream of which some lack a column that the others have."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calib.errors import InvalidInput
from calib.traffic import Columns, Interval, Traffic

OCTOBER = Interval(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
NOVEMBER = Interval(OCTOBER.end, datetime(2026, 12, 1, tzinfo=UTC))
HEADER = "id,ts,confidence"
COLUMNS = Columns(id="id", ts="ts", confidence="confidence")


def traffic(folder: Path, url: str = "csv:*.csv") -> Traffic:
    return Traffic(url, columns=COLUMNS, base=folder, stream="s")


def write(folder: Path, name: str, header: str, month: int, rows: int = 20) -> None:
    cells = (f"{name}{i},2026-{month}-05,0.9" for i in range(rows))
    (folder / f"{name}.csv").write_text("\n".join([header, *cells]) + "\n")


@pytest.mark.slow
def test_a_file_of_the_period_without_the_confidence_is_said(tmp_path: Path) -> None:
    write(tmp_path, "a", HEADER, 10)
    write(tmp_path, "b[1]", "id,ts,conf", 10, rows=3)
    expected = r"b\[1\]\.csv has no column 'confidence', .* and 3 rows of this period"
    with pytest.raises(InvalidInput, match=expected):
        traffic(tmp_path).survey(OCTOBER)


@pytest.mark.slow
def test_a_file_of_another_time_may_be_older_than_the_column(tmp_path: Path) -> None:
    write(tmp_path, "a", HEADER, 11)
    write(tmp_path, "b", "id,ts,conf", 10)
    with (tmp_path / "a.csv").open("a") as file:
        file.write("x,2026-11-06,\n")
    survey = traffic(tmp_path).survey(NOVEMBER)
    assert (survey.population, survey.rejected) == (20, {"missing": 1})


@pytest.mark.parametrize("header", ["key,ts,confidence", "id,time,confidence"])
def test_a_file_without_ids_or_times_is_said_whatever_its_time(tmp_path: Path, header: str) -> None:
    write(tmp_path, "a", HEADER, 11)
    write(tmp_path, "b", header, 10)
    with pytest.raises(InvalidInput, match=r"b\.csv has no column '(id|ts)', which other files"):
        traffic(tmp_path).survey(NOVEMBER)


def test_a_file_without_rows_may_lack_a_column(tmp_path: Path) -> None:
    write(tmp_path, "a", HEADER, 10)
    write(tmp_path, "b", "nothing", 10, rows=0)
    assert traffic(tmp_path).survey(OCTOBER).population == 20


@pytest.mark.slow
def test_a_field_of_json_lines_without_a_value_need_not_be_there(tmp_path: Path) -> None:
    for name, rest in (("a", {"confidence": 0.9}), ("b", {})):
        row = {"id": name, "ts": "2026-10-05"} | rest
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    survey = traffic(tmp_path, "jsonl:*.jsonl").survey(OCTOBER)
    assert (survey.population, survey.rejected) == (1, {"missing": 1})
