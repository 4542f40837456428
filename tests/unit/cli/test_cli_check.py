"""`calib check` reads the newest period of each stream as a run would, and fails where a run would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from in_process import Ran

Calib = Callable[..., Ran]
HEAD = "prediction_id,ts,raw_confidence,model,correct\n"
REVIEW = 'review = { kind = "outcomes", column = "correct" }'


def rows(month: str, confidences: list[str], *, model: str = "a", words: tuple[str, ...] = ("1", "0")) -> str:
    return "".join(
        f"{month}-{i},{month}-0{1 + i % 9}T12:00:00Z,{stated},{model},{words[i % len(words)]}\n"
        for i, stated in enumerate(confidences)
    )


@pytest.fixture
def check(tmp_path: Path, calib: Calib) -> Callable[..., Ran]:
    """Write files of traffic, by name, and check the stream that reads them."""

    def run(files: dict[str, str], *lines: str, review: str = REVIEW) -> Ran:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        (tmp_path / "calib.toml").write_text(
            "\n".join(['[streams.s]\ntraffic = "csv:*.csv"', review, *lines])
        )
        return calib("check", "--json", "--config", tmp_path / "calib.toml")

    return run


def line(ran: Ran) -> dict[str, Any]:
    (found,) = (each for each in ran.json["checks"] if each["what"] == "traffic of s")
    return found


@pytest.mark.slow
def test_the_newest_period_is_read_and_the_first_reject_shown(check: Callable[..., Ran]) -> None:
    months = {
        "2026-09.csv": HEAD + rows("2026-09", ["90"] * 40),  # percent, once: no matter now
        "2026-10.csv": HEAD + rows("2026-10", ["0.9"] * 38 + ["", "85", "1.0000001"]),
    }
    ran = check(months, 'scope = { model = "a" }\ncolumns = { scope = { model = "model" } }')
    assert ran.code == 0
    found = line(ran)
    assert "in 2026-10 39 count" in found["says"]
    assert "out of range: '85' in 'raw_confidence', 2026-10.csv, line 41" in found["says"]
    traffic = found["traffic"]
    assert (traffic["period"], traffic["population"], traffic["rounded"]) == ("2026-10", 39, 1)
    assert traffic["rejected"] == {"missing": 1, "out_of_range": 1}
    assert traffic["columns"]["scope.model"] == "model (string)"
    assert traffic["scope"] == {"model": {"a": 41}}
    assert traffic["outcomes"] == {"correct": 21, "incorrect": 20, "not_yet_known": 0, "not_an_answer": 0}
    assert [first["kind"] for first in traffic["first"]] == ["missing", "out_of_range"]
    assert [each["traffic"] for each in ran.json["checks"] if each["what"] != "traffic of s"] == [None] * 4


GOOD = HEAD + rows("2026-09", ["0.9"] * 40)
FAILS: dict[str, tuple[dict[str, str], str, str]] = {
    "percent": (
        {"a.csv": GOOD, "b.csv": HEAD + rows("2026-10", ["90", "70"] * 9)},
        "",
        "in 2026-10 18 of 18 rows cannot be read, 18 out of range (out of range: numbers from 70 to 90, as "
        "of confidences out of 100); max_rejected = 0.05 allows 5.0%",
    ),
    "a scale that is not meant": ({"a.csv": GOOD}, "scale = 100", "no confidence of 40 is above 1"),
    "no time": (
        {"a.csv": HEAD + "a,07/08/2026,0.9,a,1\n"},
        "",
        "no time can be read (the first bad timestamp: '07/08/2026' in 'ts', a.csv, line 2); write 2026-",
    ),
    "a column that was renamed": (
        {"a.csv": GOOD, "b.csv": (HEAD + rows("2026-10", ["0.9"] * 9)).replace("raw_", "new_")},
        "",
        "b.csv has no column 'raw_confidence', which other files of the traffic have",
    ),
    "a missing column": ({"a.csv": GOOD.replace("raw_", "new_")}, "", "has no column 'raw_confidence'"),
    "another scope": (
        {"a.csv": GOOD},
        'scope = { model = "b" }\ncolumns = { scope = { model = "model" } }',
        "scope: model holds 'a' in 40",
    ),
    "outcomes": (
        {"a.csv": HEAD + rows("2026-09", ["0.9"] * 20, words=("right", "bad"))},
        "",
        "10 outcomes such as 'bad' say neither right nor wrong, beside 10 right and 0 wrong ones; write",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", FAILS)
def test_it_fails_where_a_run_would(
    case: str, check: Callable[..., Ran], calib: Calib, tmp_path: Path
) -> None:
    files, lines, said = FAILS[case]
    ran = check(files, lines)
    assert ran.code == 2
    assert said in line(ran)["says"]
    assert line(ran)["exit_code"] == 2
    assert (line(ran)["traffic"] is None) == (case in ("a missing column", "a column that was renamed"))
    period = "2026-10" if "b.csv" in files else "2026-09"
    run = calib("run", "s", "--period", period, "--json", "--config", tmp_path / "calib.toml")
    assert run.code in (2, 3)


@pytest.mark.slow
def test_a_table_without_rows_is_no_fault(check: Callable[..., Ran]) -> None:
    ran = check({"a.csv": HEAD})
    assert (ran.code, line(ran)["traffic"]["period"]) == (0, None)
    assert "the table is empty" in line(ran)["says"]


def test_changed_bounds_of_periods_are_refused_as_a_run_refuses_them(
    check: Callable[..., Ran], calib: Calib, tmp_path: Path
) -> None:
    files = {"may.csv": HEAD + rows("2026-05", ["0.9", "0.5"] * 20)}
    assert check(files).code == 0
    config = tmp_path / "calib.toml"
    opened = calib("run", "s", "--period", "2026-05", "--json", "--config", config)
    assert opened.json["population"] == 40
    assert check(files).code == 0
    assert check(files, 'timezone = "Etc/UTC"').code == 0
    for setting, period, says in (
        ('period = "week"', "2026-W20", "the windows of this stream are months"),
        (
            'timezone = "Asia/Tokyo"',
            "2026-06",
            "2026-05, the latest window of this stream, is bounded by UTC",
        ),
    ):
        changed = check(files, setting)
        assert changed.code == 2
        assert says in line(changed)["says"]
        ran = calib("run", "s", "--period", period, "--json", "--config", config)
        assert ran.json["error"]["message"] == line(changed)["says"]
