"""A stream whose outcomes arrive in a table of their own, from `calib check` to the closed window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import World
from in_process import Ran, run_calib

LABELS = "prediction,verdict,known_at\n"


@pytest.fixture
def calib(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    return lambda *words: run_calib(monkeypatch, capsys, *words, "--config", world.config)


def write_labels(
    folder: Path, table: pa.Table, *, only: int | None = None, turned: set[str] | None = None
) -> None:
    """Outcomes of a month in a CSV file; those in `turned` are the opposite of what they were."""
    (folder / "labels").mkdir(exist_ok=True)
    lines = [LABELS]
    for id_, correct in zip(table["prediction_id"].to_pylist(), table["correct"].to_pylist(), strict=True):
        if only is not None and int(id_.rpartition("-")[2]) % only:
            continue
        word = "right" if correct != (id_ in (turned or set())) else "wrong"
        lines.append(f"{id_},{word},2026-02-05\n")
    (folder / "labels" / "jan.csv").write_text("".join(lines))


def test_from_the_check_to_a_conflict(world: World, calib: Callable[..., Ran]) -> None:
    table = world.write("2026-01")
    world.settings(
        review='review = { kind = "outcomes", source = "csv:labels/*.csv", id = "prediction", '
        'column = "verdict", at = "known_at" }'
    )
    missing = calib("check", "--json")
    assert missing.code == 2
    lines = {line["what"]: line for line in missing.json["checks"]}
    assert lines["traffic of triage"]["ok"]
    assert (
        "outcomes 'csv:labels/*.csv' cannot be read: no file matches" in lines["outcomes of triage"]["says"]
    )

    write_labels(world.folder, table, only=2)
    says = {line["what"]: line["says"] for line in calib("check", "--json").json["checks"]}
    assert "id = prediction (string)" in says["outcomes of triage"]
    assert "750 rows" in says["outcomes of triage"]
    half = calib("run", "triage", "--period", "2026-01", "--json").json
    # it is long after the end of waiting, but for half of them no outcome is known
    assert half["review"] == "outcomes"
    assert 100 < half["labels"]["n"] < 200


def test_an_outcome_that_changes_while_the_window_waits(
    world: World, calib: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = world.write("2026-01")
    world.settings(
        "close_after_days = 366",
        review='review = { kind = "outcomes", source = "csv:labels/*.csv", id = "prediction", '
        'column = "verdict", at = "known_at" }',
    )
    write_labels(world.folder, table, only=2)
    first = calib("run", "triage", "--period", "2026-01", "--json").json
    assert (first["state"], first["label_conflicts"]) == ("in_review", 0)
    text = calib("run", "triage", "--period", "2026-01").out
    assert "nobody has to label" in text
    assert "labels export" not in text
    ids = {id_ for id_ in table["prediction_id"].to_pylist() if int(id_.rpartition("-")[2]) % 2 == 0}
    write_labels(world.folder, table, turned=ids)
    done = calib("run", "triage", "--period", "2026-01", "--json").json
    assert (done["state"], done["labels"]["n"]) == ("closed", 300)
    assert done["label_conflicts"] == first["labels"]["n"]
    assert done["labels"]["correct"] > 0.6 * 300  # the first answer counts
    listed = calib("labels", "conflicts", "triage", "--json").json
    assert len(listed["conflicts"]) == first["labels"]["n"]
    assert all(set(one["answers"]) == {"correct", "incorrect"} for one in listed["conflicts"])
    shown = calib("labels", "conflicts", "triage", "--period", "2026-01").out
    assert "correct counts (outcome); also incorrect (outcome)" in shown
    assert (
        "no prediction has different answers"
        in calib("labels", "conflicts", "triage", "--period", "2026-02").out
    )


def test_settings_that_contradict_each_other_are_refused(world: World, calib: Callable[..., Ran]) -> None:
    cases: dict[str, Any] = {
        '{ kind = "outcomes", column = "correct", id = "x" }': "id names a column of source",
        '{ kind = "files", source = "csv:a.csv" }': "source, id, column and at belong to kind",
        '{ kind = "outcomes", source = "csv:a.csv" }': "outcomes need the column",
        '{ kind = "label-studio" }': "label-studio needs the address of Label Studio",
    }
    for review, said in cases.items():
        world.settings(review=f"review = {review}")
        ran = calib("check")
        assert ran.code == 2
        assert said in ran.err
