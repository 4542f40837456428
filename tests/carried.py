"""What the tests of an upgrade share: the deployment that 0.1.0 left, and how results compare with it."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from in_process import Ran

from calib.format.entry import OPTIONAL

GOLDEN = Path(__file__).resolve().parent / "golden" / "upgrade"
LAST = datetime(2026, 6, 3, 6, tzinfo=UTC)  # when 0.1.0 was last used
TABLES = ("windows", "items", "labels", "outbox", "probe_runs", "probe_replies", "probe_outcomes")
LATER = datetime(2026, 9, 1, 6, tzinfo=UTC)  # every cohort has closed
MEASURED = ("ece", "ece_plugin", "low", "high", "accuracy", "mean_confidence", "auroc", "brier", "bins")
CHANGE = ("state", "p", "rise", "low", "high", "baseline_labels", "minimum_detectable_rise")
REFIT = ("published", "method", "mapping", "ece_before", "ece_after", "brier_before", "brier_after")
CERTIFICATE = ("target", "confidence", "cut", "share", "n", "accuracy_low")


@dataclass(frozen=True)
class Carried:
    """A folder that 0.1.0 left, and the present command line over it."""

    folder: Path
    expected: dict[str, Any]
    command: Callable[..., Ran]

    @property
    def config(self) -> Path:
        return self.folder / "calib.toml"

    @property
    def store(self) -> str:
        return f"file:{self.folder / 'mappings'}"

    def run(self, *arguments: Any, now: datetime = LAST) -> Ran:
        """`run("evaluate", "triage")`: the command with --json, at a moment that stands still."""
        return self.command(*arguments, "--json", "--config", self.config, now=now)

    def done(self, *arguments: Any, now: datetime = LAST) -> dict[str, Any]:
        """What a command that succeeds prints."""
        ran = self.run(*arguments, now=now)
        assert ran.code == 0, ran.err + ran.out
        return ran.json

    def entries(self, stream: str, channel: str = "production") -> list[dict[str, Any]]:
        """A channel's log, oldest entry first; keys since 0.2.0 only where they say something."""
        log = self.done("mapping", "history", stream, "--channel", channel)["entries"]
        return [
            {key: value for key, value in entry.items() if key not in OPTIONAL or value != OPTIONAL[key]}
            for entry in log
        ]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the SQLite database, read past the code under test."""
        with sqlite3.connect(self.folder / "calib.db") as connection:
            return connection.execute(query).fetchall()


def upgrade(deployment: Carried) -> dict[str, Any]:
    """Bring the database to the present version's schema; what the command says."""
    return deployment.done("db", "migrate")


def clock() -> dict[str, Any]:
    """Where the command line finds its clock: under the key `now`."""
    from calib.app import App

    defaults: dict[str, Any] = App.open.__func__.__kwdefaults__  # type: ignore[attr-defined]
    return defaults


def in_a_process(*arguments: Any, now: datetime) -> Ran:
    """The command line in a process of its own, at a moment that stands still."""
    script = """
import sys
from datetime import datetime
sys.path.insert(0, sys.argv[1])
from carried import clock
moment = datetime.fromisoformat(sys.argv[2])
clock()["now"] = lambda: moment
sys.argv = ["calib", *sys.argv[3:]]
from calib.cli import main
main()
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, str(GOLDEN.parents[1]), now.isoformat(), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def old_client(folder: Path, script: str) -> dict[str, Any]:
    """What a script prints, as JSON, that runs on the client of 0.1.0 with nothing else of calibwatch."""
    head = (
        "import json, sys\nsys.path.insert(0, sys.argv[1])\n"
        "import calib\nassert calib.__version__ == '0.1.0'\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", head + script, str(GOLDEN / "client-0.1.0.zip"), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def contract(result: dict[str, Any]) -> dict[str, Any]:
    """The part of `calib run --json` that other programs rely on, but for which alerts are delivered by now.

    Words for people may change: `reason` is left out.
    """
    refit = {key: value for key, value in result["refit"].items() if key in REFIT}
    kept = {key: result[key] for key in ("stream", "period", "state", "population", "rejected", "labels")}
    return kept | {
        "sample": {key: result["sample"][key] for key in ("n", "strata", "digest")},
        "raw": {key: result["raw"][key] for key in MEASURED},
        "served": {key: result["served"][key] for key in MEASURED},
        "change": {key: result["change"][key] for key in CHANGE},
        "refit": refit,
        "certificates": [
            {key: value for key, value in one.items() if key in CERTIFICATE} for one in result["certificates"]
        ],
        "alerts": sorted((alert["kind"], alert["id"]) for alert in result["alerts"]),
    }


def name_of_alert(key: str) -> str:
    """The id that every version gives to the alert `stream/period/kind`."""
    return str(uuid.uuid5(uuid.UUID("0c3f7c0e-7d6e-5a65-8d0b-3a0d8f0a5d11"), key))


def differences(found: Any, expected: Any) -> dict[str, tuple[Any, Any]]:
    """Where nested JSON differs: (found, expected) by path.

    Numbers may differ by what another order of the same sums costs. What is found may have more keys.
    """
    now, then = flat(found), flat(expected)
    return {key: (now.get(key, "missing"), then[key]) for key in then if not _alike(now.get(key), then[key])}


def differences_but_for_the_budget(found: Any, expected: Any) -> dict[str, tuple[Any, Any]]:
    """`differences`, without that the change test sees a little less.

    It has .5 of a window's false-alarm budget since 0.2.0, where 0.1.0 gave it .6.
    """
    differ = differences(found, expected)
    for key in [key for key in differ if key.endswith("/minimum_detectable_rise")]:
        now, then = differ[key]
        if then <= now <= 1.1 * then:
            del differ[key]
    return differ


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every number and word of nested JSON by its path."""
    if isinstance(value, dict):
        named = [(f"{path}/{key}", inner) for key, inner in value.items()]
    elif isinstance(value, list | tuple):
        named = [(f"{path}/{i}", inner) for i, inner in enumerate(value)] + [(f"{path}/length", len(value))]
    else:
        return {path: value}
    return {key: word for place, inner in named for key, word in flat(inner, place).items()}


def _alike(found: Any, expected: Any) -> bool:
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (found, expected))
    return math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-9) if numbers else found == expected
