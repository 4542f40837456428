"""Confidences that real systems stated: the healthy control stays quiet, a swap of models is heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from real import backfill

from calib.app import App
from calib.store import read_mapping

pytestmark = [pytest.mark.slow, pytest.mark.real_data]
SEEDS = 2
SWAPPED = "2025-07"


def soccer(data: Path, folder: Path, seed: int) -> list[dict[str, Any]]:
    here = folder / str(seed)
    here.mkdir()
    (here / "calib.toml").write_text(
        f"""
[streams.soccer]
traffic = "parquet:{data}/sports_soccer_spi.parquet"
columns = {{ id = "prediction_id", ts = "ts", confidence = "raw_confidence", segment = "segment" }}
where = {{ stream = "spi_top_pick" }}
review = {{ kind = "outcomes", column = "correct", at = "label_ts" }}
labels = 500
seed = "{seed}"
"""
    )
    return backfill(here, "soccer", "2016-08", "2018-12")


def test_the_healthy_control_is_left_in_peace(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The budget is 0.5 alarms per year, 1.2 per draw of the data; at most one is raised in both draws.

    Twice the budget, 4.7 alarms, would be noticed with a probability of 0.95 (Poisson).
    """
    folder = tmp_path_factory.mktemp("soccer")
    years = [soccer(real_data, folder, seed) for seed in range(SEEDS)]
    assert all(len(windows) == 29 for windows in years)
    assert all(w["state"] == "closed" for windows in years for w in windows)
    found = [sum(w["change"]["state"] in ("degraded", "changed") for w in windows[1:]) for windows in years]
    assert sum(found) <= 1, found


def swapped_models(real_data: Path, folder: Path, seed: int) -> dict[str, pa.Table]:
    """Six months of gpt-4.1, then three of claude-3-haiku; the answers are real, the dates are not."""
    table = pq.read_table(real_data / "llm_mmlupro_verbal_A.parquet")
    rng = np.random.default_rng(seed)
    months: dict[str, pa.Table] = {}
    (folder / "traffic").mkdir()
    for model, first, count, rows in (("gpt-4.1", 1, 6, 2000), ("claude-3-haiku-20240307", 7, 3, 4000)):
        asked = table.filter(pc.equal(table["stream"], model))
        order = rng.permutation(asked.num_rows)
        for i in range(count):
            name = f"2025-{first + i:02d}"
            part = asked.take(order[i * rows : (i + 1) * rows])
            start = datetime.fromisoformat(f"{name}-01T00:00:00+00:00")
            ts = [start + timedelta(minutes=int(m)) for m in rng.integers(0, 27 * 1440, part.num_rows)]
            months[name] = part.select(["prediction_id", "raw_confidence", "correct"]).append_column(
                "ts", pa.array(ts, pa.timestamp("us", "UTC"))
            )
            pq.write_table(months[name], folder / "traffic" / f"{name}.parquet")
    return months


def test_a_swap_of_models_is_heard_at_once_and_mended_by_the_next_month(
    real_data: Path, tmp_path: Path
) -> None:
    months = swapped_models(real_data, tmp_path, seed=1)
    (tmp_path / "calib.toml").write_text(
        """
[streams.mmlu]
traffic = "parquet:traffic/*.parquet"
columns = { id = "prediction_id", ts = "ts", confidence = "raw_confidence" }
review = { kind = "outcomes", column = "correct" }
labels = 500
"""
    )
    windows = {w["period"]: w for w in backfill(tmp_path, "mmlu", "2025-01", "2025-09")}
    assert not any(windows[f"2025-0{m}"]["change"]["state"] == "degraded" for m in range(1, 7))
    assert windows[SWAPPED]["change"]["state"] == "degraded"
    assert windows[SWAPPED]["refit"]["published"]
    after = windows["2025-08"]
    assert after["served"]["mappings"] == [{"mapping": windows[SWAPPED]["refit"]["mapping"], "share": 1.0}]
    store = App.open(tmp_path / "calib.toml", now=lambda: datetime.now(UTC)).store
    mapping = read_mapping(store, stream="mmlu", digest=windows[SWAPPED]["refit"]["mapping"])
    table = months["2025-08"].drop_null()
    raw, correct = table["raw_confidence"].to_numpy(), table["correct"].to_numpy()
    served = mapping.apply(raw)
    _, level = np.unique(raw, return_inverse=True)
    true_ece = np.abs(np.bincount(level, correct - served)).sum() / len(raw)
    assert true_ece < 0.05
