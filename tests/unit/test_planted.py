"""A planted secret or text that is put out anywhere fails the run: tried on a run of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

GOOD = """
def test_quiet(tmp_path):
    (tmp_path / "calib.db").write_text(TEXT)
    (tmp_path / "todo.csv").write_text(TEXT)
    (tmp_path / "summary.json").write_text("{}")
    print("nothing")
"""
BAD = {
    "a print": "def test_it(): print('x', TEXT)",
    "standard error": "def test_it():\n    import sys\n    sys.stderr.write(DATABASE_PASSWORD)",
    "a log": "def test_it():\n    import logging\n    logging.getLogger('x').error('%s', DATABASE_PASSWORD)",
    "what capsys took": "def test_it(capsys):\n    print(TEXT)\n    capsys.readouterr()",
    "a process": "def test_it():\n    import subprocess\n"
    "    subprocess.run(['printenv', 'CALIB_WEBHOOK_SECRET'], capture_output=True)",
    "an escaped password": "def test_it():\n    from urllib.parse import quote\n"
    "    print(quote(DATABASE_PASSWORD, safe=''))",
    "a file": "def test_it(tmp_path): (tmp_path / 'summary.json').write_text(SLACK_TOKEN)",
    "a file of a factory": "def test_it(tmp_path_factory):\n"
    "    (tmp_path_factory.mktemp('x') / 'run.log').write_text(MODEL_KEY)",
    "a fixture's end": "import pytest\n@pytest.fixture\ndef late():\n    yield\n    print(TEXT)\n"
    "def test_it(late): pass",
}


def run(folder: Path, test: str) -> int:
    """The exit code of a test run over this code."""
    (folder / "conftest.py").write_text("from planted import *  # noqa: F403\n")
    (folder / "test_it.py").write_text(f"from planted import *\n{test}\n")
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--basetemp={folder / 'base'}",
        "test_it.py",
    ]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    # not through `communicate`: what it says is a leak, and meant to be one
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        code = process.wait(120)
    shutil.rmtree(folder / "base", ignore_errors=True)  # the run around this one searches its files too
    return code


@pytest.mark.slow
def test_a_run_that_puts_nothing_out_passes(tmp_path: Path) -> None:
    assert run(tmp_path, GOOD) == 0


@pytest.mark.slow
@pytest.mark.parametrize("where", BAD)
def test_a_planted_word_fails_the_run(tmp_path: Path, where: str) -> None:
    assert run(tmp_path, BAD[where]) == 1
