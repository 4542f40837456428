"""Thousands of random steps of a stream's life agree with a plain model; planted bugs are found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from life_machine import LifeMachine
from life_model import rules_of_thumb

from calib.alerts.episodes import Turn
from calib.cycle import PartlyDone, lifecycle, load, reopening
from calib.cycle.baseline import choose
from calib.db import windows
from calib.review import window_labels

STEPS = 3_000
EACH = 50  # steps of one life


def run(machine: type[LifeMachine], lives: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=EACH,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_three_thousand_steps_agree_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    rules_of_thumb(monkeypatch)
    machine = type("Sound", (LifeMachine,), {"steps": 0})
    run(machine, 62)
    assert machine.steps >= STEPS, machine.steps


def nothing(*_: Any, **__: Any) -> int:
    return 0


def any_scope(earlier: Any, *, scope: Any) -> Any:
    """A baseline that does not look at whose labels it takes."""
    return choose([window for window in earlier if window.settings["scope"] == scope], scope=scope)


def of_the_period(window: Any, *_: Any) -> str:
    """A publish id that two revisions share."""
    return str(window.period)


def no_episode(*_: Any, **__: Any) -> Turn:
    """A window that begins no episode and ends none."""
    return Turn()


PLANTED: dict[str, tuple[Any, str, Any]] = {
    "no revision stands in the place of another": (windows, "settle_standing", nothing),
    "labels do not come along": (window_labels, "carry_over", nothing),
    "late labels are forgotten": (window_labels, "late_labels", lambda *_: {}),
    "no window waits for another": (lifecycle, "waits_for", lambda *_, **__: ()),
    "an older window moves the channel": (windows, "newer_closed", lambda *_: None),
    "a baseline of any scope": (load, "choose", any_scope),
    "revisions publish under one id": (lifecycle, "window_publish_id", of_the_period),
    "a schedule ends a withdrawal": (lifecycle, "CANDIDATE", "production"),
    "a degradation begins no episode": (lifecycle, "take_turn", no_episode),
    "a degradation does not end the one before": (lifecycle.episodes, "open_of", lambda *_, **__: []),
    "a discarded window is discarded by nobody": (reopening.windows, "discard", nothing),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bugs_are_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rules_of_thumb(monkeypatch)
    target, name, value = PLANTED[bug]
    monkeypatch.setattr(target, name, value)
    machine = type("Broken", (LifeMachine,), {"steps": 0})
    with pytest.raises((AssertionError, BaseExceptionGroup, LookupError, PartlyDone)):
        run(machine, 60)
