"""Columns as callers hand them in are read by the rules of files."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.calibrators import fit
from calib.errors import InvalidInput
from calib.measure import Bins, measure, reliability, strata
from calib.measure.given import confidences, numbers
from calib.measure.sample import Sample
from calib.routing import certify, chain

STATED = [0.3, 0.7, 0.95]
RIGHT = [0, 1, 1]
COLUMNS: dict[str, Any] = {
    "tuple": tuple(STATED),
    "numpy": np.array(STATED),
    "single": np.array(STATED, dtype=np.float32),
    "half": np.array(STATED, dtype=np.float16),
    "objects": np.array(STATED, dtype=object),
    "decimals": [Decimal(str(value)) for value in STATED],
    "pandas": pd.Series(STATED, index=["a", "b", "c"]),
    "pandas singles": pd.Series(STATED, dtype="float32"),
    "arrow": pa.chunked_array([STATED]),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_of_any_kind_holds_the_same_numbers(kind: str) -> None:
    assert Sample(COLUMNS[kind], RIGHT).scores.tolist() == STATED


@given(st.integers(0, 10_000), st.sampled_from([np.float32, np.float16]))
def test_a_small_float_is_what_was_written(tenths_of_a_thousandth: int, kind: Any) -> None:
    digits = 4 if kind is np.float32 else 3
    written = round(tenths_of_a_thousandth / 10_000, digits)
    assert confidences(np.array([written], dtype=kind)).tolist() == [written]


@pytest.mark.parametrize(
    "right", [[False, True, True], pd.array([0, 1, 1], dtype="Int64"), np.array([0, 1, 1.0])]
)
def test_answers_are_true_and_false_or_1_and_0(right: Any) -> None:
    assert Sample(STATED, right).correct.tolist() == [0, 1, 1]


NO_NUMBERS: dict[str, tuple[Any, str]] = {
    "texts": (["0.3", "0.7", "0.95"], "not text"),
    "bytes": ([b"0.3", b"0.7", b"0.95"], "not text"),
    "texts as objects": (np.array(["0.3", 0.7, 0.95], dtype=object), "not text"),
    "booleans": ([True, True, True], "not booleans"),
    "a boolean among numbers": ([0.3, True, 0.95], "not booleans"),
    "numpy's booleans": (np.array([True] * 3), "not booleans"),
    "a boolean among objects": (np.array([0.3, np.bool_(True), 0.95], dtype=object), "not booleans"),
    "times": (np.array(["2026-10-01"] * 3, dtype="datetime64[s]"), "not datetime64"),
    "durations": (np.array([0, 1, 1], dtype="timedelta64[s]"), "not timedelta64"),
    "complex": ([0.3 + 0j] * 3, "not complex128"),
    "uneven": ([[0.3], [0.7, 0.95]], "a column of numbers"),
    "a generator": ((value for value in STATED), "a column of numbers"),
    "a set": ({0.3, 0.7}, "a column of numbers"),
    "pandas' NA": ([pd.NA, 0.7, 0.95], "a column of numbers"),
    "None": ([None, 0.7, 0.95], "at 0 is nan"),
    "masked": (np.ma.masked_array(STATED, [0, 1, 0]), "at 1 is nan"),
    "out of range": ([0.3, 0.7, 95], "at 2 is 95"),
    "beyond the end": ([0.3, 0.7, 1.0000011], "at 2 is 1"),
}


@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_what_is_no_confidence_is_refused_with_the_cause(kind: str) -> None:
    given_, said = NO_NUMBERS[kind]
    with pytest.raises(InvalidInput, match=said):
        confidences(given_)


@pytest.mark.parametrize(
    "given_", [["right", "wrong", "right"], ["1", "0", "1"], pd.Categorical(["1", "0", "1"])]
)
def test_words_are_no_answers_to_an_array(given_: Any) -> None:
    with pytest.raises(InvalidInput, match="correct must be numbers, not text"):
        measure(STATED, given_)
    with pytest.raises(InvalidInput, match="correct must be 0 or 1"):
        measure(STATED, np.ma.masked_array(RIGHT, [1, 0, 0]))


@pytest.mark.parametrize("weights", [[True] * 3, ["1"] * 3])
def test_weights_are_numbers(weights: Any) -> None:
    with pytest.raises(InvalidInput, match="weights must be numbers"):
        measure(STATED, RIGHT, weights=weights)


@pytest.mark.parametrize(
    "call",
    [
        lambda scores: measure(scores, RIGHT),
        lambda scores: reliability(scores, RIGHT, bins=Bins.equal_width(10)),
        lambda scores: fit(scores, RIGHT, method="isotonic"),
        lambda scores: certify(scores, RIGHT, target=0.9, start=0.5),
        strata,
        chain,
    ],
)
def test_every_statistic_reads_its_scores_so(call: Any) -> None:
    for wrong in (["0.3", "0.7", "0.95"], [True, False, True], np.ma.masked_array(STATED, [0, 1, 0])):
        with pytest.raises(InvalidInput):
            call(wrong)
    call([0.3, -1e-9, 1.0000001])


def test_what_is_just_beyond_an_end_is_that_end() -> None:
    assert confidences(np.array([1.0000001, -1e-7, 0.5], dtype=np.float32)).tolist() == [1, 0, 0.5]
    assert numbers([1.5, None], "weights").tolist()[0] == 1.5


def test_a_segment_that_is_missing_is_none() -> None:
    given_ = ["a", None, float("nan"), pd.NA, pd.NaT]
    assert Sample([0.5] * 5, [1] * 5, segments=given_).segments.tolist() == ["a", None, None, None, None]
