"""What people read fits 80 columns: no line is longer, nothing is cut off, colour stands beside a word."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from alert_results import result
from conftest import World

from calib.cli.output import p_value
from calib.cli.page import Page
from calib.cli.tables import demo_year, windows_table
from calib.results import WindowResult
from calib.results.demo import DemoWindow, DemoYear, Truth
from calib.results.window import AlertState, DrawnSample, LabelCounts

WIDE = 80


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDE))
    assert shutil.get_terminal_size().columns == WIDE


def fits(text: str) -> None:
    """No line is longer than the page, but for one that is a single path or a command to copy."""
    long = [line for line in text.splitlines() if len(line) > WIDE]
    assert [line for line in long if " " in line.strip()] == []
    assert "…" not in text.replace("mapping=…", "").replace("--period …", "")
    assert "\x1b" not in text


def saved(path: Path, *, seed: int, worse: float = 0.0, n: int = 3000) -> Path:
    rng = np.random.default_rng(seed)
    stated = np.round(rng.uniform(0, 1, n), 2)
    right = (rng.random(n) < np.clip(stated - worse, 0, 1)).astype(int)
    segment = rng.choice(["billing", "a segment whose name takes up more than half of a line of text"], n)
    rows = [f"{i // 3},{p},{c},{s}" for i, (p, c, s) in enumerate(zip(stated, right, segment, strict=True))]
    path.write_text("\n".join(["trace,confidence,correct,segment", *rows, "1,,1,billing", "1,7,1,billing"]))
    return path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.chdir(tmp_path)
    return saved(Path("before.csv"), seed=1), saved(Path("after.csv"), seed=2, worse=0.2)


@pytest.mark.slow
def test_measure_gate_and_chain_fit(calib: Any, files: tuple[Path, Path]) -> None:
    before, after = files
    for arguments in (
        ("measure", after, "--baseline", before),
        ("gate", before, after),
        ("gate", after, before, "--strict"),
        ("chain", after, "--allow-rejected", "1"),
    ):
        ran = calib(*arguments)
        assert ran.err == "" or ran.code in (0, 1, 3)
        assert len(ran.out.splitlines()) > 4
        fits(ran.out)


@pytest.mark.slow
def test_what_the_cycle_says_fits(calib: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.folder)
    for month in ("2026-01", "2026-02", "2026-03", "2026-04"):
        worse = 0.32 if month == "2026-03" else 0.12
        table = world.write(month, n=1500, accuracy=lambda s, worse=worse: s - worse)
        names = np.random.default_rng(0).choice(["billing", "refunds and a long name of a segment"], 1500)
        table = table.append_column("segment", pa.array(names))
        pq.write_table(table, world.folder / "traffic" / f"{month}.parquet")
    text = world.config.read_text().replace('context = ["question"]', 'segment = "segment"')
    world.config.write_text(text + "threshold = 0.9\n")
    said = calib("backfill", "triage", "--from", "2026-01", "--to", "2026-04")
    assert said.code == 0
    assert "DEGRADED" in said.out
    fits(said.out)
    for arguments in (
        ("run", "triage", "--period", "2026-03"),
        ("routes", "triage", "--preset", "finance"),
        ("plan", "triage", *(f"--rise={rise}" for rise in (0.05, 0.1, 0.15, 0.2, 0.25))),
        ("relay",),
    ):
        fits(calib(*arguments).out)


def window(period: str, state: str) -> WindowResult:
    """A window whose every cell is as wide as it gets."""
    kinds = ("degraded", "early_warning", "refit_vetoed", "score_mix") * 2
    made = result(
        state,
        period=period,
        labels=LabelCounts(n=50_000, correct=30_000, unsure=1, missing=12_345),
        sample=DrawnSample(n=62_345, strata=6, digest="ab" * 32),
        alerts=tuple(AlertState(kind=kind, id=str(i), delivered=True) for i, kind in enumerate(kinds)),
    )
    new = replace(made.refit, published=True, mapping="1f3a9c20" * 8)
    return replace(made, refit=new)


def test_the_widest_tables_of_windows_fit(capsys: pytest.CaptureFixture[str]) -> None:
    windows_table([window("2026-10-01", "no_change_seen"), window("2026-W40", "degraded")])
    year = [window("2026-10", "no_change_seen"), window("2026-11", "degraded")]
    truth = Truth(raw_ece=0.12, served_ece=0.12)
    demo_year(
        DemoYear(
            windows=tuple(DemoWindow.of(each, true=truth, delivered={"0"}) for each in year),
            changed_at="2026-11",
            report="/a/long/path/to/a/report.html",
            fleet="f.html",
            picture="p.png",
            store="demo/store",
        ),
        calib=".venv/bin/calib",
    )
    said = capsys.readouterr().out
    fits(said)
    for cell in (
        "0.150 (0.050–0.110)",
        "no change seen",
        "new mapping 1f3a9c20",
        "12,345 of 62,345",
        "demo && .venv/bin/calib mapping",
    ):
        assert cell in said


def test_a_long_text_goes_on_below_itself(capsys: pytest.CaptureFixture[str]) -> None:
    Page().row("heading", "word " * 40)
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("  heading ")
    indent = first.index("word")
    assert {len(line) - len(line.lstrip()) for line in others} == {indent}


def test_text_from_outside_neither_drives_nor_styles_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    page = Page()
    page.row("heading", "[red]a[/red] \x1b[31m :smile: \u202e")
    page.table(("one", "two"), [("[bold]x", "\x1b[2J")])
    said = capsys.readouterr().out
    assert "[red]a[/red]" in said
    assert ":smile:" in said
    assert "[bold]x" in said
    assert "\x1b" not in said
    assert "\u202e" not in said


def on_terminal(arguments: list[str], folder: Path, **environment: str) -> str:
    """What the command writes where standard output is a terminal of 80 columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDE, 0, 0))
    keep = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "CI")}
    process = subprocess.Popen(
        [sys.executable, "-m", "calib", *arguments],
        stdout=slave,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=keep | {"TERM": "xterm-256color"} | environment,
    )
    os.close(slave)
    said = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
    process.wait(120)
    os.close(master)
    return said.decode()


@pytest.mark.slow
def test_colour_stands_beside_the_word_and_can_be_switched_off(files: tuple[Path, Path]) -> None:
    folder = files[0].resolve().parent
    coloured = on_terminal(["gate", "before.csv", "after.csv"], folder)
    assert re.search(r"\x1b\[1;31mDEGRADED\x1b\[0m", coloured)
    plain = on_terminal(["gate", "before.csv", "after.csv"], folder, NO_COLOR="1")
    assert "DEGRADED" in plain
    assert "\x1b[1;31m" not in plain
    assert "31m" not in plain


@pytest.mark.parametrize(
    ("p", "draws", "said"),
    [
        (1 / 1000, 999, "p ≤ 1/1000"),
        (1 / 4001, 4000, "p ≤ 1/4001"),
        (2 / 1000, 999, "p = 0.002"),
        (2 / 4001, 4000, "p < 0.001"),
        (0.00001, None, "p < 0.001"),
        (0.001, None, "p = 0.001"),
        (1.0, 999, "p = 1.000"),
    ],
)
def test_a_p_value_is_never_said_to_be_zero(p: float, draws: int | None, said: str) -> None:
    assert p_value(p, draws) == said


def test_the_change_test_says_how_many_draws_carry_its_p_value(calib: Any, files: tuple[Path, Path]) -> None:
    ran = calib("measure", files[1], "--baseline", files[0], "--no-picture", "--json")
    change = ran.json["change"]
    assert change["p"] == 1 / (change["draws"] + 1)
    shown = calib("measure", files[1], "--baseline", files[0], "--no-picture").out
    assert f"p ≤ 1/{change['draws'] + 1}" in " ".join(shown.split())
