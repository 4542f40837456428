"""A schedule's verb that finds nothing to do, and one that reads the store alone, import little."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calib.app import App
from calib.cycle import latest_due

# What takes long to import: statistics, engines, their servers, and what draws.
HEAVY = {
    *("numpy", "scipy", "pandas", "pyarrow", "sklearn", "ibis", "duckdb", "matplotlib", "rich"),
    *("prefect", "slack_sdk", "anyio", "httpx", "tenacity", "alembic"),
}
CODE = """
import sys
from calib.cli import main
sys.argv[0] = "calib"
try:
    main()
finally:
    names = {name.split(".")[0] for name in sys.modules}
    sys.stderr.write("imported " + " ".join(sorted(names)) + "\\n")
"""
SETTINGS = """
[streams.support-triage]
traffic = "csv:traffic.csv"
review = { kind = "outcomes", column = "correct" }
"""
IDLE = (
    ("relay",),
    ("watchdog",),
    ("evaluate",),
    ("sample",),
    ("labels", "export", "support-triage"),
    ("erase",),
)
STORE_ALONE = (
    ("mapping", "list", "support-triage"),
    ("mapping", "show", "support-triage"),
    ("mapping", "history", "support-triage"),
    ("mapping", "verify", "support-triage"),
)


def imported(*words: str, folder: Path) -> set[str]:
    """The packages that a verb imported, once it has ended well."""
    command = [sys.executable, "-c", CODE, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.strip().splitlines()[-1].split()[1:])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment in which every window that could be open is closed."""
    folder = tmp_path_factory.mktemp("idle")
    config = folder / "calib.toml"
    config.write_text(SETTINGS)
    opened = App.open(config)
    due = latest_due(opened.watch("support-triage"), datetime.now(UTC))
    start, end = due.interval("UTC")
    rows = [
        f"{i},{(start + (end - start) * i / 100).isoformat()},0.{50 + i % 50},{i % 2}" for i in range(100)
    ]
    (folder / "traffic.csv").write_text("\n".join(["prediction_id,ts,raw_confidence,correct", *rows]))
    (folder / "answers.csv").write_text("prediction_id,answer\n")
    for words in (("sample",), ("evaluate",)):
        command = [sys.executable, "-m", "calib", *words]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("words", IDLE, ids=" ".join)
def test_a_verb_with_nothing_to_do_imports_no_statistics(folder: Path, words: tuple[str, ...]) -> None:
    # the watchdog asks the store each time whether it still refuses to overwrite, which is tried again
    wanted = {"tenacity"} if words == ("watchdog",) else set()
    assert imported(*words, folder=folder) & HEAVY <= wanted


@pytest.mark.slow
@pytest.mark.parametrize("words", STORE_ALONE, ids=" ".join)
def test_a_verb_of_the_store_imports_no_database_either(folder: Path, words: tuple[str, ...]) -> None:
    assert imported(*words, folder=folder) & (HEAVY | {"sqlalchemy"}) == set()


def test_the_list_of_heavy_packages_is_of_packages_that_are_there() -> None:
    from importlib.util import find_spec

    assert {name for name in HEAVY if find_spec(name) is None} == set()


def test_the_linear_algebra_takes_one_thread_unless_told_otherwise(
    calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert calib("--version").code == 0
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert calib("--version").code == 0
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"
