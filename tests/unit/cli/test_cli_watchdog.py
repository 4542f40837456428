"""`calib watchdog` over the whole deployment: jobs, the call that says that all is well, and what to do."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import World
from queues import window_row
from sqlalchemy import select, update

from calib.alerts.message import message
from calib.cycle import latest_due
from calib.db import jobs, tables, windows

SECRET = "hunter" + "2-check"
DAY = timedelta(days=1)


class Switch:
    """A dead man's switch on loopback: what was called, and how it answers."""

    def __init__(self) -> None:
        self.status, self.calls = 200, list[str]()
        switch = self

        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                switch.calls.append(self.path)
                self.send_response(switch.status)
                self.send_header("Location", f"{switch.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def switch() -> Iterator[Switch]:
    made = Switch()
    yield made
    made.close()


@pytest.fixture
def healthy(tmp_path: Path, switch: Switch) -> World:
    """A deployment whose jobs run, and of which the newest period that is over has been watched."""
    world, now = World(tmp_path), datetime.now(UTC)
    world.settings(head=f'[notify]\nping = "{switch.url}/{SECRET}"\n')
    opened = world.open(now)
    due = latest_due(opened.watch("triage"), now)
    with opened.engine.begin() as conn:
        windows.insert_new(conn, **window_row(due.name, state="closed"))
        for job in ("sample", "evaluate", "relay", "erase"):
            jobs.ran(conn, job, at=now)
    return world


@pytest.mark.slow
def test_a_run_that_found_nothing_calls_and_one_that_found_something_does_not(
    healthy: World, calib: Any, switch: Switch
) -> None:
    ran = calib("watchdog", "--json", "--config", healthy.config)
    assert (ran.code, ran.json["findings"], ran.json["ping"]) == (0, [], "answered"), ran.err
    assert switch.calls == [f"/{SECRET}"]
    assert SECRET not in ran.out + ran.err
    one = calib("watchdog", "triage", "--json", "--config", healthy.config)
    assert (one.code, one.json["ping"]) == (0, None)  # it did not look at everything
    with healthy.open().engine.begin() as conn:
        conn.execute(update(tables.jobs).values(ran_at=datetime.now(UTC) - 3 * DAY))
    found = calib("watchdog", "--json", "--config", healthy.config)
    assert found.code == 1
    assert {one["kind"] for one in found.json["findings"]} == {"job_missed"}
    assert found.json["ping"] is None
    assert len(switch.calls) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "says"),
    [(500, "status 500"), (302, "status 302, and redirects are not followed"), (404, "status 404")],
)
def test_a_call_that_fails_is_said_and_is_no_finding(
    healthy: World, calib: Any, switch: Switch, status: int, says: str
) -> None:
    switch.status = status
    ran = calib("watchdog", "--config", healthy.config)
    assert (ran.code, ran.out) == (0, "nothing is missing\n")
    assert f"the call of `ping` in [notify] failed: {says}" in ran.err
    assert switch.calls == [f"/{SECRET}"]  # once, and nowhere else
    assert SECRET not in ran.err


@pytest.mark.slow
def test_nobody_there_is_said_too(healthy: World, calib: Any, switch: Switch) -> None:
    switch.close()
    ran = calib("watchdog", "--json", "--config", healthy.config)
    assert (ran.code, ran.json["ping"]) == (0, "no answer (ConnectError)")
    assert SECRET not in ran.out + ran.err


@pytest.mark.parametrize("url", ["http://ping.example/x", "ftp://127.0.0.1/x", "ping.example", "https://"])
def test_an_address_in_the_clear_is_refused_and_not_shown(world: World, calib: Any, url: str) -> None:
    world.settings(head=f'[notify]\nping = "{url}"\n')
    ran = calib("watchdog", "--config", world.config)
    assert ran.code == 2
    assert "notify.ping: write an address that begins with https://" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("job", ["sample", "evaluate", "relay", "erase"])
def test_what_the_alert_of_a_missing_job_says_to_do_ends_it(healthy: World, calib: Any, job: str) -> None:
    opened = healthy.open()
    with opened.engine.begin() as conn:
        late = tables.jobs.c.job == job
        conn.execute(update(tables.jobs).where(late).values(ran_at=datetime.now(UTC) - 3 * DAY))
    found = calib("watchdog", "--json", "--config", healthy.config)
    assert [(one["kind"], one["stream"]) for one in found.json["findings"]] == [("job_missed", f"job {job}")]
    with opened.engine.connect() as conn:
        query = select(tables.outbox.c.payload).where(tables.outbox.c.kind == "job_missed")
        text = message(conn.execute(query).scalar_one()).text
    assert f"`calib {job}` does its work now" in text
    calib(job, "--config", healthy.config)
    assert calib("watchdog", "--json", "--config", healthy.config).json["findings"] == []


@pytest.mark.slow
def test_work_on_one_stream_alone_is_not_the_job(healthy: World, calib: Any) -> None:
    with healthy.open().engine.connect() as conn:
        before = {
            one.job: one.ran_at for one in jobs.expect(conn, ["sample", "evaluate"], now=datetime.now(UTC))
        }
    for verb in ("sample", "evaluate"):
        calib(verb, "triage", "--config", healthy.config)
    with healthy.open().engine.connect() as conn:
        after = {
            one.job: one.ran_at for one in jobs.expect(conn, ["sample", "evaluate"], now=datetime.now(UTC))
        }
    assert after == before
