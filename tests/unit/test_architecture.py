"""The house stands as it is drawn: imports point down, and the client is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the top floor down. A room may import from floors below its own, from itself, and from `MAY`.
FLOORS = (
    ("flows", "cli", "demo", "__main__"),
    ("web", "init", "files", "evidently_metrics"),
    ("scheduled", "metrics"),
    ("app",),
    (
        "alert_places",
        "connections",
    ),
    ("cycle", "settings", "probe"),
    ("probe_settings", "stream_settings"),
    ("setting_key",),
    ("testing",),
    ("store", "traffic", "review", "outbox", "report"),
    ("db",),
    ("tabular", "measure", "calibrators", "sampling", "elicit", "routing", "alerts", "gate", "client"),
    ("wording",),
    ("results",),
    ("object_urls", "object_words", "object_credentials"),
    ("local_paths",),
    ("format",),
    ("events",),
    ("times", "period", "redaction", "vocabulary", "information"),
    (
        "errors",
        "json_object",
        "policy",
        "reasons",
        "rejects",
        "toml_lines",
        "web_addresses",
        "text",
        "backoff",
        "lazy",
        "notebook",
    ),
)
MAY = {
    ("cli", "demo"),
    ("__main__", "cli"),
    ("calibrators", "measure"),
    ("routing", "measure"),
    ("routing", "calibrators"),
    ("gate", "measure"),
    ("sampling", "measure"),
    ("tabular", "measure"),
}
CLIENT = {
    "client",
    "format",
    "local_paths",
    "object_urls",
    "object_words",
    "redaction",
    "times",
    "errors",
    "backoff",
    "json_object",
}


def room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] == "flows":
        return "flows"
    return parts[1] if parts[0] == "calib" and len(parts) > 1 else None


def imports() -> list[tuple[str, str, Path]]:
    found = []
    for path in [*(ROOT / "calib").rglob("*.py"), *(ROOT / "flows").rglob("*.py")]:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        here = room_of(module)
        if here in (None, "__init__"):
            continue
        for name in imported_names(path):
            there = room_of(name)
            if there is not None and there not in (here, "__version__"):
                found.append((here, there, path.relative_to(ROOT)))
    return found


@cache
def imported_names(path: Path) -> list[str]:
    """The dotted names that a file imports; of calib's own the module, not only the package."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            plain = node.module == "calib"
            names += [f"{node.module}.{a.name}" for a in node.names] if plain else [node.module]
    return names


def test_imports_point_down() -> None:
    level = {room: i for i, floor in enumerate(FLOORS) for room in floor}
    wrong = [
        f"{path}: {here} imports {there}"
        for here, there, path in imports()
        if level[here] >= level[there] and (here, there) not in MAY
    ]
    assert wrong == []


# The cycle's steps are functions of `WindowData`: of what reads and writes they may know these types alone.
PURE = {
    *(
        "baseline",
        "budget",
        "clustering",
        "comparison",
        "data",
        "design",
        "early",
        "evaluation",
        "cohort_sample",
        "measuring",
        "promises",
    ),
    *(
        "label_error",
        "nonresponse",
        "picture_data",
        "readable",
        "refitting",
        "segments",
        "served",
        "stream",
        "verdict",
    ),
}
TYPES_OF_PORTS = {
    "calib.db.windows": {"Window"},
    "calib.store": {"Entry", "PUBLISHER", "active_at"},
    "calib.traffic": {"Cells", "Drawn", "Survey"},
    "calib.review.cohort": {"Cohort"},
}


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_steps_of_a_window_are_pure(name: str) -> None:
    tree = ast.parse((ROOT / "calib" / "cycle" / f"{name}.py").read_text(encoding="utf-8"))
    imported = {
        (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {(alias.name, "") for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    ports = ("calib.db", "calib.store", "calib.traffic", "calib.review", "calib.outbox", "sqlalchemy")
    wrong = {
        f"{module}.{what}"
        for module, what in imported
        if module.startswith(ports) and what not in TYPES_OF_PORTS.get(module, set())
    }
    steps = {
        module.removeprefix("calib.cycle.") for module, _ in imported if module.startswith("calib.cycle.")
    }
    assert wrong | (steps - set(PURE)) == set()


def test_the_client_needs_nothing_of_the_house() -> None:
    seen = {there for here, there, _ in imports() if here in CLIENT}
    assert seen <= CLIENT


def test_a_flow_imports_calib_and_prefect_alone_and_nothing_imports_a_flow() -> None:
    """So a copy of each file works alone, in a folder whose owner may have a package `flows` too."""
    standard = sys.stdlib_module_names
    roots = {
        str(path.relative_to(ROOT)): {name.split(".")[0] for name in imported_names(path)} - standard
        for folder in ("calib", "flows")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {path: found for path, found in roots.items() if "flows" in found} == {}
    flows = {path: found for path, found in roots.items() if path.startswith("flows/")}
    assert len(flows) >= 5
    assert {path: found for path, found in flows.items() if found != {"calib", "prefect"}} == {}
    assert not (ROOT / "flows" / "__init__.py").exists()


def test_every_room_is_on_a_floor() -> None:
    rooms = {room for floor in FLOORS for room in floor}
    there = {p.stem if p.is_file() else p.name for p in (ROOT / "calib").iterdir()}
    assert there - {"__init__", "__pycache__", "py"} - rooms == set()


def test_no_file_is_too_long() -> None:
    long = {
        str(path.relative_to(ROOT)): n
        for folder in ("calib", "flows")
        for path in (ROOT / folder).rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("calib.client", ("numpy", "obstore", "pydantic", "sqlalchemy", "asyncio")),
        ("calib.format", ("numpy", "obstore")),
        ("calib.elicit", ("numpy", "anyio", "tenacity", "httpx", "pydantic")),
        ("calib.cli.app", ("numpy", "prefect", "sklearn", "matplotlib", "evidently", "sqlalchemy", "ibis")),
        ("calib.measure", ("pandas", "sklearn", "scipy.stats", "matplotlib")),
        ("calib.files.measure", ("sqlalchemy", "pydantic", "pandas", "matplotlib", "jinja2")),
        ("calib.files.gate", ("sqlalchemy", "pydantic", "pandas", "matplotlib", "jinja2")),
        ("calib.report.file_page", ("sqlalchemy", "pydantic", "pandas", "matplotlib")),
        ("calib.cycle", ("prefect", "evidently", "matplotlib", "sklearn")),
    ],
)
def test_heavy_parts_load_when_they_are_needed(module: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*sorted(set({absent!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_no_lazy_name_is_that_of_a_module() -> None:
    """Once a module is imported, its package has it as an attribute, which would hide the name."""
    from calib import cycle

    modules = {path.stem for path in Path(cycle.__file__).parent.glob("*.py")}
    assert modules & set(cycle.__all__) == set()
    for name in cycle.__all__:
        assert getattr(cycle, name).__class__.__name__ != "module"
