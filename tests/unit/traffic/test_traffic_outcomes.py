"""Labels that arrive by themselves, in the traffic's own table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from calib.errors import InvalidInput
from calib.traffic import ArrivedLabel, Outcomes, Traffic

from .conftest import NOON, OCTOBER, predictions

Open = Callable[..., Traffic]
COLUMNS = {"outcome": "ok"}


@pytest.mark.parametrize(
    ("values", "correct"),
    [
        (pa.array([1, 0, None]), [True, False, None]),
        (pa.array([True, False, None]), [True, False, None]),
        (pa.array([1.0, 0.0, float("nan")]), [True, False, None]),
        (pa.array([1.0, 0.0, None]).cast(pa.decimal128(9, 4)), [True, False, None]),
        (pa.array(["Correct ", "INCORRECT", " "]), [True, False, None]),
        (pa.array(["yes", "f", ""]), [True, False, None]),
    ],
    ids=["int", "bool", "float", "decimal", "words", "letters"],
)
def test_an_answer_is_right_wrong_or_not_there_yet(
    open_traffic: Open, values: Any, correct: list[bool | None]
) -> None:
    traffic = open_traffic(predictions(ok=values), columns=COLUMNS)
    found = traffic.outcomes(["r0", "r1", "r2", "nobody"], OCTOBER)
    expected = {f"r{i}": ArrivedLabel(one, None) for i, one in enumerate(correct) if one is not None}
    assert found.labels == expected
    assert found.not_found == 1


@pytest.mark.parametrize("value", ["None", "NULL", "null", "NA", "N/A", "nan", "empty", "pending", " ", None])
def test_what_is_not_yet_known_is_only_missing(open_traffic: Open, value: str | None) -> None:
    traffic = open_traffic(predictions(ok=pa.array(["0", value], pa.string())), columns=COLUMNS)
    assert traffic.outcomes(["r0", "r1"], OCTOBER) == Outcomes(labels={"r0": ArrivedLabel(False, None)})


def test_a_later_row_that_is_understood_answers_for_one_that_is_not(open_traffic: Open) -> None:
    traffic = open_traffic(predictions(id=["a", "a"], ok=["bad", "wrong"]), columns=COLUMNS)
    assert traffic.outcomes(["a"], OCTOBER) == Outcomes(labels={"a": ArrivedLabel(False, None)})


@pytest.mark.parametrize("value", ["perhaps", "unsure", "2", "0.5", "-1"])
def test_what_is_neither_right_nor_wrong_is_counted(open_traffic: Open, value: str) -> None:
    traffic = open_traffic(predictions(ok=["1", value]), columns=COLUMNS)
    found = traffic.outcomes(["r0", "r1"], OCTOBER)
    assert found.labels == {"r0": ArrivedLabel(True, None)}
    assert found.not_an_answer == ("r1",)


def test_what_came_too_late_is_not_known(open_traffic: Open) -> None:
    known = [NOON, NOON.replace(day=20), None]
    table = predictions(ok=[1, 1, 0], at=pa.array(known, pa.timestamp("us", "UTC")))
    traffic = open_traffic(table, columns=COLUMNS | {"outcome_at": "at"})
    ids = ["r0", "r1", "r2"]
    assert set(traffic.outcomes(ids, OCTOBER, known_by=NOON).labels) == {"r0", "r2"}
    found = traffic.outcomes(ids, OCTOBER)
    assert {id_: outcome.at for id_, outcome in found.labels.items()} == dict(zip(ids, known, strict=True))


def test_naive_times_of_answers_are_read_in_the_streams_zone(open_traffic: Open) -> None:
    table = predictions(ok=[1], at=["2026-10-06 00:00"])
    traffic = open_traffic(table, columns=COLUMNS | {"outcome_at": "at"}, timezone="Asia/Tokyo")
    assert traffic.outcomes(["r0"], OCTOBER).labels["r0"].at == datetime(2026, 10, 5, 15, tzinfo=UTC)


def test_the_first_answer_to_an_id_counts(open_traffic: Open) -> None:
    times = pa.array([NOON.replace(hour=15), NOON, NOON.replace(hour=9)], pa.timestamp("us", "UTC"))
    table = predictions(id=["a", "a", "a"], ts=times, ok=[1, 0, None])
    for order in ([0, 1, 2], [2, 1, 0]):
        traffic = open_traffic(table.take(order), columns=COLUMNS)
        assert traffic.outcomes(["a"], OCTOBER).labels == {"a": ArrivedLabel(False, None)}


def test_another_windows_rows_answer_nothing(open_traffic: Open) -> None:
    table = predictions(ts=pa.array([OCTOBER.end], pa.timestamp("us", "UTC")), ok=[1])
    assert open_traffic(table, columns=COLUMNS).outcomes(["r0"], OCTOBER).labels == {}


def test_many_ids_are_asked_for_in_parts(open_traffic: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calib.traffic.outcomes.IDS_AT_ONCE", 7)
    traffic = open_traffic(predictions(ok=[i % 2 for i in range(50)]), columns=COLUMNS)
    ids = [f"r{i}" for i in range(50)]
    assert [o.correct for _, o in sorted(traffic.outcomes(ids, OCTOBER).labels.items())] == [
        int(id_[1:]) % 2 == 1 for id_ in sorted(ids)
    ]


def test_without_a_column_there_are_no_outcomes(open_traffic: Open) -> None:
    with pytest.raises(InvalidInput, match=r"triage: no outcome column.*calib\.toml"):
        open_traffic(predictions()).outcomes(["r0"], OCTOBER)
    traffic = open_traffic(predictions(ok=[1], at=[True]), columns=COLUMNS | {"outcome_at": "at"})
    with pytest.raises(InvalidInput, match=r"triage: review\.at = 'at'"):
        traffic.outcomes(["r0"], OCTOBER)
