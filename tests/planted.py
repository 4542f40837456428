"""Secrets and people's texts are planted in the tests' worlds, and looked for in all that the run puts out.

A pytest plugin, switched on by tests/conftest.py. Searched are: what tests print and log, what commands that
tests run in this process or as processes of their own print, and the files that are left behind, but for
those that hold texts or addresses on purpose: databases, traffic, sheets for reviewers and settings. A test
that puts a planted word out fails; a file with one fails the run.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

# In the context of every drawn row of the test worlds: what a reviewer sees, and nobody else.
TEXT = "Liebe Frau Moosbrugger-7f3a, Ihr Konto"
DATABASE_PASSWORD = "p/w#planted@odd%7f3a"
ENVIRONMENT = {"CALIB_WEBHOOK_SECRET": "planted-webhook-7f3a"}
SLACK_TOKEN = "xoxb-fake"  # of calib.testing.slack
MODEL_KEY = "sk-fake"  # of calib.testing.model
LABEL_STUDIO_KEYS = (  # of tests/label_studio_fake.py: a legacy token, a personal access token
    "legacytoken0123456789abcdef0123456789abcd",
    "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl",
)

WORDS = {
    "a reviewer's text": ("Moosbrugger-7f3a",),
    "the database's password": (
        DATABASE_PASSWORD,
        quote(DATABASE_PASSWORD, safe=""),
        "planted@odd",
        "odd%7f3a",
    ),
    "the webhook's secret": tuple(ENVIRONMENT.values()),
    "Slack's token": (SLACK_TOKEN,),
    "a model's key": (MODEL_KEY,),
    "Label Studio's key": LABEL_STUDIO_KEYS,
}
SPARED = {
    ".db",
    ".sqlite",
    ".db-wal",
    ".db-shm",
    ".duckdb",
    ".parquet",
    ".csv",
    ".tsv",
    ".xlsx",
    ".toml",
    ".py",
    ".pyc",
}
LARGEST = 5_000_000  # bytes of a file that is searched

_leaks: list[str] = []  # of the test that runs


def leaks_in(text: str | bytes) -> list[str]:
    """Which planted words a text holds, by what they are."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return [what for what, words in WORDS.items() if any(word in text for word in words)]


def leaks_below(folder: Path) -> Iterator[str]:
    """The files below a folder that hold a planted word."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix in SPARED or path.name in SPARED:
            continue
        if path.stat().st_size <= LARGEST:
            for what in [*leaks_in(path.read_bytes()), *leaks_in(path.name)]:
                yield f"{what} in {path}"


def _search(where: str, *texts: Any) -> None:
    for text in texts:
        if isinstance(text, str | bytes):
            _leaks.extend(f"{what} in {where}" for what in leaks_in(text))


def pytest_configure(config: pytest.Config) -> None:
    """Plant the environment, and listen where tests take output away before pytest sees it."""
    del config
    os.environ.update(ENVIRONMENT)
    taken, ended = pytest.CaptureFixture.readouterr, subprocess.Popen.communicate

    def readouterr(self: Any) -> Any:
        said = taken(self)
        _search("what it printed", said.out, said.err)
        return said

    def communicate(self: Any, *arguments: Any, **named: Any) -> Any:
        said = ended(self, *arguments, **named)
        _search(
            f"the output of {Path(str(self.args[0] if isinstance(self.args, list) else self.args)).name}",
            *said,
        )
        return said

    pytest.CaptureFixture.readouterr = readouterr  # type: ignore[method-assign]
    subprocess.Popen.communicate = communicate  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Fail the test that put a planted word out; `may_show` marks the ones that do so on purpose."""
    report: pytest.TestReport = yield
    if call.when != "teardown":
        return report
    for name, text in report.sections:
        _search(name.lower(), text)
    found = sorted(set(_leaks))
    _leaks.clear()
    if found and report.passed and item.get_closest_marker("may_show") is None:
        report.outcome = "failed"
        report.longrepr = "planted words were put out: " + "; ".join(found)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run whose files outside databases, traffic, sheets and settings hold a planted word."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    folder = getattr(factory, "_basetemp", None)
    found = list(leaks_below(folder)) if folder is not None else []
    if found:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line("")
            for line in found:
                reporter.write_line(f"LEAK: {line}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
