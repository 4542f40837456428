"""Exit codes stand in one file: every command takes them from there, and help shows them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from calib import errors
from calib.cli import exit_codes

ROOT = Path(__file__).resolve().parents[3]
CLI = ROOT / "calib" / "cli"


def subclasses(kind: type[BaseException]) -> list[type[BaseException]]:
    return [kind, *(deeper for below in kind.__subclasses__() for deeper in subclasses(below))]


def test_no_command_writes_a_code_as_a_number() -> None:
    written = [
        f"{path.name}:{node.lineno}"
        for path in CLI.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("Exit", "SystemExit")
        and any(isinstance(argument, ast.Constant) for argument in node.args)
    ]
    assert written == []


def test_help_and_the_reference_show_every_code(calib: Any) -> None:
    shown = calib("--help").out
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for code, meaning in exit_codes.MEANINGS.items():
        assert f"  {code}  {meaning}" in shown
        assert f"  {code}  {meaning}" in page


@pytest.mark.parametrize("kind", subclasses(errors.CalibError), ids=lambda kind: kind.__name__)
def test_an_error_has_the_code_that_the_drawn_tree_gives_it(kind: type[BaseException]) -> None:
    """2 for the caller's own data and settings, and for labels that cannot be taken; 4 for the rest."""
    own = issubclass(kind, errors.InvalidInput | errors.QueueError)
    error = kind.__new__(kind)
    assert exit_codes.of_error(error) == (exit_codes.BAD_INPUT if own else exit_codes.OUTSIDE)


def test_an_error_that_nobody_foresaw_lies_outside() -> None:
    assert exit_codes.of_error(KeyError("x")) == exit_codes.OUTSIDE
