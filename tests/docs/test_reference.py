"""The pages that are made from the code say what the code says, and the map names files that exist."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What other programs rely on: a name that goes from here is a breaking change.
PROMISED = {
    "calib.measure": (
        "Counts Bins reliability Reliability ece_estimate Ece measure Measurement change_test Change EProcess"
    ),
    "calib.sampling": "strata Strata allocate plan Plan",
    "calib.calibrators": "fit Curve refit Refit",
    "calib.routing": "certify Certificate NoCertificate chain Chain",
    "calib.elicit": "instruction parse_confidence Parsed aggregate Aggregate",
    "calib.format": "Mapping",
    "calib.client": "MappingClient",
    "calib.store": "open_store publish promote rollback history",
}


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """`docs/make_reference.py`, which is a script and belongs to no package."""
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_reference"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "python.md"])
def test_the_page_is_what_the_code_says(generator: ModuleType, name: str) -> None:
    page = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert page == generator.pages()[name], "run `python docs/make_reference.py`"


def test_the_public_names_are_explained(generator: ModuleType) -> None:
    page = generator.pages()["python.md"]
    for module, names in PROMISED.items():
        section = page.split(f"## {module}\n")[1].split("\n## ")[0]
        for name in names.split():
            assert f"\n### {name}\n" in section, f"{module}.{name}"
    for module, names in generator.PUBLIC.items():
        for name in names.split():
            value = getattr(importlib.import_module(module), name)
            assert (value.__doc__ or "").strip(), f"{module}.{name} has no docstring"


def test_every_command_has_a_section(generator: ModuleType) -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    import typer.main

    from calib.cli.app import app

    command = typer.main.get_command(app)
    for name, child in command.commands.items():  # type: ignore[attr-defined]
        assert f"\n## calib {name}\n" in page
        for below in getattr(child, "commands", {}):
            assert f"\n### calib {name} {below}\n" in page


def test_the_files_of_the_map_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| .+? \| `([a-z_/.]+)`(?:, `([A-Za-z_.]+)`)? \|$", page, re.MULTILINE)
    numbered = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert [number for number, _, _ in rows] == numbered == [str(i + 1) for i in range(len(rows))]
    assert len(rows) >= 30
    for number, path, name in rows:
        file = ROOT / path
        assert file.is_file(), f"question {number}: {path}"
        if name:
            last = name.split(".")[-1]
            assert re.search(rf"\b{last}\b", file.read_text(encoding="utf-8")), f"question {number}: {name}"


def test_every_package_is_on_the_map() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for folder in sorted((ROOT / "calib").iterdir()):
        if (folder / "__init__.py").is_file():
            assert f"`{folder.name}/`" in page, folder.name
