"""A segment that differs gets a mapping of its own, which is then served, measured and certified."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import LEVELS, World

from calib import cycle
from calib.client import MappingClient
from calib.period import Period
from calib.store import head, read_mapping

GAP = {"law": 0.35, "math": 0.05}


@pytest.fixture
def two_subjects(world: World) -> World:
    """Four months of traffic in two subjects; the model is off by .35 in one and by .05 in the other."""
    for month in range(1, 5):
        path = world.folder / "traffic" / f"2026-{month:02d}.parquet"
        table = pq.read_table(path)
        rng = np.random.default_rng(month)
        subject = np.where(rng.random(table.num_rows) < 0.4, "law", "math")
        raw = table["raw_confidence"].to_numpy()
        right = rng.random(table.num_rows) < raw - np.vectorize(GAP.get)(subject)
        table = table.drop_columns(["correct"]).append_column("correct", pa.array(right.astype("int8")))
        pq.write_table(table.append_column("subject", pa.array(subject)), path)
    world.settings("targets = [0.6]")
    text = world.config.read_text().replace('context = ["question"]', 'segment = "subject"')
    world.config.write_text(text)
    return world


def test_a_segment_is_mapped_served_and_certified_by_itself(two_subjects: World) -> None:
    opened = two_subjects.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    results: list[dict[str, Any]] = []
    for month in range(1, 5):
        period = Period.parse(f"2026-{month:02d}", "month")
        window = cycle.open_window(watch, ports, period, channel="production", replay=True)
        results.append(cycle.summary(cycle.advance(window, ports), ports).to_json())
    current = head(ports.store, stream="triage", channel="production")
    assert current is not None
    mapping = read_mapping(ports.store, stream="triage", digest=current.mapping)
    assert set(mapping.segments) == {"law", "math"}
    for subject, gap in GAP.items():
        own, shared = (
            np.abs(mapping.apply(LEVELS, name) - (LEVELS - gap)).mean() for name in (subject, None)
        )
        assert own < min(0.08, shared / 2)
    # what is reconstructed as served is by subject too: else the two would be off by .1 and more
    assert results[-1]["served"]["ece"] < results[-1]["raw"]["ece"] / 2
    assert min(cut for target, cut in mapping.segment_cuts["math"] if target >= 0.6) < 0.95

    store = f"file:{two_subjects.folder / 'mappings'}"
    with MappingClient(store, stream="triage", background=False) as client:
        client.refresh_now()
        for subject in GAP:
            assert client.calibrate(0.9, segment=subject).value == mapping.apply(0.9, subject)
        assert not client.decide(0.95, target=0.6, segment="law").act


@pytest.mark.parametrize(("source", "taken"), [("token_probability", True), ("verbalized", False)])
def test_a_temperature_is_tried_where_there_are_logits(
    world: World, monkeypatch: pytest.MonkeyPatch, source: str, taken: bool
) -> None:
    from calib.cycle import refitting

    tried: list[str] = []
    real = refitting.refit

    def watched(*labels: Any, **how: Any) -> Any:
        tried.extend(how["methods"])
        return real(*labels, **how)

    monkeypatch.setattr(refitting, "refit", watched)
    world.settings(f'scope = {{ score = "{source}" }}')
    opened = world.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    window = cycle.open_window(
        watch, ports, Period.parse("2026-01", "month"), channel="production", replay=True
    )
    cycle.advance(window, ports)
    assert {"isotonic", "platt", "beta", "platt_isotonic", "isotonic_prior"} <= set(tried)
    assert ("temperature" in tried) == taken
