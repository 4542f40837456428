"""Which tests are slow: whole folders, and whatever starts the command line or Prefect as a program.

Imported by conftest.py, where pytest finds the hooks. Such a program takes a second or more to start, and a
test that starts one without being marked slow fails: `make fast` would become slow one test at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = {"calib", "prefect"}
# They take half a minute and more: started last, each would keep one core busy after all others are done.
LONGEST = {
    "test_year.py",
    "test_demo.py",
    "test_real_months.py",
    "test_schedule.py",
    "test_tutorial.py",
    "test_life_machine.py",
}
FOLDERS = {"integration", "simulations", "real", "upgrade"}  # each of their tests is slow
_running: list[pytest.Item] = []


def is_slow_program(command: Any) -> bool:
    """Whether a command starts one of the programs, as a module of Python's or by itself."""
    words = [str(word) for word in command] if isinstance(command, (list, tuple)) else [str(command)]
    modules = {after for option, after in pairwise(words) if option == "-m"}
    return bool(({Path(words[0]).name} | modules) & PROGRAMS)


def refuse_in_fast_tests(event: str, arguments: tuple[Any, ...]) -> None:
    """Python calls this before it starts a program; what is raised here is raised there."""
    if event != "subprocess.Popen" or not _running or not is_slow_program(arguments[1]):
        return
    if _running[-1].get_closest_marker("slow") is None:
        raise AssertionError(f"{_running[-1].nodeid} starts {arguments[1]}: mark it with pytest.mark.slow")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FOLDERS & set(item.path.relative_to(item.config.rootpath).parts):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.path.name not in LONGEST)  # stable: all others keep their order


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def pytest_sessionstart() -> None:
    sys.addaudithook(refuse_in_fast_tests)
