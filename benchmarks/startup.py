"""What the verbs that touch database or store alone cost before they do anything: seconds of CPU.

    python benchmarks/startup.py [RUNS]

Each verb runs in a process of its own, once to warm the caches and then RUNS times (5). The medians of user
and system time are printed beside those of `python -c pass` and of the imports that no verb can do without.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SETTINGS = """
[streams.support-triage]
traffic = "csv:traffic.csv"
review = { kind = "files" }
"""
TRAFFIC = "prediction_id,ts,raw_confidence\n1,2020-01-01T00:00:00Z,0.5\n"
VERBS = (
    ("relay",),
    ("watchdog",),
    ("evaluate",),
    ("sample",),
    ("labels", "export", "support-triage"),
    ("labels", "import", "answers.csv", "--stream", "support-triage"),
    ("mapping", "list", "support-triage"),
    ("mapping", "history", "support-triage"),
    ("mapping", "verify", "support-triage"),
    ("routes", "support-triage"),
)
IMPORTS = ("typer", "pydantic_settings", "sqlalchemy", "sqlalchemy, pydantic_settings, typer")


def cpu(command: list[str], folder: Path, runs: int) -> tuple[float, float, int]:
    """The median user and system seconds, and the exit code."""
    spent = []
    code = 0
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code = subprocess.run(command, cwd=folder, capture_output=True).returncode
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime))
    user, system = zip(*spent[1:], strict=True)
    return statistics.median(user), statistics.median(system), code


def main(runs: int) -> None:
    """Print one line for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "calib.toml").write_text(SETTINGS)
        (folder / "traffic.csv").write_text(TRAFFIC)
        (folder / "answers.csv").write_text("prediction_id,answer\n")
        print(f"{'':34} user + sys = CPU, exit")
        for code in ("pass", *(f"import {module}" for module in IMPORTS)):
            line("python -c " + repr(code), cpu([sys.executable, "-c", code], folder, runs))
        # A first run opens the window; what is measured is a schedule that finds nothing to do.
        subprocess.run([sys.executable, "-m", "calib", "sample"], cwd=folder, capture_output=True)
        for words in VERBS:
            command = [sys.executable, "-m", "calib", *words]
            line("calib " + " ".join(words[:2]), cpu(command, folder, runs))


def line(name: str, measured: tuple[float, float, int]) -> None:
    """One row of the table."""
    user, system, code = measured
    print(f"{name:34.34} {user:.2f} + {system:.2f} = {user + system:.2f}, {code}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
