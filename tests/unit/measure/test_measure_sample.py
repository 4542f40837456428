"""The labelled sample: checked once, and every part of it keeps its columns together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.measure.sample import Sample, joined

COLUMNS = ("scores", "correct", "weights", "segments", "clusters", "judge", "periods")
NAMES = st.sampled_from(["billing", "refunds", None])
ROWS = st.lists(
    st.tuples(st.floats(0, 1), st.booleans(), st.floats(0, 9), NAMES, NAMES, st.floats(0, 1), NAMES),
    min_size=1,
    max_size=12,
)


def sample_of(rows: list[tuple[Any, ...]]) -> Sample:
    scores, correct, weights, segments, clusters, judge, periods = (
        zip(*rows, strict=True) if rows else ((),) * 7
    )
    return Sample(scores, correct, weights, segments, clusters, judge, periods)


def rows_of(sample: Sample) -> list[tuple[Any, ...]]:
    return list(zip(*(getattr(sample, name).tolist() for name in COLUMNS), strict=True))


@given(ROWS, st.data())
def test_every_part_keeps_its_rows_whole(rows: list[tuple[Any, ...]], data: st.DataObject) -> None:
    sample = sample_of(rows)
    places = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    mask = np.isin(np.arange(len(rows)), places)
    everything = rows_of(sample)
    assert rows_of(sample.take(np.array(places, dtype=np.intp))) == [everything[i] for i in places]
    assert rows_of(sample.take(mask)) == [row for row, kept in zip(everything, mask, strict=True) if kept]
    assert rows_of(sample.take(mask).plus(sample.take(~mask))) == rows_of(
        joined([sample.take(mask), sample.take(~mask)])
    )
    assert sorted(map(repr, rows_of(sample.take(mask).plus(sample.take(~mask))))) == sorted(
        map(repr, everything)
    )


@given(ROWS)
def test_segments_split_the_named_rows(rows: list[tuple[Any, ...]]) -> None:
    sample = sample_of(rows)
    assert sample.segment_names == sorted({row[3] for row in rows} - {None})
    parts = [sample.of_segment(name) for name in sample.segment_names]
    assert sum(map(len, parts)) == sum(row[3] is not None for row in rows)
    assert all(set(part.segments) == {name} for part, name in zip(parts, sample.segment_names, strict=True))


@given(ROWS)
def test_a_row_without_a_cluster_is_its_own(rows: list[tuple[Any, ...]]) -> None:
    numbers = sample_of(rows).cluster_numbers
    names = [row[4] for row in rows]
    if set(names) == {None}:
        assert numbers is None
        return
    assert numbers is not None
    together = [[a is not None and a == b for b in names] for a in names]
    alone = np.eye(len(names), dtype=bool)
    assert ((numbers[:, None] == numbers) == (np.array(together) | alone)).all()


@given(ROWS)
def test_normalised_weights_add_up_to_the_rows(rows: list[tuple[Any, ...]]) -> None:
    sample = sample_of(rows)
    if sample.total > 1e-3:
        assert sample.normalised().total == pytest.approx(len(sample))
        assert sample.relative_weights.max() == 1


def test_columns_that_are_not_given_are_empty() -> None:
    sample = Sample([0.5, 0.9], [1, 0])
    assert sample.weights.tolist() == [1, 1]
    assert sample.segments.tolist() == sample.clusters.tolist() == sample.periods.tolist() == [None, None]
    assert np.isnan(sample.judge).all()
    assert sample.normalised().total == 2
    assert Sample([0.5], [1], [0.0]).normalised().total == 0


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (([0.5, 0.5], [1]), "one shape"),
        (([[0.5]], [[1]]), "one shape"),
        (([0.5], [1], [1.0, 1.0]), "one shape"),
        (([1.5], [1]), r"scores must be numbers in \[0, 1\]"),
        (([np.nan], [1]), r"scores must be numbers in \[0, 1\]"),
        (([0.5], [0.5]), "correct must be 0 or 1"),
        (([0.5], [np.nan]), "correct must be 0 or 1"),
        (([0.5], [1], [-1.0]), "weights must be finite and not negative"),
        (([0.5], [1], [np.inf]), "weights must be finite and not negative"),
        (([0.5], [1], None, ["a", "b"]), "one segment, or None"),
        (([0.5], [1], None, None, ["a", "b"]), "one cluster, or None"),
        (([0.5], [1], None, None, None, [0.1, 0.2]), "one judge's score"),
        (([0.5], [1], None, None, None, None, ["a", "b"]), "one period, or None"),
    ],
)
def test_what_is_no_sample_is_refused(given_: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Sample(*given_)


def test_weights_that_are_all_zero_have_no_scale() -> None:
    with pytest.raises(InvalidInput, match="not all zero"):
        _ = Sample([0.5], [1], [0.0]).relative_weights
