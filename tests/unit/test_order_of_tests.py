"""Slow tests are dealt out to the processes, the longest first; no test is lost, and files stay together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_of_tests import LONGEST, in_order


def an_item(file: str, number: int = 0, *, slow: bool = True) -> Any:
    marks = {"slow": object()} if slow else {}
    return SimpleNamespace(path=Path(file), number=number, get_closest_marker=marks.get)


def pieces_of_xdist(items: list[Any], processes: int) -> list[list[Any]]:
    """As `WorkStealingScheduling.check_schedule` of xdist 3.8 cuts."""
    pieces, left = [], list(items)
    for i in range(processes):
        size = len(left) // (processes - i)
        pieces.append(left[:size])
        left = left[size:]
    return pieces


def test_each_process_begins_with_its_share_of_the_slow_ones() -> None:
    fast = [an_item("test_fast.py", i, slow=False) for i in range(50)]
    short = [an_item(f"test_short_{i}.py") for i in range(6)]
    long = [an_item(name) for name in ("test_tutorial.py", "test_demo.py", "test_year.py")]
    first, second = pieces_of_xdist(in_order([*fast, *short, *long], 2), 2)
    assert [t.path.name for t in first[:2]] == ["test_demo.py", "test_fast.py"]  # longer than all others
    names = ["test_year.py", "test_tutorial.py", "test_short_0.py"]
    assert [t.path.name for t in second[:3]] == names
    assert [t for t in (*first, *second) if t.path.name == "test_fast.py"] == fast


@given(
    st.lists(st.tuples(st.sampled_from(["a.py", "b.py", "test_demo.py", "test_year.py"]), st.booleans())),
    st.integers(1, 5),
)
def test_no_test_is_lost_or_run_twice(tests: list[tuple[str, bool]], processes: int) -> None:
    items = [an_item(file, i, slow=slow) for i, (file, slow) in enumerate(tests)]
    ordered = in_order(items, processes)
    assert sorted(item.number for item in ordered) == list(range(len(items)))  # type: ignore[attr-defined]


def test_slow_tests_of_one_file_are_in_one_process() -> None:
    slow = [an_item(f"test_{i % 7}.py", i) for i in range(70)]
    items = [*slow, *(an_item("test_fast.py", i, slow=False) for i in range(300))]
    pieces = pieces_of_xdist(in_order(items, 3), 3)
    where = [{t.path for t in piece if t.path.name != "test_fast.py"} for piece in pieces]
    assert sum(len(files) for files in where) == 7
    assert all(where)


def test_one_process_runs_them_as_they_stand() -> None:
    items = [
        an_item("test_fast.py", slow=False),
        an_item("test_demo.py"),
        an_item("test_fast.py", slow=False),
    ]
    assert in_order(items, 1) == items


def test_a_run_of_slow_tests_alone_is_cut_evenly() -> None:
    items = [an_item(f"test_{i % 3}.py", i) for i in range(10)]
    assert len(in_order(items, 4)) == 10


def test_the_longest_files_are_there(pytestconfig: pytest.Config) -> None:
    files = {path.name for path in (Path(pytestconfig.rootpath) / "tests").rglob("test_*.py")}
    assert files >= set(LONGEST)
