"""Results are deleted after the years that the settings say, whole, and nothing that is still needed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from queues import window_row
from sqlalchemy import Engine, insert, select, update

from calib.alerts import Alert
from calib.cycle.old_results import erase_results
from calib.db import tables, windows
from calib.db.health import look
from calib.outbox import deliveries
from calib.outbox import queue as outbox
from calib.period import Period
from calib.policy import LOOK_BACK_PERIODS
from calib.review import queue
from calib.testing.review import database_in_memory

NOW = datetime.fromisoformat("2031-01-15T06:00:00+00:00")
YEAR = timedelta(days=365.25)


def month(back: int) -> Period:
    """The month so many months before December 2030."""
    period = Period.named("2030-12")
    for _ in range(back):
        period = period.previous()
    return period


def add(engine: Engine, period: str, *, stream: str = "triage", state: str = "closed", **columns: Any) -> int:
    with engine.begin() as conn:
        window = windows.insert_new(conn, **window_row(period, stream=stream, state=state) | columns)
        assert window is not None
        queue.enqueue(conn, window, [item(f"{period}-{i}") for i in range(2)])
        items = [id_ for _, id_ in sorted(queue.items_of(conn, window).items())]
        answer = queue.Answer(item_id=items[0], answer="correct", by="ada", at=NOW)
        if state == "sampled":
            queue.label_all(conn, [answer], source="file")
        windows.record_action(conn, window, action="reopened", by="ada", at=NOW, reason="tried")
    return window


def item(id_: str) -> dict[str, Any]:
    return {
        "prediction_id": id_,
        "ts": NOW,
        "stratum": 0,
        "draw_order": "0" * 16,
        "probability": 1.0,
        "raw": 0.9,
        "served": 0.9,
    }


def periods(engine: Engine, stream: str = "triage") -> set[str]:
    with engine.connect() as conn:
        return set(windows.periods(conn, stream))


def erased(engine: Engine, years: float = 2) -> dict[tuple[str, str], int]:
    fleet = erase_results(engine, before=NOW - years * YEAR)
    assert not fleet.failures
    return {(one["stream"], one["what"]): one["erased"] for one in fleet.done}


def test_old_windows_go_with_all_that_refers_to_them(engine: Engine) -> None:
    for back in range(30):
        add(engine, month(back).name)
    assert erased(engine) == {("triage", "windows"): 6}
    assert periods(engine) == {month(back).name for back in range(24)}
    rows = look(engine).rows  # raises where a row refers to none
    assert (rows["windows"], rows["items"], rows["window_actions"]) == (24, 48, 24)
    assert erased(engine) == {}


def test_the_newest_windows_stay_whatever_their_age(engine: Engine) -> None:
    for back in range(40, 60):
        add(engine, month(back).name)
    assert erased(engine) == {("triage", "windows"): 20 - LOOK_BACK_PERIODS}
    assert periods(engine) == {month(back).name for back in range(40, 40 + LOOK_BACK_PERIODS)}


def test_what_is_open_stays_and_what_was_discarded_goes(engine: Engine) -> None:
    for back in range(LOOK_BACK_PERIODS):
        add(engine, month(back).name)
    add(engine, month(40).name, state="sampled")
    add(engine, month(41).name, state="sampled", discarded_at=NOW - YEAR)
    assert erased(engine) == {("triage", "windows"): 1}
    assert month(40).name in periods(engine)
    assert month(41).name not in periods(engine)


def test_alerts_go_once_they_are_delivered(engine: Engine) -> None:
    old = NOW - 3 * YEAR
    with engine.begin() as conn:
        for state in ("delivered", "silenced", "pending", "parked"):
            alert = Alert(kind="degraded", stream="triage", period=state, severity="bad", facts={})
            outbox.put(conn, alert, now=old)
        deliveries.spread(conn, ["slack"], now=old)
        for state in ("delivered", "silenced", "pending", "parked"):
            conn.execute(update(tables.outbox).where(tables.outbox.c.period == state).values(state=state))
    assert erased(engine) == {("triage", "alerts"): 2}
    with engine.connect() as conn:
        assert set(conn.execute(select(tables.outbox.c.state)).scalars()) == {"pending", "parked"}
    look(engine)


def test_a_probe_keeps_what_it_is_compared_with(engine: Engine) -> None:
    with engine.begin() as conn:
        for back in range(36, 42):
            values = {
                "probe": "sums",
                "period": month(back).name,
                "setup_digest": "a",
                "setup": {},
                "opened_at": NOW - timedelta(days=30 * back),
                "accepted_at": NOW if back == 40 else None,
            }
            conn.execute(insert(tables.probe_runs).values(**values))
    assert erased(engine) == {("sums", "probe runs"): 4}
    with engine.connect() as conn:
        kept = set(conn.execute(select(tables.probe_runs.c.period)).scalars())
    assert kept == {month(40).name, month(41).name}  # that was accepted, and that was opened last


AGES = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(["closed", "insufficient", "sampled", "in_review"])),
    max_size=25,
    unique_by=lambda one: one[0],
)


@pytest.mark.slow
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(ages=AGES, years=st.integers(1, 5))
def test_exactly_the_ended_ones_beyond_the_years_and_the_newest_go(
    ages: list[tuple[int, str]], years: int
) -> None:
    engine = database_in_memory()
    for back, state in ages:
        add(engine, month(back).name, state=state)
    erased(engine, years)
    newest = {back for back, _ in sorted(ages)[:LOOK_BACK_PERIODS]}
    expected = {
        month(back).name
        for back, state in ages
        if state in ("sampled", "in_review")
        or back in newest
        or month(back).interval("UTC")[1] >= NOW - years * YEAR
    }
    assert periods(engine) == expected
    look(engine)
    engine.dispose()


@pytest.mark.parametrize("years", ["", "keep_results_years = 2"])
def test_without_the_setting_everything_stays(world: Any, years: str) -> None:
    world.settings(head=years)
    opened = world.open(NOW)
    for back in range(30):
        add(opened.engine, month(back).name)
    opened.erase()
    assert len(periods(opened.engine)) == (24 if years else 30)
