"""A table of predictions for a test, and the traffic over it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calib.measure import Strata
from calib.traffic import Columns, Draw, Interval, Traffic

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
OCTOBER = Interval(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
ONE = Strata(upper=(10_000,), kind="levels")


def predictions(**columns: Any) -> pa.Table:
    """Predictions of one noon, at 0.9; each column that is given replaces its own."""
    n = max((len(values) for values in columns.values()), default=1)
    usual = {
        "id": [f"r{i}" for i in range(n)],
        "ts": pa.array([NOON] * n, pa.timestamp("us", "UTC")),
        "confidence": [0.9] * n,
    }
    return pa.table(usual | columns)


def draw(traffic: Traffic, labels: int = 1000, strata: Strata = ONE, **how: Any) -> Draw:
    """Draw from October with labels in proportion to the strata."""
    cells, counts, _ = traffic.survey(OCTOBER).by_cell()
    sizes = np.bincount(strata.assign_cells(cells), counts, len(strata)).astype(np.int64)
    allocation = np.minimum(np.full(len(strata), labels // len(strata)), sizes)
    how = {"seed": "s", "period": "2026-10"} | how
    return traffic.draw(OCTOBER, strata=strata, allocation=allocation, sizes=sizes, **how)


@pytest.fixture
def open_traffic(tmp_path: Path) -> Callable[..., Traffic]:
    """`open_traffic(table, …, columns={…}, **traffic)`: each table in a Parquet file of its own."""

    def made(*tables: pa.Table, columns: dict[str, Any] | None = None, **how: Any) -> Traffic:
        for i, table in enumerate(tables):
            pq.write_table(table, tmp_path / f"{i}.parquet")
        named = {"id": "id", "ts": "ts", "confidence": "confidence"} | (columns or {})
        url = how.pop("url", "parquet:*.parquet")
        return Traffic(url, columns=Columns(**named), base=tmp_path, stream="triage", **how)

    return made
