"""The survey: masses by cell, era, mapping and segment, the same to the last bit however it is added up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calib.measure import cell
from calib.traffic import Traffic

from .conftest import OCTOBER, draw, predictions

Open = Callable[..., Traffic]


def test_an_empty_window_is_empty(open_traffic: Open) -> None:
    table = predictions(ts=pa.array([OCTOBER.end], pa.timestamp("us", "UTC")))
    survey = open_traffic(table).survey(OCTOBER)
    assert (survey.population, survey.rejected, survey.by_segment()) == (0, {}, {})
    assert [len(part) for part in survey.by_cell()] == [0, 0, 0]


def test_cells_are_those_of_measure(open_traffic: Open) -> None:
    scores = np.random.default_rng(0).random(3000)
    scores = np.concatenate([scores, np.arange(0, 20_001) / 20_000])  # and every edge between two cells
    survey = open_traffic(predictions(confidence=scores)).survey(OCTOBER)
    cells, counts, means = survey.by_cell()
    expected, inverse, sizes = np.unique(cell(scores), return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(cells, expected)
    np.testing.assert_array_equal(counts, sizes)
    np.testing.assert_allclose(means, np.bincount(inverse, scores) / sizes, atol=1e-12, rtol=0)
    assert not survey.distinct


def test_the_mean_of_a_stated_level_is_that_level(open_traffic: Open) -> None:
    levels = np.array([0.0, 0.1, 0.3, 0.57, 0.7, 0.9, 0.95, 0.999, 1.0])
    eras = [datetime(2026, 10, 5, 12, tzinfo=UTC)]
    table = predictions(confidence=np.repeat(levels, 7), segment=np.resize(["a", "b", "c"], 63))
    survey = open_traffic(table, columns={"segment": "segment"}).survey(OCTOBER, eras=eras)
    assert survey.distinct
    assert survey.by_cell()[2].tolist() == levels.tolist()
    assert set(survey.cells.raw_mean.tolist()) == set(levels.tolist())


def test_two_values_in_one_cell_are_not_distinct(open_traffic: Open) -> None:
    table = predictions(confidence=[0.9, 0.90001], segment=["a", "b"])
    assert not open_traffic(table, columns={"segment": "segment"}).survey(OCTOBER).distinct


@pytest.mark.slow
def test_threads_and_files_do_not_change_a_bit(open_traffic: Open) -> None:
    rng = np.random.default_rng(1)
    n = 200_000
    scores, served = np.round(rng.random(n), 3) + rng.normal(0, 1e-6, n), rng.random(n)
    table = predictions(confidence=np.clip(scores, 0, 1), served=served, segment=np.resize(["a", None], n))
    columns = {"segment": "segment", "served": "served"}
    found: list[Any] = []
    for parts, threads in ((1, 1), (8, 4), (5, 2)):
        order = rng.permutation(n)
        tables = [table.take(part) for part in np.array_split(order, parts)]
        tables += [table.slice(0, 0)] * (8 - parts)
        traffic = open_traffic(*tables, columns=columns)
        traffic._table()[0].get_backend().raw_sql(f"SET threads = {threads}")
        cells = traffic.survey(OCTOBER).cells
        found.append(
            (cells.offset_sum.tobytes(), cells.served_sum.tobytes(), cells.n.tobytes(), cells.segment)
        )
    assert found[0] == found[1] == found[2]


def test_eras_split_the_cells_at_their_moments(open_traffic: Open) -> None:
    eras = [datetime(2026, 10, 10, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC)]
    times = [datetime(2026, 10, day, tzinfo=UTC) for day in (1, 9, 10, 15, 20, 31)]
    table = predictions(ts=pa.array(times, pa.timestamp("us", "UTC")))
    cells = open_traffic(table).survey(OCTOBER, eras=eras).cells
    assert (cells.era.tolist(), cells.n.tolist()) == ([0, 1, 2], [2, 2, 2])


def test_what_production_served_is_summed_by_mapping(open_traffic: Open) -> None:
    table = predictions(
        served=[0.5, 0.7, 0.6, None, float("nan"), 1e300, -1.0],
        mapping=["m1", "m1", "m2", None, None, None, None],
    )
    traffic = open_traffic(table, columns={"served": "served", "mapping": "mapping"})
    cells = traffic.survey(OCTOBER).cells
    found = dict(zip(cells.mapping, (cells.served_sum / cells.n).tolist(), strict=True))
    assert found == pytest.approx({"m1": 0.6, "m2": 0.6, None: 0.9})  # else the raw confidence was used
    drawn = {row.id: (row.served, row.mapping) for row in draw(traffic).rows}
    assert drawn["r0"] == (0.5, "m1")
    assert {drawn[f"r{i}"] for i in (3, 4, 5, 6)} == {(0.9, None)}


def test_segments_are_counted_and_none_is_no_segment(open_traffic: Open) -> None:
    table = predictions(segment=["b", "a", None, "b", "<i>"], confidence=[0.1, 0.2, 0.3, 0.4, 5.0])
    survey = open_traffic(table, columns={"segment": "segment"}).survey(OCTOBER)
    assert survey.by_segment() == {"a": 1, "b": 2}


@pytest.mark.slow
def test_names_of_columns_do_not_matter(open_traffic: Open) -> None:
    for name in ("key", "n", "value", "offset", "era", "order", "ts_aware", 'we"ird, col', "select"):
        table = predictions().rename_columns(["id", "ts", name])
        traffic = open_traffic(table, columns={"confidence": name})
        assert traffic.survey(OCTOBER).population == len(draw(traffic).rows) == 1
