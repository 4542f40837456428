"""The watchdog over a whole deployment: jobs, probes, alerts and the store; each finding once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update

from calib.alerts import Alert
from calib.alerts.message import message
from calib.cycle import Deployment, PartlyDone, watch_deployment
from calib.db import jobs, tables
from calib.outbox import queue as outbox
from calib.testing.review import database_in_memory
from calib.testing.store import FaultyStore

START = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVERY = {"sample": DAY, "evaluate": DAY, "relay": 5 * MINUTE, "erase": DAY, "probe": DAY}


class Overwriting(FaultyStore):
    """A store that takes If-None-Match and ignores it."""

    def create(self, key: str, data: bytes) -> None:
        self.objects[key] = data


@pytest.fixture
def deployment() -> Deployment:
    return Deployment(
        engine=database_in_memory(), store=FaultyStore(), store_name="memory:", streams=True, probes={}
    )


def found(deployment: Deployment, at: datetime, *kinds: str) -> list[tuple[str, str]]:
    """What the watchdog finds, of these kinds where some are named."""
    findings = watch_deployment(deployment, now=lambda: at)
    return [(one["kind"], one["period"]) for one in findings if not kinds or one["kind"] in kinds]


def ran(engine: Engine, *names: str, at: datetime) -> None:
    with engine.begin() as conn:
        for name in names:
            jobs.ran(conn, name, at=at)


def told(engine: Engine) -> list[dict[str, Any]]:
    query = select(tables.outbox.c.payload).order_by(tables.outbox.c.created_at, tables.outbox.c.kind.desc())
    with engine.connect() as conn:
        return list(conn.execute(query).scalars())


@pytest.mark.parametrize("job", [name for name in EVERY if name != "probe"])
def test_a_job_is_missed_a_day_after_it_should_have_ended_and_told_once(
    deployment: Deployment, job: str
) -> None:
    others = [name for name in EVERY if name not in (job, "probe")]
    assert found(deployment, START) == []  # now it is known that they are expected
    missed_at = START + EVERY[job] + DAY
    ran(deployment.engine, *others, at=missed_at)
    assert found(deployment, missed_at - MINUTE) == []
    for hours in range(3):
        assert found(deployment, missed_at + hours * HOUR) == [("job_missed", "2026-11-02T09:30")]
    (payload,) = told(deployment.engine)
    assert payload["facts"]["job"] == job
    text = message(payload).text
    assert f"`calib {job}` should run" in text
    assert "has never run since it was expected, 2026-11-02 09:30 UTC" in text
    ran(deployment.engine, job, at=missed_at + 3 * HOUR)
    assert found(deployment, missed_at + 4 * HOUR) == []


def test_the_next_outage_of_a_job_is_another_alert(deployment: Deployment) -> None:
    names = [name for name in EVERY if name != "probe"]
    ran(deployment.engine, *names, at=START)
    later = START + 3 * DAY
    ran(deployment.engine, "sample", "erase", "relay", at=later)
    assert found(deployment, later) == [("job_missed", "2026-11-02T09:30")]
    ran(deployment.engine, *names, at=later)
    assert found(deployment, later) == []
    ran(deployment.engine, "sample", "erase", "relay", at=later + 3 * DAY)
    assert found(deployment, later + 3 * DAY, "job_missed") == [("job_missed", "2026-11-05T09:30")]
    assert "last came to its end at 2026-11-05 09:30 UTC" in message(told(deployment.engine)[1]).text


def test_jobs_are_expected_where_there_is_something_to_do(deployment: Deployment) -> None:
    late = START + 4 * DAY
    bare = replace(deployment, streams=False)
    found(bare, START)
    found(bare, late)
    assert sorted(p["facts"]["job"] for p in told(bare.engine)) == ["erase", "relay"]
    asked = replace(bare, engine=database_in_memory(), probes={"sums": ("day", "UTC")})
    found(asked, START)
    found(asked, late)
    assert sorted(p["facts"]["job"] for p in told(asked.engine)) == ["erase", "probe", "relay"]


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(sorted(EVERY)), st.integers(0, 400)), max_size=40))
def test_a_job_never_goes_back(moments: list[tuple[str, int]]) -> None:
    """Runs may end in any order; the latest one counts."""
    engine = database_in_memory()
    latest: dict[str, int] = {}
    with engine.begin() as conn:
        for name, hour in moments:
            jobs.ran(conn, name, at=START + hour * HOUR)
            latest[name] = max(hour, latest.get(name, 0))
        known = {job.job: job.ran_at for job in jobs.expect(conn, EVERY, now=START)}
    assert known == {name: START + latest[name] * HOUR if name in latest else None for name in EVERY}
    engine.dispose()


# --- the store


def test_a_store_that_refuses_holds_one_object_and_is_no_finding(deployment: Deployment) -> None:
    store: Any = deployment.store
    for hours in range(3):
        assert found(deployment, START + hours * HOUR) == []
    assert store.objects == {"calibwatch-check.json": b'{"format":"calibwatch.check/1"}'}


def test_a_store_that_stops_refusing_is_told_once_until_it_refuses_again(deployment: Deployment) -> None:
    found(deployment, START)
    broken = replace(deployment, store=Overwriting())
    ran(deployment.engine, *EVERY, at=START + 8 * DAY)
    for hours in (1, 2, 50):
        assert found(broken, START + hours * HOUR, "store_unsafe") == [("store_unsafe", "2026-11-02T09:30")]
    payload = told(deployment.engine)[0]
    assert "memory: took other bytes for the object calibwatch-check.json" in message(payload).text
    mended: Any = FaultyStore()
    mended.objects = dict(broken.store.objects)  # type: ignore[attr-defined]
    assert found(replace(deployment, store=mended), START + 51 * HOUR, "store_unsafe") == []
    assert found(broken, START + 52 * HOUR, "store_unsafe") == [("store_unsafe", "2026-11-04T12:30")]


def test_a_store_that_is_down_hides_nothing_else(deployment: Deployment) -> None:
    store: Any = deployment.store
    store.down = True
    ran(deployment.engine, "sample", "erase", "relay", at=START + 3 * DAY)
    with pytest.raises(PartlyDone):
        watch_deployment(deployment, now=lambda: START)
    with pytest.raises(PartlyDone) as caught:
        watch_deployment(deployment, now=lambda: START + 3 * DAY)
    assert [one["kind"] for one in caught.value.done] == ["job_missed"]  # type: ignore[index]


# --- alerts that nobody has


def put(engine: Engine, at: datetime, *, state: str = "pending", kind: str = "degraded") -> None:
    alert = Alert(kind=kind, stream="triage", period=f"{at:%Y-%m-%dT%H:%M}", severity="bad", facts={})
    with engine.begin() as conn:
        outbox.put(conn, alert, now=at)
        conn.execute(update(tables.outbox).where(tables.outbox.c.id == alert.id).values(state=state))


def test_what_waits_for_a_day_or_is_parked_is_found_and_told_once(deployment: Deployment) -> None:
    put(deployment.engine, START)
    put(deployment.engine, START + 20 * HOUR, state="delivered")
    ran(deployment.engine, *EVERY, at=START + 2 * DAY)
    assert found(deployment, START + DAY - MINUTE) == []
    for hours in (24, 25, 49):  # the alert itself waits too by then
        assert found(deployment, START + hours * HOUR) == [("alerts_parked", "2026-11-02T09:30")]
    assert [p["kind"] for p in told(deployment.engine)].count("alerts_parked") == 1
    put(deployment.engine, START + 49 * HOUR, state="parked")
    assert found(deployment, START + 49 * HOUR) == [("alerts_parked", "2026-11-02T09:30")]
    with deployment.engine.begin() as conn:
        conn.execute(update(tables.outbox).values(state="delivered"))
    assert found(deployment, START + 50 * HOUR) == []
    told_once = next(p for p in told(deployment.engine) if p["kind"] == "alerts_parked")
    assert told_once["facts"] == {"parked": 0, "waiting": 1, "oldest": START.isoformat()}
    assert "2026-11-02" in message(told_once).text


def test_a_parked_alert_is_found_at_once(deployment: Deployment) -> None:
    put(deployment.engine, START, state="parked")
    assert found(deployment, START) == [("alerts_parked", "2026-11-02T09:30")]


# --- probes


def probe_run(
    engine: Engine, period: str, opened: datetime, *, finished: bool = True, digest: str = "a"
) -> None:
    row = {
        "probe": "sums",
        "period": period,
        "setup_digest": digest,
        "setup": {},
        "opened_at": opened,
        "finished_at": opened if finished else None,
    }
    with engine.begin() as conn:
        conn.execute(insert(tables.probe_runs).values(**row))


@pytest.fixture
def probed(deployment: Deployment) -> Deployment:
    ran(deployment.engine, *EVERY, at=START + 30 * DAY)
    return replace(deployment, probes={"sums": ("day", "UTC")})


MIDNIGHT = datetime(2026, 11, 4, tzinfo=UTC)


def test_a_probe_is_missed_a_day_after_its_period(probed: Deployment) -> None:
    assert found(probed, MIDNIGHT) == []  # never asked: that is for the job
    probe_run(probed.engine, "2026-11-02", START)
    assert found(probed, MIDNIGHT + DAY - MINUTE) == []
    assert found(probed, MIDNIGHT + DAY) == [("window_missed", "2026-11-03")]
    (payload,) = told(probed.engine)
    text = message(payload).text
    assert "Its questions were not asked; they should have been by 2026-11-04" in text
    assert "`calib probe sums` asks them now" in text
    probe_run(probed.engine, "2026-11-05", MIDNIGHT + 30 * HOUR)  # what the alert says to do
    assert found(probed, MIDNIGHT + 31 * HOUR, "window_missed") == []


def test_a_run_of_a_probe_that_does_not_end_is_found(probed: Deployment) -> None:
    probe_run(probed.engine, "2026-11-02", START)
    probe_run(probed.engine, "2026-11-03", START + DAY, finished=False)
    assert found(probed, MIDNIGHT + DAY) == [("window_missed", "2026-11-03")]
    assert "the run has not ended" in message(told(probed.engine)[0]).text
    probe_run(probed.engine, "2026-11-03", START + DAY, digest="b")  # asked otherwise, to its end
    assert found(probed, MIDNIGHT + DAY) == []


def test_a_monthly_probe_that_hangs_is_found_long_before_the_month_is_over(probed: Deployment) -> None:
    monthly = replace(probed, probes={"sums": ("month", "UTC")})
    probe_run(monthly.engine, "2026-11", START, finished=False)
    assert found(monthly, START + 2 * DAY - MINUTE) == []
    assert found(monthly, START + 2 * DAY) == [("window_missed", "2026-11")]
