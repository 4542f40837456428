"""`calib check` reads the guidelines of each stream that names some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from in_process import Ran


@pytest.mark.slow
def test_guidelines_that_are_missing_fail_the_check(tmp_path: Path, calib: Callable[..., Ran]) -> None:
    (tmp_path / "t.csv").write_text("prediction_id,ts,raw_confidence\na,2026-10-01T00:00:00Z,0.5\n")
    config = tmp_path / "calib.toml"
    config.write_text('[streams.s]\ntraffic = "csv:t.csv"\nguidelines = "when-correct.md"\n')
    ran = calib("check", "--json", "--config", config)
    (line,) = (each for each in ran.json["checks"] if each["what"] == "guidelines of s")
    assert (ran.code, line["ok"], line["exit_code"]) == (2, False, 2)
    assert "when-correct.md are not there: write the file" in line["says"]
    (tmp_path / "when-correct.md").write_text("It is correct if the queue is right.\n")
    ran = calib("check", "--json", "--config", config)
    (line,) = (each for each in ran.json["checks"] if each["what"] == "guidelines of s")
    assert (ran.code, line["says"]) == (0, "when-correct.md, 8 words")
