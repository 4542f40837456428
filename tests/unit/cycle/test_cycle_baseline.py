"""Which earlier windows a window is compared with."""

from __future__ import annotations

from typing import Any

import pytest
from alert_results import result
from window_values import POLICY, window_row

from calib.cycle.baseline import Baseline, choose
from calib.db.windows import Window
from calib.results import Measured
from calib.results.window import ChangeResult, SegmentResult


def month(number: int, *, model: str = "a", **changed: Any) -> Window:
    """The closed window of a month; its id is the month."""
    settings = POLICY.to_json() | {"scope": {"model": model}}
    return window_row(f"2026-{number:02d}", settings=settings, **{"id": number} | changed)


def chosen(*newest_first: Window, model: str = "a") -> Baseline:
    return choose(newest_first, scope={"model": model})


def test_six_windows_are_pooled_and_the_first_one_stays_the_anchor() -> None:
    found = chosen(*(month(number) for number in range(9, 0, -1)))
    assert found.pooled == (9, 8, 7, 6, 5, 4)
    assert found.anchor == 1
    assert chosen(month(1)).anchor is None


def test_another_scope_ends_the_baseline_even_where_the_old_one_came_back() -> None:
    found = chosen(month(4), month(3, model="b"), month(2), month(1))
    assert found.pooled == (4,)
    assert found.anchor is None
    assert chosen(month(2, model="b"), month(1)).pooled == ()


def test_a_confirmed_change_is_the_first_of_the_new_baseline() -> None:
    found = chosen(month(4), month(3, resets_baseline=True), month(2))
    assert found.pooled == (4, 3)


@pytest.mark.parametrize("state", ["insufficient", "in_review", "evaluated"])
def test_windows_that_are_not_closed_are_passed_over(state: str) -> None:
    assert chosen(month(3), month(2, state=state), month(1)).pooled == (3, 1)


def test_a_segments_baseline_begins_at_its_own_change() -> None:
    part = SegmentResult(
        population=9, labels=9, raw=Measured(), served=Measured(), change=None, gap_pooled=None
    )
    changed = {
        "refunds": SegmentResult(
            population=9,
            labels=9,
            raw=Measured(),
            served=Measured(),
            change=ChangeResult(state="degraded"),
            gap_pooled=None,
        ),
        "billing": part,
    }
    told = month(2, result=result("no_change_seen", segments=changed).to_json())
    assert chosen(month(3), told, month(1)).segments == {"refunds": (3, 2)}


def test_a_baseline_is_read_as_it_was_written_and_as_older_versions_wrote_it() -> None:
    found = Baseline(pooled=(3, 2), anchor=1, segments={"a": (3,)})
    assert Baseline.from_json(found.to_json()) == found
    assert Baseline.from_json({"pooled": [1], "anchor": None}).segments == {}
    assert found.ids == (3, 2, 1)
    assert Baseline(pooled=(3, 2), anchor=2, segments={}).ids == (3, 2)
