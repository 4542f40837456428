"""The log of a command: quiet where all is well, readable by people or by machines, without a secret."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import World

from calib.cli import logs
from calib.errors import InvalidInput

LOG = logging.getLogger("calib.store.objects")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The logger of the package is left as it was."""
    logger = logging.getLogger("calib")
    before = logger.level, logger.propagate, list(logger.handlers)
    yield
    logger.level, logger.propagate, logger.handlers = before[0], before[1], before[2]
    logger.manager._clear_cache()  # type: ignore[attr-defined]


def written(asked: str | None, *, level: int = logging.WARNING, message: str = "x", **keys: Any) -> str:
    to = io.StringIO()
    logs.set_up(asked, to)
    LOG.log(level, "%s", message, extra=keys)
    return to.getvalue()


def test_a_record_is_one_line_for_people() -> None:
    said = written(
        None, message="attempt 1 failed", event="create_retried", key="a/b", attempt=1, period=None
    )
    assert said == "calib: warning: attempt 1 failed (event=create_retried, key=a/b, attempt=1)\n"


def test_a_record_is_one_json_object_with_its_keys() -> None:
    said = json.loads(written("json", level=logging.INFO, message="opened", stream="triage", attempt=2))
    assert said.pop("time").endswith("Z")
    assert said == {
        "level": "info",
        "logger": "calib.store.objects",
        "message": "opened",
        "stream": "triage",
        "attempt": 2,
    }


@pytest.mark.parametrize("asked", [None, "json"])
def test_no_secret_and_nothing_hostile_gets_out(asked: str | None) -> None:
    hostile = "postgresql://me:hunter2@db/x\n\x1b[31m\u202egnp"
    said = written(asked, message=hostile, store="s3://user:hunter2@bucket", what=["token=hunter2"])
    assert "hunter2" not in said
    assert said.count("\n") == 1
    assert not set(said) & set("\x1b\u202e")


@pytest.mark.parametrize(
    ("asked", "levels"),
    [
        (None, ["WARNING"]),
        ("", ["WARNING"]),
        ("info", ["INFO", "WARNING"]),
        ("debug", ["DEBUG", "INFO", "WARNING"]),
        ("json", ["INFO", "WARNING"]),
        ("json,debug", ["DEBUG", "INFO", "WARNING"]),
        (" Warning , JSON ", ["WARNING"]),
    ],
)
def test_the_level_is_the_one_that_was_asked_for(asked: str | None, levels: list[str]) -> None:
    to = io.StringIO()
    logs.set_up(asked, to)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        LOG.log(level, logging.getLevelName(level))
    assert [level for level in ("DEBUG", "INFO", "WARNING") if level in to.getvalue()] == levels
    assert len(to.getvalue().splitlines()) == len(levels)


@pytest.mark.parametrize("asked", ["verbose", "info,debug", "json,yaml"])
def test_a_word_that_means_nothing_is_refused(asked: str) -> None:
    with pytest.raises(InvalidInput, match="CALIB_LOG"):
        logs.set_up(asked, io.StringIO())


def command(*words: str, log: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CALIB_LOG"}
    if log is not None:
        environment["CALIB_LOG"] = log
    run = [sys.executable, "-m", "calib", *words]
    return subprocess.run(run, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
def test_a_command_refuses_it_with_the_code_of_bad_settings() -> None:
    done = command("mapping", "list", "x", log="loud")
    assert done.returncode == 2
    assert done.stderr.startswith("calib: CALIB_LOG is 'loud'; set it to one of warning, info, debug")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_healthy_window_is_quiet_and_tells_its_steps_when_asked(world: World) -> None:
    run = ("run", "triage", "--json", "--config", str(world.config), "--period")
    quiet = command(*run, "2026-01", log=None)
    assert quiet.returncode == 0
    assert [line for line in quiet.stderr.splitlines() if ", " not in line or "warning" in line] == []
    told = command(*run, "2026-02", log="json")
    lines = [json.loads(line) for line in told.stderr.splitlines() if line.startswith("{")]
    steps = [line["event"] for line in lines if line.get("period") == "2026-02" and "cycle" in line["logger"]]
    assert steps == ["opened", "evaluated", "closed"]
    assert {line["stream"] for line in lines if "cycle" in line["logger"]} == {"triage"}
    assert "Moosbrugger" not in told.stderr


def test_an_application_that_has_not_set_logging_up_hears_nothing() -> None:
    code = "import logging, calib; logging.getLogger('calib.client').warning('a poll failed')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
