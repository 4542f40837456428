"""The draw against a plain reading of its definition, on any rows in any layout."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.measure import cell, strata_of_cells
from calib.sampling import allocate, order_key
from calib.tabular.rules import text_of
from calib.traffic import Columns, Interval, Traffic

START = datetime(2026, 10, 1, tzinfo=UTC)
INTERVAL = Interval(START, START + timedelta(days=31))
SCORES = st.one_of(
    st.sampled_from([0.0, 0.3, 0.5, 0.9, 0.90001, 1.0]),
    st.floats(0, 1),
    st.sampled_from([None, math.nan, math.inf, 1.5, -0.25]),
)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), st.none()),
        st.integers(-2, 33),
        SCORES,
    ),
    min_size=1,
    max_size=60,
)
Row = tuple[str | None, int, float | None]


def by_hand(rows: list[Row], seed: str) -> list[tuple[str, float]]:
    """Usable rows of the window, the first by time of each id, in the order of the draw."""
    usable = [
        (id_, day, raw)
        for id_, day, raw in ((text_of(id_), day, raw) for id_, day, raw in rows)
        if id_ and 0 <= day < 31 and raw is not None and 0 <= raw <= 1
    ]
    first: dict[str, tuple[int, float]] = {}
    for id_, day, raw in usable:
        first[id_] = min(first.get(id_, (day, raw)), (day, raw))
    return sorted(((id_, raw) for id_, (_, raw) in first.items()), key=lambda r: order_key(seed, "p", r[0]))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(ROWS, st.integers(1, 3), st.integers(12, 40), st.text("abc:", max_size=3), st.randoms())
def test_the_draw_is_what_it_is_defined_to_be(
    rows: list[Row], files: int, labels: int, seed: str, shuffler: object
) -> None:
    shuffled = sorted(rows, key=lambda _: shuffler.random())  # type: ignore[attr-defined]
    with TemporaryDirectory() as name:
        for i in range(files):
            ids, days, raws = zip(*shuffled[i::files], strict=True) if shuffled[i::files] else ((), (), ())
            times = [START + timedelta(days=day) for day in days]
            table = pa.table(
                {
                    "id": pa.array(ids, pa.string()),
                    "ts": pa.array(times, pa.timestamp("us", "UTC")),
                    "raw": pa.array(raws, pa.float64(), from_pandas=False),
                }
            )
            pq.write_table(table, Path(name) / f"{i}.parquet")
        columns = Columns(id="id", ts="ts", confidence="raw")
        traffic = Traffic("parquet:*.parquet", columns=columns, base=Path(name), stream="s")
        survey = traffic.survey(INTERVAL)
        inside = [row for row in rows if 0 <= row[1] < 31]
        assert survey.population + sum(survey.rejected.values()) == len(inside)
        expected = by_hand(rows, seed)
        if not survey.population:
            assert not expected
            return
        cells, counts, _ = survey.by_cell()
        strata = strata_of_cells(cells, counts, distinct=survey.distinct)
        sizes = np.bincount(strata.assign_cells(cells), counts, len(strata)).astype(np.int64)
        allocation = allocate(sizes / sizes.sum(), None, labels, sizes=sizes)
        drawn = traffic.draw(
            INTERVAL, strata=strata, allocation=allocation, sizes=sizes, seed=seed, period="p"
        )
    for b, wanted in enumerate(allocation.tolist()):
        mine = [(row.id, row.raw) for row in drawn.rows if row.stratum == b]
        assert mine == [row for row in expected if strata.assign_cells(cell(row[1])) == b][:wanted]
    assert max(Counter(row.id for row in drawn.rows).values(), default=1) == 1
    assert all(0 < row.inclusion_probability <= 1 for row in drawn.rows)
    assert int(drawn.duplicates.sum()) == survey.population - len(expected)  # so few rows are read whole
