"""Rows that answer the same question are compared with each other, and with no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.gate import paired_rows

QUESTIONS = st.lists(st.text(max_size=3), unique=True, max_size=8)


@given(st.permutations(list("abcdefgh")), st.permutations(list("efghijkl")), st.integers(0, 8))
def test_partners_name_the_same_question(before: list[str], after: list[str], place: int) -> None:
    with_gap = [*before[:place], None, *before[place:]]
    first, second = paired_rows(with_gap, after, column="id")
    assert [with_gap[i] for i in first] == [after[i] for i in second]
    assert sorted(after[i] for i in second) == list("efgh")


@given(QUESTIONS, QUESTIONS)
def test_all_that_is_shared_is_paired(before: list[str], after: list[str]) -> None:
    shared = set(before) & set(after)
    if not shared:
        with pytest.raises(InvalidInput, match="old and new have no value of 'id' in common"):
            paired_rows(before, after, column="id", names=("old", "new"))
    else:
        assert len(paired_rows(before, after, column="id")[0]) == len(shared)


def test_a_question_that_stands_twice_is_named_with_its_sample() -> None:
    with pytest.raises(InvalidInput, match=r"after: 'id' must name each question once, but 'a' is there"):
        paired_rows(["a"], ["a", "b", "a"], column="id")
