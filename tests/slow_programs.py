"""Which tests are slow: whole folders, whatever asks for a server, and whatever starts `calib` or Prefect.

Imported by conftest.py, where pytest finds the hooks. Folders and servers are marked here, by what a test
asks for. A program is not seen before it starts: a test that starts one without being marked slow fails, or
`make fast` would become slow one test at a time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from object_servers import MOTO
from order_of_tests import in_order, processes_of

PROGRAMS = {"calib", "prefect", "initdb", "chromedriver", "weed", "azurite"}
FOLDERS = {"integration", "simulations", "real", "upgrade"}  # each of their tests is slow
EVIDENTLY = "test_evidently"  # how files begin that import it, which takes as long as all others together
SERVERS = {"postgres_server", "s3_server", "seaweedfs_server", "azure_server", "chromium"}  # fixtures
KINDS = {"postgresql", "s3", "seaweedfs", "azure"}  # parameters for which a fixture asks for one of these
FAST = "not slow"  # what `make fast` asks pytest for
_running: list[pytest.Item] = []


def is_slow_program(command: Any) -> bool:
    """Whether a command starts one of the programs: by itself, as a module of Python's, or by a helper."""
    words = [str(word) for word in command] if isinstance(command, (list, tuple)) else [str(command)]
    modules = {after for option, after in pairwise(words) if option == "-m"}
    started = {Path(word).name for word in words if "/" in word}
    return bool((started | {words[0]} | modules) & PROGRAMS) or MOTO in words


def refuse_in_fast_tests(event: str, arguments: tuple[Any, ...]) -> None:
    """Python calls this before it starts a program; what is raised here is raised there."""
    if event != "subprocess.Popen" or not _running or not is_slow_program(arguments[1]):
        return
    if _running[-1].get_closest_marker("slow") is None:
        raise AssertionError(f"{_running[-1].nodeid} starts {arguments[1]}: mark it with pytest.mark.slow")


def is_slow_place(path: Path, root: Path) -> bool:
    """Whether every test in a file or folder is slow."""
    return path.name.startswith(EVIDENTLY) or bool(FOLDERS & set(path.relative_to(root).parts))


def asks_for_a_server(item: pytest.Item) -> bool:
    """Whether a test starts a server by a fixture, or by a parameter of one."""
    if SERVERS & set(getattr(item, "fixturenames", ())):
        return True
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(isinstance(value, str) and value in KINDS for value in values)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where the slow tests are left out, files that hold no other are not even imported."""
    if config.option.markexpr == FAST and is_slow_place(collection_path, config.rootpath):
        return True
    return None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    mark_slow(items)
    try:
        return (yield)
    finally:  # what is left out by -m and -k is gone
        items[:] = in_order(items, processes_of(config))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than there are cores where slow tests run, since some of them only wait for long."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if config.option.markexpr == FAST else cores + 1


def mark_slow(items: list[pytest.Item]) -> None:
    """Mark the tests that are slow by where they are and by what they ask for."""
    for item in items:
        if is_slow_place(item.path, item.config.rootpath) or asks_for_a_server(item):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def pytest_sessionstart() -> None:
    sys.addaudithook(refuse_in_fast_tests)
