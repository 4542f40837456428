"""The how-to pages: examples run as they stand, links lead somewhere, lists are complete."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "how-to"
PAGES = sorted(FOLDER.glob("*.md"))


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (FOLDER / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_and_back(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    for target in targets:
        assert target.startswith("https://") or (page.parent / target).exists(), target
    assert "../index.md" in targets
    assert f"how-to/{page.name}" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


def test_the_page_on_testing_as_it_stands() -> None:
    names: dict[str, Any] = {}
    found = blocks("testing.md", "python")
    assert len(found) == 3
    for code in found:
        exec(compile(code, "testing.md", "exec"), names)  # noqa: S102
    assert names["client"].status().state == "STALE"
    assert len([line for line in found[0].split("\n\n")[1].splitlines() if line]) == 10
    names["engine"].dispose()


@pytest.mark.slow
def test_every_event_of_the_log_is_explained_with_its_logger() -> None:
    """The events are read from the code: what a record may carry as `event` stands in the page's table."""
    explained = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\|.*$", page_of_logs(), re.MULTILINE))))
    events = {event for path in (ROOT / "calib").rglob("*.py") for event in events_in(path)}
    assert len(events) > 25
    assert events - explained == set()


def page_of_logs() -> str:
    return (FOLDER / "logs.md").read_text(encoding="utf-8")


def events_in(path: Path) -> set[str]:
    """The texts that a file gives as the event of a record, by the ways in which the package does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "event":
                    found |= texts(value)
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("_log", "_keys"):
                for argument in node.args[:2]:
                    found |= texts(argument)
    return found


def texts(node: ast.expr) -> set[str]:
    """One word, or the two words of a choice between them."""
    parts = (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,)
    return {str(p.value) for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)}
