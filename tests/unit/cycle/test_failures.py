"""Something outside that fails all streams is one alert; a stream's own error is an alert of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from queues import database
from sqlalchemy import Engine, delete, select

from calib.alerts import DEPLOYMENT, NOTE
from calib.alerts.message import message
from calib.cycle import Failure, PartlyDone, record_failures
from calib.db import tables
from calib.errors import InvalidInput, SourceError, StudioUnreachable, Unavailable, UnexpectedError

NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)
STREAMS = [f"s{i}" for i in range(6)]
# By what failed: how its error is made. The last two are the fault of one stream alone.
KINDS = {
    "s3://maps": lambda: Unavailable("x").at("s3://maps"),
    "postgresql://me:***@db/logs": lambda: SourceError("x").at("postgresql://me:***@db/logs"),
    "http://studio": lambda: StudioUnreachable("x").at("http://studio"),
    "disk": lambda: OSError(28, "No space left on device"),
    "disk of a flow": lambda: UnexpectedError("x", kind=OSError),
    "settings": lambda: InvalidInput("x"),
    "program": lambda: KeyError("x"),
}
OWN = ("settings", "program")
SAME = {"disk of a flow": "disk"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return database(tmp_path_factory.mktemp("failures"))


@pytest.fixture(autouse=True)
def emptied(engine: Engine) -> None:
    empty(engine)


def empty(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(delete(tables.outbox))


def tell(
    engine: Engine,
    errors: dict[str, Exception],
    *,
    verb: str = "evaluate",
    whole: bool = True,
    now: datetime = NOW,
) -> None:
    failures = [Failure(stream=name, period=None, error=error) for name, error in errors.items()]
    record_failures(engine, failures, now=lambda: now, verb=verb, whole=whole)


def stored(engine: Engine, kind: str = "stream_failed") -> list[Any]:
    query = select(tables.outbox).where(tables.outbox.c.kind == kind).order_by(tables.outbox.c.created_at)
    with engine.connect() as conn:
        return list(conn.execute(query).all())


def down(streams: Sequence[str]) -> dict[str, Exception]:
    return {name: KINDS["s3://maps"]() for name in streams}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(STREAMS), st.sampled_from([*KINDS])), max_size=4))
def test_each_cause_is_told_once_however_the_runs_of_a_day_meet_it(
    engine: Engine, runs: list[dict[str, str]]
) -> None:
    """Runs of single streams, as events start them: nothing is said to work again."""
    empty(engine)
    for run in runs:
        tell(engine, {name: KINDS[kind]() for name, kind in run.items()}, whole=False)
    met: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for name, kind in run.items():
            met[SAME.get(kind, kind)].add(name)
    alerts = [(row.stream, row.payload["facts"]) for row in stored(engine)]
    common = [facts for name, facts in alerts if name == DEPLOYMENT]
    shared = {kind for kind, names in met.items() if kind not in OWN and len(names) > 1}
    at_once = {
        SAME.get(kind, kind)
        for run in runs
        for kind in KINDS
        if kind not in OWN and len([name for name, other in run.items() if other == kind]) > 1
    }
    places = [facts["place"] or "disk" for facts in common]
    assert len(places) == len(set(places))
    assert at_once <= set(places) <= shared
    # everybody with a fault of his own has his alert, and for what is shared at most the first has one
    with_own_fault = {name for kind in OWN for name in met[kind]}
    alone = [name for name, _ in alerts if name != DEPLOYMENT]
    assert with_own_fault <= set(alone)
    assert len(alone) == len(set(alone))
    assert len([name for name in alone if name not in with_own_fault]) <= len(
        [k for k in met if k not in OWN]
    )
    for kind, names in met.items():  # nobody's failure is passed over in silence
        for name in names - set(alone):
            assert kind in places, name


def test_fifty_streams_without_a_store_are_one_message_that_ends_when_it_works(engine: Engine) -> None:
    fleet = [f"stream-{i:02d}" for i in range(50)]
    tell(engine, down(fleet) | {"typo": InvalidInput("no column")})
    tell(engine, down(fleet), verb="watchdog", now=NOW + timedelta(hours=1))
    common, own = sorted(stored(engine), key=lambda row: row.stream)
    assert (common.stream, own.stream) == (DEPLOYMENT, "typo")
    said = message(common.payload).text
    assert said.startswith("all streams 2026-11-28: the work on 50 streams failed for one cause.")
    assert "store of mappings s3://maps could not be reached" in said
    assert "stream-00, stream-01" in said
    assert "stream-11 and 38 more." in said
    assert "stream-12" not in said

    tell(engine, down(fleet[:1]), whole=True, now=NOW + timedelta(hours=2))
    tell(engine, {}, verb="watchdog", now=NOW + timedelta(hours=3))  # it was `evaluate` that failed
    tell(engine, {}, whole=False, now=NOW + timedelta(hours=3))  # one stream says nothing about the others
    assert stored(engine, NOTE) == []
    for hours in (4, 5):
        tell(engine, {"typo": InvalidInput("no column")}, now=NOW + timedelta(hours=hours))
    (note,) = stored(engine, NOTE)
    assert note.about == common.id
    assert "s3://maps works again: `calib evaluate` did not fail because of it" in message(note.payload).text
    assert len(stored(engine)) == 2


def test_what_fails_again_after_it_worked_is_told_again(engine: Engine) -> None:
    for hour, failing in enumerate([True, False, True, True, False]):
        tell(engine, down(["a", "b"]) if failing else {}, now=NOW + timedelta(hours=hour))
    assert [row.stream for row in stored(engine)] == [DEPLOYMENT] * 2
    assert len(stored(engine, NOTE)) == 2
    tell(engine, down(["a", "b"]), now=NOW + timedelta(days=1))
    tell(engine, down(["a", "b"]), now=NOW + timedelta(days=2))
    assert len(stored(engine)) == 4
    tell(engine, {}, now=NOW + timedelta(days=3))
    assert len(stored(engine, NOTE)) == 3  # one line, beside the newest


def test_a_stream_with_both_kinds_of_failure_is_named_in_both(engine: Engine) -> None:
    parts = [
        Failure(stream="a", period="2026-10", error=error) for error in (*down("a").values(), KeyError())
    ]
    both = PartlyDone([], parts, parts=2)
    tell(engine, {"a": both, DEPLOYMENT: KINDS["s3://maps"](), "b": KINDS["s3://maps"]()})
    names = {row.stream: row.payload["facts"] for row in stored(engine)}
    assert set(names) == {"a", DEPLOYMENT}
    assert names["a"]["error"] == "KeyError"
    assert names[DEPLOYMENT]["streams"] == ["a", "b"]


def test_a_database_that_is_down_is_logged_once_for_each_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = database(tmp_path)
    engine.dispose()
    (tmp_path / "calib.db").unlink()
    (tmp_path / "calib.db").mkdir()
    tell(engine, {"a": InvalidInput("hunter2"), "b": KeyError("hunter2")})
    assert caplog.text.count("could not be stored (SourceError)") == 2
    assert "hunter2" not in caplog.text
