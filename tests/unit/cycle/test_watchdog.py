"""The watchdog over a real database and store: what it finds, when, and once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import World
from queues import window_row
from sqlalchemy import select

from calib.cycle import PartlyDone, watch_over
from calib.db import tables, windows
from calib.testing.mappings import a_mapping, put

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
OCTOBER_DUE = datetime(2026, 11, 2, tzinfo=UTC)  # the end of the month, and 24 hours to settle
CLOSES = datetime(2026, 11, 16, tzinfo=UTC)


def found(world: World, now: datetime) -> list[tuple[str, str]]:
    opened = world.open(now)
    findings = watch_over(opened.watch("triage"), opened.ports("triage"))
    return [(finding["kind"], finding["period"]) for finding in findings]


def add(world: World, period: str, **columns: Any) -> None:
    with world.open().engine.begin() as conn:
        windows.insert_new(conn, **window_row(period) | columns)


def test_a_period_is_missed_a_day_after_it_could_have_been_opened(world: World) -> None:
    add(world, "2026-09", state="closed")
    assert found(world, OCTOBER_DUE + DAY - SECOND) == []
    assert found(world, OCTOBER_DUE + DAY) == [("window_missed", "2026-10")]


@pytest.mark.parametrize(
    ("state", "late"),
    [("sampled", True), ("in_review", True), ("evaluated", True), ("closed", False), ("insufficient", False)],
)
def test_a_window_is_late_a_day_after_it_should_have_closed_if_it_is_open(
    world: World, state: str, late: bool
) -> None:
    add(world, "2026-10", state=state, closes_at=CLOSES)
    assert found(world, CLOSES + DAY - SECOND) == []
    assert found(world, CLOSES + DAY) == ([("cohort_late", "2026-10")] if late else [])


def served_until(world: World, expires_at: datetime) -> None:
    put(world.open().store, a_mapping(), expires_at=expires_at)


def test_a_mapping_is_about_to_expire_a_week_before(world: World) -> None:
    add(world, "2026-10", state="closed")
    served_until(world, CLOSES)
    assert found(world, CLOSES - 7 * DAY - SECOND) == []
    assert found(world, CLOSES - 7 * DAY) == [("mapping_stale", "2026-11-16")]


def test_each_finding_is_one_alert_however_often_it_is_found(world: World) -> None:
    add(world, "2026-09", state="sampled", closes_at=CLOSES)
    served_until(world, CLOSES)
    for hours in range(3):
        assert len(found(world, CLOSES + DAY + timedelta(hours=hours))) == 3
    with world.open().engine.connect() as conn:
        kinds = conn.execute(select(tables.outbox.c.kind)).scalars().all()
    assert sorted(kinds) == ["cohort_late", "mapping_stale", "window_missed"]


def test_windows_are_looked_at_though_the_store_is_damaged(world: World) -> None:
    add(world, "2026-09", state="closed")
    served_until(world, CLOSES)
    for path in (world.folder / "mappings").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"{}")
    with pytest.raises(PartlyDone) as caught:
        found(world, OCTOBER_DUE + DAY)
    assert caught.value.done == [{"kind": "window_missed", "stream": "triage", "period": "2026-10"}]
