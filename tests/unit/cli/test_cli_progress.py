"""Progress: on standard error alone, a bar for people, a line now and then for logs."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calib.cli.progress import progress

PATIENCE = 120  # seconds


def waits_for(text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What standard error has said by the time that it holds `text`."""
    said, until = "", time.monotonic() + PATIENCE
    while text not in said:
        assert time.monotonic() < until, said
        time.sleep(0.01)
        said += capsys.readouterr().err
    return said


def test_a_short_task_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("quick", total=2, first=60) as step:
        step("one")
        step("two")
    assert capsys.readouterr() == ("", "")


def test_a_long_step_is_named_with_its_place_and_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 12.4, *range(20, 10_000, 10)])
    with progress("big.csv", total=3, first=0.01, every=0.01, clock=lambda: next(seconds)) as step:
        step("reading")
        step("mea\x1b[31msuring")
        said = waits_for("2 of 3), 20 s\n", capsys)
    lines = said.splitlines()
    assert lines[0].startswith("calib: big.csv")
    assert lines[0].endswith("12 s")
    assert "calib: big.csv: mea�[31msuring (2 of 3), 20 s" in lines
    assert "\x1b" not in said


@pytest.mark.slow
def test_lines_are_rare(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("long", first=0.01, every=60) as step:
        said = waits_for("calib: long", capsys)
        for i in range(100):
            step(str(i))
            time.sleep(0.005)
    assert (said + capsys.readouterr().err).count("\n") == 1


def test_an_error_ends_the_progress_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="as it was"), progress("fails", first=0.001, every=0.001):
        raise ValueError("as it was")
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    stated = np.round(rng.uniform(0.5, 1, 3_000_000), 4)
    right = (rng.random(len(stated)) < stated).astype("int8")
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"confidence": stated, "correct": right}), path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["measure", "gate"])
def test_a_big_file_is_not_silent_and_json_stays_pure(log: Path, verb: str) -> None:
    files = [str(log)] * (2 if verb == "gate" else 1)
    command = [sys.executable, "-m", "calib", verb, *files, "--json"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=log.parent, timeout=PATIENCE)
    took = time.monotonic() - began
    assert done.returncode == 0
    assert json.loads(done.stdout)
    lines = done.stderr.splitlines()
    assert took < 2 or lines
    assert len(lines) <= 1 + took / 10
    assert all(re.fullmatch(r"calib: .+: .+ \(\d of \d\), \d+ s", line) for line in lines)


def test_what_is_written_beside_a_bar_stays_on_standard_output() -> None:
    master, slave = pty.openpty()
    code = "from calib.cli.progress import *\nwith progress('x', 1) as step:\n step('y'); print('result')"
    environment = os.environ | {"TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=slave, env=environment, timeout=PATIENCE
    )
    os.close(slave)
    seen = os.read(master, 1_000_000).decode(errors="replace")
    os.close(master)
    assert done.stdout == b"result\n"
    assert "x: y" in seen
    assert "result" not in seen


@pytest.mark.slow
def test_a_terminal_gets_a_bar_and_a_pipe_the_result(log: Path) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "calib", "measure", str(log), "--no-picture", "--json"]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=slave, cwd=log.parent, env=environment, text=True
    )
    os.close(slave)
    out, _ = process.communicate(timeout=PATIENCE)
    seen = os.read(master, 1_000_000).decode(errors="replace")
    os.close(master)
    assert json.loads(out)["n"] == 3_000_000
    assert "log.parquet: reading" in seen
    assert "calib:" not in seen
