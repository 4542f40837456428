"""In which order tests run: the longest first, and the slow ones dealt out evenly to the processes.

xdist cuts the list of tests into one piece for each process. A process that has no test left takes over some
from the end of another's piece, never from its beginning. So each piece begins with its share of the slow
tests and ends with fast ones. Slow tests of one file stay together, since they share what its fixtures start.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

# Seconds of the slow tests of a file on a machine with two cores; of other files, each counts half a second.
LONGEST = {
    "test_killed_worker.py": 150,  # most of which it waits for signs of life that do not come
    "test_demo.py": 150,
    "test_fleet.py": 120,
    "test_real_false_alarms.py": 95,
    "test_life_machine.py": 80,
    "test_events.py": 70,
    "test_upgrade_keys.py": 70,
    "test_real_months.py": 65,
    "test_images.py": 55,
    "test_year.py": 55,
    "test_schedule.py": 45,
    "test_tutorial.py": 45,
    "test_crash_sweep.py": 45,
    "test_doubled_runs.py": 40,
    "test_stream_properties.py": 30,
    "test_upgrade_postgres.py": 30,
    "test_cli_help.py": 25,
    "test_cli_init.py": 35,
}


def in_order(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """All tests, such that xdist's pieces for so many processes take equally long, as far as is known.

    One process alone runs them as they stand.
    """
    if processes == 1:
        return list(items)
    sizes = [(len(items) + i) // processes for i in range(processes)]  # as xdist cuts, the smaller ones first
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("slow") is not None:
            files.setdefault(item.path, []).append(item)
    pieces: list[list[pytest.Item]] = [[] for _ in sizes]
    seconds = [0.0] * processes
    for path, tests in sorted(files.items(), key=lambda file: -cost(*file)):
        free = [i for i in range(processes) if len(pieces[i]) + len(tests) <= sizes[i]]
        if free:
            soonest = min(free, key=seconds.__getitem__)
            pieces[soonest] += tests
            seconds[soonest] += cost(path, tests)
    placed = {id(item) for piece in pieces for item in piece}
    others = iter([item for item in items if id(item) not in placed])
    for piece, size in zip(pieces, sizes, strict=True):
        piece += [next(others) for _ in range(size - len(piece))]
    return [item for piece in pieces for item in piece]


def cost(path: Path, tests: list[pytest.Item]) -> float:
    return LONGEST.get(path.name, len(tests) / 2)


def processes_of(config: pytest.Config) -> int:
    """How many processes share the tests of this run."""
    worker = getattr(config, "workerinput", {"workercount": 1})
    return int(worker["workercount"])
