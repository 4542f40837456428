"""PostgreSQL under many workers, restarted in the middle, and restored from a copy: nothing is done twice."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import NOW, World
from in_process import Ran, run_calib
from inbox import Inbox
from postgres import Postgres
from sqlalchemy import Engine, event, select, text, update
from sqlalchemy.exc import TimeoutError as PoolTimeout

from calib import cycle
from calib.alerts import Alert
from calib.db import tables
from calib.db.engine import LIMITS, POOL, open_engine
from calib.db.schema import migrate
from calib.errors import SourceError
from calib.outbox import queue as outbox
from calib.outbox.relay import relay
from calib.period import Period
from calib.store import history
from calib.testing.slack import TOKEN, FakeSlack

WORKERS, ALERTS = 20, 60


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    made = open_engine(postgres_url)
    migrate(made)
    yield made
    made.dispose()


def put(engine: Engine, n: int) -> None:
    with engine.begin() as conn:
        for i in range(n):
            alert = Alert(
                kind="window_missed",
                stream="triage",
                period=f"2026-{i:03}",
                severity="bad",
                facts={"due": NOW.isoformat()},
            )
            outbox.put(conn, alert, now=NOW)


def test_twenty_workers_share_the_work_and_hold_few_connections(
    postgres_server: Postgres, postgres_url: str, engine: Engine
) -> None:
    put(engine, ALERTS)
    inbox, most = Inbox(), 0
    begin = threading.Barrier(WORKERS)

    def work(_: int) -> int:
        nonlocal most
        mine = open_engine(postgres_url)
        begin.wait(60)
        delivered = relay(mine, [inbox], now=lambda: NOW, sleep=lambda _: None).delivered
        if most == 0:
            with postgres_server.connect() as looking:
                mine_only = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
                row = looking.execute(mine_only, [postgres_url.rpartition("/")[2]]).fetchone()
                most = row[0] if row else 0
        mine.dispose()
        return delivered

    with ThreadPoolExecutor(WORKERS) as pool:
        shares = list(pool.map(work, range(WORKERS)))
    assert sum(shares) == ALERTS
    assert Counter(inbox.got) == Counter(set(inbox.got)), "an alert was delivered twice"
    assert len(inbox.got) == ALERTS
    assert 0 < most <= WORKERS * (POOL["pool_size"] + POOL["max_overflow"])


def test_one_process_holds_no_more_than_its_pool(engine: Engine) -> None:
    most = POOL["pool_size"] + POOL["max_overflow"]
    held = [engine.connect() for _ in range(most)]
    pool: Any = engine.pool
    pool._timeout = 0.1  # not half a minute
    with pytest.raises(PoolTimeout):
        engine.connect()
    for connection in held:
        connection.close()
    engine.connect().close()


def test_each_transaction_has_limits_unless_the_server_has_its_own(
    postgres_server: Postgres, postgres_url: str, engine: Engine
) -> None:
    def shown(connected: Engine) -> dict[str, str]:
        with connected.connect() as conn:
            return {name: conn.execute(text(f"SHOW {name}")).scalar_one() for name in LIMITS}

    assert shown(engine) == LIMITS
    database = postgres_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {database} SET lock_timeout = '7s'")
    other = open_engine(postgres_url)
    assert shown(other) == LIMITS | {"lock_timeout": "7s"}
    other.dispose()


def test_who_waits_too_long_for_a_lock_is_told_and_what_holds_it_goes_on(
    postgres_server: Postgres, postgres_url: str, engine: Engine
) -> None:
    database = postgres_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {database} SET lock_timeout = '200ms'")
    impatient = open_engine(postgres_url)
    put(engine, 1)
    change = update(tables.outbox).values(period="2031-01")
    with engine.begin() as holding:
        holding.execute(change)
        with (
            pytest.raises(SourceError, match="another process holds what this one waits for"),
            impatient.begin() as waiting,
        ):
            waiting.execute(change)
    with engine.connect() as conn:
        assert conn.execute(select(tables.outbox.c.period)).scalar_one() == "2031-01"
    impatient.dispose()


def test_migrations_wait_for_each_other_for_as_long_as_it_takes(
    postgres_server: Postgres, postgres_url: str
) -> None:
    database = postgres_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {database} SET lock_timeout = '100ms'")
    from calib.db.schema import LOCK

    first, second = open_engine(postgres_url), open_engine(postgres_url)
    with ThreadPoolExecutor(1) as pool:
        with first.begin() as conn:
            conn.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            migrating = pool.submit(migrate, second)
            time.sleep(0.5)
            assert not migrating.done()
        assert migrating.result(120)[0] is None
    first.dispose()
    second.dispose()


# --- a server that restarts


def crash(server: Postgres) -> None:
    """Kill one of the server's processes: it ends all others and starts anew, as after a power cut."""
    with server.connect() as witness, server.connect() as victim:
        row = victim.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        os.kill(row[0], signal.SIGKILL)
        deadline = time.monotonic() + 60
        with suppress(psycopg.OperationalError):
            while time.monotonic() < deadline:
                witness.execute("SELECT 1")  # it is ended by the server, once that has noticed
                time.sleep(0.02)
            pytest.fail("the server did not notice")
    while True:
        with suppress(psycopg.OperationalError):
            server.connect().close()
            return
        assert time.monotonic() < deadline, "the server did not come back"
        time.sleep(0.05)


@pytest.fixture
def on_postgres(world: World, postgres_url: str) -> World:
    world.settings(head=f'database = "{postgres_url}"')
    return world


def closed_once(world: World) -> None:
    opened = world.open()
    with opened.engine.connect() as conn:
        rows = conn.execute(select(tables.windows.c.period, tables.windows.c.state)).all()
    opened.engine.dispose()
    assert [tuple(row) for row in rows] == [("2026-01", "closed")]
    assert len(history(opened.store, stream="triage", channel="production")) == 1


@pytest.mark.usefixtures("reports_are_not_drawn")
def test_a_server_that_restarts_between_two_transactions_is_not_noticed(
    on_postgres: World, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = on_postgres.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    survey, restarts = ports.traffic.survey, []

    def surveyed(*args: Any, **how: Any) -> Any:
        restarts.append(1)
        crash(postgres_server)
        return survey(*args, **how)

    monkeypatch.setattr(ports.traffic, "survey", surveyed)
    window = cycle.open_window(watch, ports, Period.parse("2026-01", "month"), channel="production")
    cycle.advance(window, ports)
    assert restarts
    ports.engine.dispose()
    closed_once(on_postgres)


@pytest.mark.usefixtures("reports_are_not_drawn")
@pytest.mark.parametrize("statement", ["INSERT INTO items", "INSERT INTO labels", "UPDATE windows"])
def test_a_server_that_restarts_in_a_transaction_undoes_it_and_the_next_run_ends_it(
    on_postgres: World, postgres_server: Postgres, statement: str
) -> None:
    opened = on_postgres.open()
    watch, ports = opened.watch("triage"), opened.ports("triage")
    done: list[str] = []

    def restart(_: Any, __: Any, sql: str, *___: Any) -> None:
        if sql.startswith(statement) and not done:
            done.append(sql)
            crash(postgres_server)

    event.listen(ports.engine, "after_cursor_execute", restart)

    def run() -> None:
        window = cycle.open_window(watch, ports, Period.parse("2026-01", "month"), channel="production")
        cycle.advance(window, ports)

    with pytest.raises(SourceError, match="connection was lost"):
        run()
    assert done
    run()
    ports.engine.dispose()
    closed_once(on_postgres)


# --- restored from a copy (FAULTS 25)


@pytest.mark.slow
@pytest.mark.usefixtures("reports_are_not_drawn")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_after_a_restore_nothing_is_sent_or_published_again(
    world: World,
    kind: str,
    postgres_server: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A copy is made, a month later everything is lost but the copy: the month ends as it had ended."""
    with postgres_server.database() as one, postgres_server.database() as other, FakeSlack() as slack:
        old, new = (
            (f"sqlite:///{tmp_path / name}" for name in ("old.db", "new.db"))
            if kind == "sqlite"
            else (postgres_server.url(one), postgres_server.url(other))
        )
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        slack_head = f'\n[slack]\nbase_url = "{slack.url}"\n'
        world.settings(head=f'database = "{old}"{slack_head}')
        world.write("2026-02", accuracy=lambda raw: raw - 0.45)

        def calib(*words: Any) -> Ran:
            return run_calib(monkeypatch, capsys, *words)

        def run(period: str) -> dict[str, Any]:
            done = calib("run", "triage", "--period", period, "--json", "--config", world.config)
            assert done.code == 0, done.err
            result: dict[str, Any] = done.json
            return result

        run("2026-01")
        copy = tmp_path / "copy.jsonl"
        made = calib("db", "dump", "--to", copy, "--json", "--config", world.config)
        assert made.code == 0, made.err
        assert copy.stat().st_mode & 0o077 == 0
        first = run("2026-02")
        assert first["refit"]["published"]
        assert first["alerts"]
        sent, log = list(slack.messages), world.open().store
        entries = history(log, stream="triage", channel="production")

        world.settings(head=f'database = "{new}"{slack_head}')
        back = calib("db", "restore", copy, "--json", "--config", world.config)
        assert (back.code, back.json["rows"]) == (0, made.json["rows"]), back.err
        assert calib("db", "check", "--config", world.config).code == 0
        again = run("2026-02")

        assert [alert["delivered"] for alert in again["alerts"]] == [True] * len(first["alerts"])
        assert [alert["id"] for alert in again["alerts"]] == [alert["id"] for alert in first["alerts"]]
        assert slack.messages == sent, "an alert was sent again"
        assert history(log, stream="triage", channel="production") == entries, "published again"
        for part in ("sample", "change", "refit", "labels", "state"):
            assert again[part] == first[part]
