"""The meaning of columns is guessed from their names, and only where their values fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.init.columns import NAMES, OUTCOME, OUTCOME_AT, guess
from calib.traffic.peek import Peek

FITTING: dict[str, list[Any]] = {
    "id": ["a", "b", "c"],
    "ts": ["2026-10-01T00:00:00Z", "2026-10-02", "2026-10-03 12:00:00"],
    "confidence": ["0.9", "1", "0.25"],
    "served": [0.8, 0.9, 0.1],
    "judge": [1, 0, 1],
}


def table(columns: dict[str, list[Any]]) -> Peek:
    return Peek(columns=tuple(columns), values=columns)


@st.composite
def named(draw: st.DrawFn) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """A table in any order and spelling, and which column means what."""
    keys = draw(st.sets(st.sampled_from(sorted(NAMES))).map(lambda some: {"id", "ts", "confidence"} | some))
    meaning = {}
    for key in sorted(keys):
        name = draw(st.sampled_from(NAMES[key]))
        spelled = draw(
            st.sampled_from([name, name.upper(), name.title(), name.replace("_", " "), name.replace("_", "")])
        )
        meaning[key] = spelled
    order = draw(st.permutations(sorted(keys)))
    return {meaning[key]: FITTING.get(key, ["x", "y", "z"]) for key in order}, meaning


@pytest.mark.slow
@given(named())
def test_columns_are_found_whatever_their_order_and_spelling(
    case: tuple[dict[str, list[Any]], dict[str, str]],
) -> None:
    columns, meaning = case
    if "served" not in meaning:
        meaning.pop("mapping", None)
    found = guess(table(columns))
    assert {key: found.columns[key] for key in meaning} == meaning
    assert found.missing == ()


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ([0.1, 0.5, 1.0], True),
        (["0.1", "0.5", "", None, "1"], True),
        ([10, 50, 97], False),
        (["high", "low", "high"], False),
        ([float("nan"), float("nan"), 0.3], False),
        ([None, None], False),
        ([], False),
    ],
)
def test_a_confidence_lies_between_0_and_1(values: list[Any], fits: bool) -> None:
    found = guess(table({"id": ["a", "b"], "ts": ["2026-10-01", "2026-10-02"], "confidence": values}))
    assert ("confidence" in found.columns) is fits
    assert ("confidence" in found.missing) is not fits


def test_an_id_that_repeats_is_none_and_the_next_name_is_tried() -> None:
    repeated = {"prediction_id": ["same"] * 20, "request_id": [str(i) for i in range(20)]}
    assert guess(table(repeated)).columns["id"] == "request_id"


@pytest.mark.parametrize("name", OUTCOME)
def test_outcomes_are_found_and_then_nobody_needs_context(name: str) -> None:
    columns: dict[str, list[Any]] = {"question": ["?", "?"], name: ["true", "False"], "answer": ["!", "!"]}
    assert guess(table(columns)).outcome == name
    assert "context" not in guess(table(columns)).columns
    columns[name] = ["Vienna", "Linz"]
    assert guess(table(columns)).outcome is None
    assert guess(table(columns)).columns["context"] == ["question", "answer"]


PREDICTIONS = {"id": ["a", "b"], "ts": ["2026-10-01", "2026-10-02"], "confidence": [0.5, 0.7]}


@pytest.mark.parametrize(
    ("columns", "outcome"),
    [
        ({"label": [1, 0], "prediction": [1, 1]}, None),  # the true class
        ({"outcome": ["yes", "no"], "y_pred": ["yes", "yes"]}, None),
        ({"label": [1, 0], "outcome": [0, 1]}, None),
        ({"label": [1, 0], "prediction_id": ["c", "d"]}, "label"),
        ({"correct": ["richtig", "falsch"], "prediction": ["x", "y"]}, "correct"),
        ({"label": ["N/A", "✓"], "outcome": ["Vienna", "Linz"]}, "label"),
        ({"correct": [1.0, float("nan")]}, "correct"),
        ({"correct": [2, 3]}, None),
    ],
)
def test_an_outcome_is_guessed_as_files_are_read(columns: dict[str, list[Any]], outcome: str | None) -> None:
    assert guess(table(PREDICTIONS | columns)).outcome == outcome


def test_of_two_names_of_equal_rank_none_is_guessed() -> None:
    columns = {"id": ["a"], "ts": ["2026-10-01"], "score": [0.5], "probability": [0.7]}
    assert guess(table(columns)).missing == ("confidence",)
    columns["score"] = ["high"]
    assert guess(table(columns)).columns["confidence"] == "probability"


@pytest.mark.parametrize("times", [[1791158400, 1791158401], ["1791158400000", "2026/10/05 12:00:00,5 GMT"]])
def test_times_are_recognised_by_the_one_rule(times: list[Any]) -> None:
    assert guess(table(PREDICTIONS | {"ts": times})).columns["ts"] == "ts"
    assert guess(table(PREDICTIONS | {"ts": ["07/08/2026", "08/08/2026"]})).missing == ("ts",)


def test_booleans_are_no_confidences() -> None:
    assert guess(table(PREDICTIONS | {"confidence": [True, False]})).missing == ("confidence",)


@pytest.mark.parametrize("name", OUTCOME_AT)
def test_the_time_of_an_outcome_is_found_where_every_outcome_has_one(name: str) -> None:
    days = [f"2026-11-{day:02d}" for day in range(1, 21)]
    columns: dict[str, list[Any]] = {
        "ts": [f"2026-10-{day:02d}" for day in range(1, 21)],
        "correct": [*[1] * 15, *[None] * 5],
        name: [*days[:15], *[None] * 5],  # neither has come for the last rows
    }
    found = guess(table(columns))
    assert (found.outcome, found.outcome_at, found.columns["ts"]) == ("correct", name, "ts")
    assert guess(table(columns | {name: [*days[:9], *[None] * 11]})).outcome_at is None  # outcomes without it
    assert guess(table(columns | {name: ["Linz"] * 20})).outcome_at is None
    assert guess(table({key: columns[key] for key in ("ts", name)})).outcome_at is None  # the time of nothing
