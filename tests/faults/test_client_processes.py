"""Case O9: the client in services that fork and start programs, as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flaky_server import Fault
from object_servers import free_port
from service_processes import (
    PATIENCE,
    ROOT,
    Channel,
    ask,
    channel,
    command_line,
    descendants,
    ended,
    gone,
    python,
    service,
    wait_for,
)

from calib.testing.mappings import a_mapping

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts processes in /proc")


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    with channel("http", tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(params=["file", "http", "s3"])
def everywhere(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Channel]:
    with channel(request.param, tmp_path, monkeypatch) as made:
        yield made


# ---- children that never call the client: nothing starts in them

PARENT = """
import json, os, pathlib, subprocess, sys, threading, time
from calib.client import MappingClient

def below(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]

def report():
    "What runs in this child that nobody asked for, after a time in which it would have shown."
    time.sleep(0.7)
    return {"threads": threading.active_count() - 1, "processes": len(below(os.getpid()))}

ASK = '''
import json, os, pathlib, time
time.sleep(0.7)
tasks = pathlib.Path(f"/proc/{os.getpid()}/task").glob("*/children")
children = [child for task in tasks for child in task.read_text().split()]
print(json.dumps({"threads": 0, "processes": len(children)}))
'''
RUN = [sys.executable, "-c", ASK]

def main():
    clients = [MappingClient(sys.argv[1], stream="triage", refresh=0.05) for _ in range(3)]
    while any(client.status().state != "FRESH" for client in clients):
        time.sleep(0.01)
    print(json.dumps(children()))
    assert all(client.status().state == "FRESH" for client in clients)
"""
CHILDREN = {
    "uvloop": """
import asyncio, uvloop
def children():
    async def run():
        many = [asyncio.create_subprocess_exec(*RUN, stdout=subprocess.PIPE) for _ in range(3)]
        return [json.loads((await (await each).communicate())[0]) for each in many]
    return uvloop.run(run())
""",
    "preexec_fn": """
def children():
    many = [subprocess.Popen(RUN, stdout=subprocess.PIPE, preexec_fn=os.getpid) for _ in range(3)]
    return [json.loads(each.communicate()[0]) for each in many]
""",
    "subprocess": """
def children():
    return [json.loads(subprocess.run(RUN, stdout=subprocess.PIPE).stdout)]
""",
    "os.fork": """
def children():
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.write(theirs, json.dumps(report()).encode())
        os._exit(0)
    os.wait()
    return [json.loads(os.read(ours, 1000))]
""",
    **{
        method: f"""
import multiprocessing
def children():
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        return [pool.apply(report), pool.apply(report)]
"""
        for method in ("fork", "spawn", "forkserver")
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("how", CHILDREN)
def test_case_o9_nothing_starts_in_a_child_that_does_not_call_the_client(
    web: Channel, tmp_path: Path, how: str
) -> None:
    script = tmp_path / "service.py"
    script.write_text(PARENT + CHILDREN[how] + '\nif __name__ == "__main__":\n    main()\n')
    quiet = ["-W", "ignore:This process:DeprecationWarning"]
    with service([sys.executable, "-W", "default", *quiet, str(script), web.url], web) as process:
        output, _ = ended(process)
    reports = json.loads(output)
    assert reports
    assert reports == [{"threads": 0, "processes": 0}] * len(reports)


# ---- children that do call it: they poll on

FORKED = """
import os, sys, time
from calib.client import MappingClient
client = MappingClient(sys.argv[1], stream="triage", refresh=0.05, timeout=5)
def wait(generation):
    deadline = time.monotonic() + 100
    while client.status().generation != generation or client.status().state != "FRESH":
        if time.monotonic() > deadline: sys.exit(f"{os.getpid()}: {client.status()}")
        time.sleep(0.01)
wait(1)
for depth in range(3):  # a child, its own child, and that one's
    child = os.fork()
    if child: break
    client.refresh_now()
else:
    print("forked", flush=True)
wait(2)
assert client.calibrate(1.0).status == "FRESH"
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.slow
def test_case_o9_forked_children_poll_on_down_to_the_third(everywhere: Channel) -> None:
    """Over a network by a process that reads; none of these outlives whom it reads for."""
    with service(python(FORKED, everywhere.url), everywhere) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "forked\n"
        below = descendants(process.pid)
        assert len(below) == (3 if everywhere.url.startswith("file") else 6)
        everywhere.publish(1)
        ended(process)
    wait_for(lambda: all(gone(pid) for pid in below), "a process was left behind")


KILLED = """
import os, sys, time
from calib.client import MappingClient
client = MappingClient(sys.argv[1], stream="triage", refresh=0.05)
while client.status().state != "FRESH": time.sleep(0.01)
if os.fork() == 0:
    client.refresh_now()
    if os.fork() == 0:  # it has the reader's socket, too, and never calls
        print("ready", flush=True)
        time.sleep(600)
    time.sleep(600)
os.wait()
"""


@pytest.mark.slow
def test_case_o9_a_killed_child_takes_its_reading_process_with_it(web: Channel) -> None:
    """Though a child of that child lives on, which has inherited whatever it had open."""
    with service(python(KILLED, web.url), web) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (child,) = [pid for pid in descendants(process.pid) if len(descendants(pid)) == 2]
        (reader,) = [pid for pid in descendants(child) if "fork_worker" in command_line(pid)]
        (grandchild,) = descendants(child) - {reader}
        os.kill(child, signal.SIGKILL)
        wait_for(lambda: gone(reader), "the reading process outlives the one that it read for")
        assert not gone(grandchild)


WHILE_POLLING = """
import os, sys, time
from calib.client import MappingClient
client = MappingClient(sys.argv[1], stream="triage", refresh=0.05, timeout=60)
while client.status().state != "FRESH": time.sleep(0.01)
print("fresh", flush=True)
sys.stdin.readline()  # a poll hangs now, and its thread holds the client's lock
child = os.fork()
if child == 0:
    begin = time.monotonic()
    assert client.calibrate(1.0).mapping
    assert time.monotonic() - begin < 30
    while client.status().generation != 2:
        if time.monotonic() - begin > 100: sys.exit("no poll came to an end in the child")
        time.sleep(0.01)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("done", flush=True)
os._exit(0)
"""


@pytest.mark.slow
def test_case_o9_a_fork_while_a_poll_is_under_way(web: Channel) -> None:
    command = python(WHILE_POLLING, web.url)
    environment = web.environment | {"PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "fresh\n"
            web.publish(1)
            # the whole poll of generation 2 may be under way: only the very next request must hang
            web.server.gets.append(Fault("hang"))
            wait_for(lambda: not web.server.gets, "no poll came")
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
        finally:
            process.kill()


# ---- the end of a process

MANY = """
import sys
if sys.argv[3] == "gevent":
    from gevent import monkey
    monkey.patch_all()
import os, time
from calib.client import MappingClient
many = [MappingClient(sys.argv[1], stream=f"stream-{i}", refresh=0.05, timeout=30) for i in range(30)]
if sys.argv[2] == "polled":
    while any(client.status().state == "INITIALIZING" for client in many): time.sleep(0.01)
if sys.argv[3] == "forked":
    import obstore  # if no poll has come so far yet
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    for client in many: client.status()
    if sys.argv[2] == "polled":
        while any("has no entry of" not in client.refresh_now().reason for client in many): time.sleep(0.01)
if sys.argv[2] == "hanging": time.sleep(1)
print("ending", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["here", "forked", "gevent"])
@pytest.mark.parametrize("when", ["polled", "hanging"])
def test_case_o9_thirty_clients_end_quickly(web: Channel, when: str, where: str) -> None:
    """With polls at rest, and with polls that wait for a server that does not answer."""
    if when == "hanging":
        web.server.always = Fault("hang")
    with service(python(MANY, web.url, when, where), web) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ending\n"
        begin = time.monotonic()
        ended(process)
        assert time.monotonic() - begin < 25  # a request may take 30


ENDING = """
import atexit, os, pathlib, sys
def children():
    tasks = pathlib.Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]
atexit.register(lambda: print(len(children())))  # registered first, so called last
from calib.client import MappingClient
client = MappingClient(sys.argv[1], stream="triage", background=False)
client.refresh_now()
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
assert client.refresh_now().state == "FRESH"
assert len(children()) == 1
"""


@pytest.mark.slow
def test_case_o9_a_reading_process_ends_before_the_one_that_it_reads_for(web: Channel) -> None:
    """Python warns of a process that still runs when its own ends, at times."""
    with service(python(ENDING, web.url), web) as process:
        assert ended(process)[0] == "0\n0\n"


# ---- gunicorn

APPLICATION = """
import json, os, sys
from calib.client import MappingClient

client = MappingClient(os.environ["STORE"], stream="triage", refresh=0.1, timeout=5)

def application(environ, start_response):
    status = client.status()
    answer = {"pid": os.getpid(), "state": status.state, "generation": status.generation,
              "value": client.calibrate(1.0).value, "reason": status.reason}
    body = json.dumps(answer).encode()
    start_response("200 OK", [("Content-Length", str(len(body))), ("Connection", "close")])
    return [body]
"""


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
@pytest.mark.parametrize(("preload", "kind"), [(True, "http"), (True, "s3"), (True, "file"), (False, "http")])
def test_case_o9_gunicorn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: str, preload: bool, kind: str
) -> None:
    """Two workers; both serve, both follow the channel, and nothing is left when the server ends."""
    (tmp_path / "service_app.py").write_text(APPLICATION)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-w", "2", "-k", worker]
    command += ["--preload"] * preload + ["--worker-tmp-dir", str(tmp_path), "--no-control-socket"]
    command += ["--graceful-timeout", "5", "service_app:application"]
    with channel(kind, tmp_path, monkeypatch) as where:
        where.environment["STORE"] = where.url
        with service(command, where, tmp_path) as process:
            served: dict[int, dict[str, Any]] = {}

            def both(generation: int) -> bool:
                answer = ask(port)
                if answer:
                    served[answer["pid"]] = answer
                now = [each for each in served.values() if each["generation"] == generation]
                return len(now) == 2

            wait_for(lambda: both(1), served)
            where.publish(1)
            wait_for(lambda: both(2), served)
            wait_for(lambda: ask(port)["state"] == "FRESH", served)
            assert {each["value"] for each in served.values()} == {a_mapping(1).apply(1.0)}
            below = descendants(process.pid)
            process.terminate()
            _, errors = process.communicate(timeout=PATIENCE)
        noise = [word for word in ("Traceback", "Exception ignored", "panicked", "SIGKILL") if word in errors]
        assert noise == [], errors
        wait_for(lambda: all(gone(pid) for pid in below), "a process was left behind")


ASGI = (
    APPLICATION[: APPLICATION.index("def application")]
    + """
import asyncio

async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    status = client.status()
    started = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    answer = {"pid": os.getpid(), "state": status.state, "generation": status.generation,
              "code": await started.wait(), "loop": type(asyncio.get_running_loop()).__module__}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
"""
)


@pytest.mark.slow
def test_case_o9_uvicorn_on_uvloop_with_two_workers_that_start_programs(web: Channel, tmp_path: Path) -> None:
    (tmp_path / "service_app.py").write_text(ASGI)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--port", str(port), "--workers", "2", "--loop", "uvloop"]
    web.environment["STORE"] = web.url
    with service([*command, "--lifespan", "off", "service_app:application"], web, tmp_path) as process:
        wait_for(lambda: ask(port).get("state") == "FRESH", process.args)
        web.publish(1)
        wait_for(lambda: ask(port)["generation"] == 2, process.args)
        assert [ask(port)[name] for name in ("loop", "code")] == ["uvloop", 0]
        below = descendants(process.pid)
        assert [pid for pid in below if "fork_worker" in command_line(pid)] == []
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in errors, errors
    wait_for(lambda: all(gone(pid) for pid in below), "a process was left behind")
