"""A column for a comparison: numbers where all are numbers, else words that several rows share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calib.errors import InvalidInput
from calib.tabular.words import MISSING, OTHER, categories, numbers_or_words


def words(*values: str | None) -> Any:
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ([1, 2.5, None], [1, 2.5, None]),
        (["1", "2.5e3", " "], [1, 2500, None]),
        ([np.int64(3), float("nan")], [3, None]),
        ([None, None], [None, None]),
        (["1", "one"], None),
        ([True, False], None),
        ([np.bool_(True)], None),
        (["1e999"], None),
        (["0x10"], None),
    ],
)
def test_numbers_are_told_from_words_by_the_values(values: list[Any], numbers: list[Any] | None) -> None:
    found = numbers_or_words(values)
    if numbers is None:
        assert found.dtype == object
        return
    assert found.dtype == np.float64
    assert [None if np.isnan(value) else value for value in found] == numbers


def test_booleans_are_written_as_every_engine_writes_them() -> None:
    assert numbers_or_words([True, "false", np.bool_(False), None]).tolist() == [
        "true",
        "false",
        "false",
        None,
    ]


def test_what_few_rows_hold_and_what_is_long_is_not_named() -> None:
    long = "x" * 41
    now = words(*["AT"] * 6, *["rare"] * 2, *[long] * 3, None)
    before = words(*["AT"] * 2, *["DE"] * 5, "rare", *[long] * 4)
    first, second = categories(now, before)
    assert sorted(set(first)) == sorted({"AT", OTHER, MISSING})
    assert sorted(set(second)) == sorted({"AT", "DE", OTHER})
    assert (first == OTHER).sum() == 5
    assert "rare" not in {*first, *second}


@pytest.mark.parametrize(
    "values",
    [
        [f"id-{i}" for i in range(300)],
        [f"{i}: " + "a sentence that a person wrote. " * 2 for i in range(300)],
    ],
)
def test_identifiers_and_sentences_are_no_categories(values: list[str]) -> None:
    with pytest.raises(InvalidInput, match="100 different values in 100 rows") as caught:
        categories(words(*values[:100]), words(*values[100:]))
    assert "person" not in str(caught.value)
