"""Help teaches: nothing of it is swallowed, it fits 80 columns, and its examples work as typed."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from conftest import World

from calib.cli.app import app
from calib.cli.teaching import COMMANDS

WIDE = 80


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below `command`, with the words that call it."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


ALL = list(commands(typer.main.get_command(app)))
LEAVES = [(path, command) for path, command in ALL if not hasattr(command, "commands")]


def squeezed(text: str) -> str:
    return " ".join(text.split())


def joined(path: tuple[str, ...]) -> str:
    return " ".join(path) or "calib"


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDE))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[joined(path) for path, _ in ALL])
def test_help_is_whole_and_fits(calib: Any, path: tuple[str, ...], command: Any) -> None:
    ran = calib(*path, "--help")
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if len(line) > WIDE] == []
    assert re.findall(r"[\w.,;]\.\.\.$", ran.out, re.MULTILINE) == []  # a summary that was cut off
    shown = squeezed(ran.out)
    for paragraph in inspect.cleandoc(command.help or "").replace("\b", "").split("\n\n"):
        assert squeezed(paragraph) in shown
    for parameter in command.params:
        assert squeezed(getattr(parameter, "help", None) or "") in shown


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[joined(path) for path, _ in LEAVES])
def test_json_takes_no_value(calib: Any, path: tuple[str, ...], command: Any) -> None:
    said = calib(*path, "--help").out
    assert re.search(r"^  --json {2,}One JSON object", said, re.MULTILINE)


def test_every_command_has_its_line_and_examples() -> None:
    there = {" ".join(path) for path, _ in ALL if path}
    assert set(COMMANDS) == there
    assert [name for name, taught in COMMANDS.items() if len(taught.summary) > 60] == []
    assert {" ".join(path) for path, _ in LEAVES} == {n for n, taught in COMMANDS.items() if taught.examples}
    for name, taught in COMMANDS.items():
        assert all(example.startswith(f"calib {name}") for example in taught.examples)


@pytest.mark.parametrize("name", [name for name, taught in COMMANDS.items() if taught.examples])
def test_every_example_is_understood(name: str) -> None:
    """The options that it names exist, and its values are of their kind."""
    command = {" ".join(path): command for path, command in ALL}[name]
    for example in COMMANDS[name].examples:
        words = shlex.split(example)[1 + len(name.split()) :]
        command.make_context(name, words)


def saved(path: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    stated = np.round(rng.uniform(0.5, 1, 400), 2)
    right = (rng.random(400) < stated - 0.05).astype(int)
    # a chain has two steps, and says on the first one whether the whole of it was right
    whole = [c if i % 2 == 0 else "" for i, c in enumerate(right)]
    lines = [f"{i // 2},{i // 2},{p},{c}" for i, (p, c) in enumerate(zip(stated, whole, strict=True))]
    Path(path).write_text("\n".join(["trace,conversation,confidence,correct", *lines]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["measure", "gate", "chain"])
def test_examples_on_files_work_as_typed(
    calib: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files = ("log.csv", "october.csv", "september.csv", "before.csv", "after.csv", "steps.csv")
    for seed, file in enumerate(files):
        saved(file, seed)
    for example in COMMANDS[name].examples:
        ran = calib(*shlex.split(example)[1:])
        assert ran.code in ((0, 1, 3) if name == "gate" else (0,)), ran.err


DEPLOYED = (
    *("check", "plan", "run", "backfill", "sample", "evaluate", "relay", "watchdog", "routes"),
    *(
        "labels export",
        "mapping list",
        "mapping show",
        "mapping apply",
        "mapping promote",
        "mapping rollback",
    ),
    *("mapping history", "mapping verify", "mapping open-epoch", "erase", "db migrate", "init"),
)


@pytest.mark.slow
def test_examples_in_a_set_up_folder_work_as_typed(
    calib: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    text = world.config.read_text().replace("[streams.triage]", "[streams.support-triage]")
    world.config.write_text(text)
    months = [f"2025-{m:02d}" for m in range(1, 13)] + [f"2026-{m:02d}" for m in range(5, 11)]
    for month in months:
        world.write(month)
    digest = ""
    saved("log.csv", 0)
    for name in ("backfill", "run", *DEPLOYED):
        for example in COMMANDS[name].examples:
            words = shlex.split(example.replace("1f3a9c20", digest or "000000"))[1:]
            ran = calib(*words)
            # 3: there may be too little to say; 1: the watchdog finds the months that this folder lacks
            allowed = {"watchdog": (0, 1), "sample": (0, 3), "run": (0, 3)}.get(name, (0,))
            assert ran.code in allowed, (example, ran.out, ran.err)
        digest = digest or calib("mapping", "list", "support-triage", "--json").json["mappings"][0]["digest"]


def test_no_markup_is_read_in_help() -> None:
    """What a docstring shows in angle or square brackets is text."""
    probe = typer.Typer(rich_markup_mode=app.rich_markup_mode, pretty_exceptions_enable=False)

    @probe.command()
    def show(to: str = typer.Option("x", help="Into backup-<from> [bold] or a[, b].")) -> None:
        """Reads <this>, [that] and a[, b]."""

    @probe.command()
    def other() -> None:
        """A second one."""

    command = typer.main.get_command(probe).commands["show"]  # type: ignore[attr-defined]
    shown = squeezed(command.get_help(command.make_context("show", [], resilient_parsing=True)))
    assert "Reads <this>, [that] and a[, b]." in shown
    assert "Into backup-<from> [bold] or a[, b]." in shown
    assert shutil.get_terminal_size().columns == WIDE
    assert "rich.markdown" not in sys.modules or app.rich_markup_mode is None
