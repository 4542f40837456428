"""Case O10: the client in a process that runs on gevent; for gunicorn see `test_client_processes`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flaky_server import Fault
from service_processes import channel, ended, python, service

TICKING = """
import sys
if sys.argv[2] != "nothing":
    from gevent import monkey
    monkey.patch_all(thread=sys.argv[2] == "all")
import json, time
import gevent
from calib.client import MappingClient

gaps = []
def tick():
    last = time.monotonic()
    while True:
        gevent.sleep(0.01)
        gaps.append(time.monotonic() - last)
        last += gaps[-1]
ticking = gevent.spawn(tick)
gevent.sleep(0)
begin = time.monotonic()
client = MappingClient(sys.argv[1], stream="triage", refresh=0.05, timeout=6)
made = time.monotonic() - begin
if sys.argv[3] == "greenlet":
    gevent.spawn(client.refresh_now).join()
deadline = time.monotonic() + 100
while "cannot be read" not in client.status().reason and time.monotonic() < deadline:
    gevent.sleep(0.01)
print(json.dumps({"made": made, "ticks": len(gaps), "longest": max(gaps), "reason": client.status().reason}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("patched", "who"),
    [("all", "thread"), ("all", "greenlet"), ("without threads", "thread"), ("nothing", "greenlet")],
)
def test_case_o10_polls_do_not_stop_the_other_greenlets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patched: str, who: str
) -> None:
    """A server that does not answer keeps a poll for 6 s; a greenlet goes on ticking every 10 ms."""
    with channel("http", tmp_path, monkeypatch) as web:
        web.server.always = Fault("hang")
        with service(python(TICKING, web.url, patched, who), web) as process:
            output, _ = ended(process)
    seen = json.loads(output)
    assert "cannot be read" in seen["reason"]
    assert seen["made"] < 4  # it does not wait for the first poll
    assert seen["longest"] < 4
    assert seen["ticks"] > 20
