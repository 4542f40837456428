"""What 0.1.0 stored of a window is read without its optional keys, and with keys that nobody knows."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from carried import Carried, contract, differences_but_for_the_budget, upgrade
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

# Keys that versions before 0.1.0 did not write, or that 0.1.0 itself reads as optional, by column.
OPTIONAL = {
    "settings": ("double_review",),
    "design": ("judge", "segments"),
    "baseline": ("segments",),
    "result": ("segments", "score_mix", "response", "early_watch", "refit.segments", "refit.pooling"),
}
NUMBERS = st.one_of(st.integers(-9, 9), st.floats(-1, 1))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text("abc é", max_size=5)),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=4,
)
UNKNOWN = st.dictionaries(st.sampled_from(["zz_later", "zz_other", "zz_third"]), VALUES, max_size=2)
CHANGES = st.fixed_dictionaries(
    {column: st.tuples(st.sets(st.sampled_from(keys)), UNKNOWN) for column, keys in OPTIONAL.items()}
)
# Each example runs commands on a copy of the deployment: to make a failing one smaller would take minutes.
SLOW_EXAMPLES = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
BARE = {column: (set(keys), {"zz_later": {"a": [1]}}) for column, keys in OPTIONAL.items()}


def change(database: Path, changes: dict[str, tuple[set[str], dict[str, Any]]], where: str) -> int:
    """Take keys out of the stored JSON of windows and put unknown ones in; how many windows there were."""
    with closing(sqlite3.connect(database)) as connection, connection:
        ids = [row[0] for row in connection.execute(f"select id from windows where {where}")]  # noqa: S608
        for column, (missing, more) in changes.items():
            for id_ in ids:
                query = f"select {column} from windows where id = ?"  # noqa: S608
                (text,) = connection.execute(query, (id_,)).fetchone()
                if text is None:
                    continue
                value = json.loads(text)
                for key in missing:
                    inside = value
                    *outer, last = key.split(".")
                    for name in outer:
                        inside = inside[name]
                    inside.pop(last, None)
                connection.execute(
                    f"update windows set {column} = ? where id = ?",  # noqa: S608
                    (json.dumps(value | more), id_),
                )
    return len(ids)


@pytest.fixture
def copies(carried: Carried, tmp_path: Path) -> Iterator[Carried]:
    """Fresh copies of the deployment, one for each `next`."""

    def make() -> Iterator[Carried]:
        for number in count():
            folder = tmp_path / f"example-{number}"
            shutil.copytree(carried.folder, folder)
            yield replace(carried, folder=folder)

    return make()


@pytest.mark.slow
@settings(SLOW_EXAMPLES, max_examples=20)
@given(changes=CHANGES)
def test_closed_windows_are_read_whatever_optional_keys_they_have(copies: Any, changes: Any) -> None:
    example = next(copies)
    assert change(example.folder / "calib.db", changes, "state = 'closed'") >= 10
    stored = {(w["stream"], w["period"]): w for w in example.expected["windows"] if w["state"] == "closed"}
    for stream, period in (("triage", "2025-12"), ("support", "2026-03"), ("router", "2026-05-30")):
        found = example.done("run", stream, "--period", period)
        assert contract(found) == contract(stored[stream, period])
    routes = example.done("routes", "triage")
    assert routes["labels"] == example.expected["routes"]["triage"]["labels"]


@pytest.mark.slow
@settings(SLOW_EXAMPLES, max_examples=6)
@given(changes=CHANGES)
def test_windows_are_evaluated_whatever_optional_keys_they_and_their_baselines_have(
    copies: Any, changes: Any
) -> None:
    example = next(copies)
    change(example.folder / "calib.db", changes, "stream = 'support'")
    sheet = example.folder / "todo.csv"
    assert example.done("labels", "import", sheet, "--stream", "support", "--by", "maria")["new"] == 64
    goal = {w["period"]: w for w in example.expected["carried_on"]["evaluated"] if w["stream"] == "support"}
    for window in example.done("evaluate", "support")["windows"]:
        then = goal[window["period"]]
        assert window["state"] == then["state"]
        # support has no segments: nothing that is optional there moves its numbers
        for part in ("raw", "served", "change"):
            assert differences_but_for_the_budget(contract(window)[part], contract(then)[part]) == {}


def test_an_evaluated_window_without_any_optional_key_is_carried_on(left: Carried) -> None:
    assert change(left.folder / "calib.db", BARE, "state = 'evaluated'") == 1
    upgrade(left)
    window = left.done("evaluate", "triage")["windows"][0]
    assert window["state"] == "closed"
    assert left.entries("triage") == left.expected["carried_on"]["channels"]["triage/production"]
