"""How long the pages take while reviewers work, on SQLite and PostgreSQL.

One process of `calib web` over 200 streams with 24 closed windows each, and 100,000 rows that wait for
labels. 20 reviewers label, each every few seconds, while two people look at one page after the other. All of
them are real clients of HTTP in this process, which shares the machine's cores with the server.

    python -m benchmarks.web [--database sqlite|postgresql] [--streams 200] [--items 100000]
                             [--reviewers 20] [--seconds 30]

Without --database both are measured; PostgreSQL is started on loopback, as the tests do it. It prints for
each kind of page the number of requests and the median and the 95th percentile of their time in milliseconds,
the processor time of one such request while nobody else asks, how long a new process takes until the page of
all streams is complete, and which share of a core the server used. Other work on the machine makes the times
longer, and the processor's time not.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.web_fleet import make_fleet, stream_names, token

ROOT = Path(__file__).resolve().parents[1]
THINKING = (2.0, 5.0)  # seconds that a reviewer takes for a label
EACH = 25  # requests over which processor time is counted, in ticks of 10 ms
LOOKING = 0.1  # seconds between two pages of somebody who looks around
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class Times:
    """The seconds that requests took, by kind of page."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._lock = threading.Lock()
        self.wrong: list[str] = []

    def get(self, client: httpx.Client, kind: str, path: str) -> httpx.Response:
        """Ask for a page; anything but 200 is wrong."""
        began = time.perf_counter()
        answer = client.get(path)
        self._note(kind, time.perf_counter() - began, answer, 200)
        return answer

    def post(self, client: httpx.Client, kind: str, path: str, fields: dict[str, str]) -> httpx.Response:
        """Send a form; anything but a redirect is wrong."""
        began = time.perf_counter()
        answer = client.post(path, data=fields)
        self._note(kind, time.perf_counter() - began, answer, 303)
        return answer

    def _note(self, kind: str, seconds: float, answer: httpx.Response, status: int) -> None:
        with self._lock:
            self._seconds[kind].append(seconds)
            if answer.status_code != status:
                self.wrong.append(f"{answer.request.url}: {answer.status_code}\n{answer.text[:2000]}")

    def show(self, processor: dict[str, float]) -> None:
        """Print a line for each kind of page; `processor`: the seconds of processor time of one."""
        print(f"{'page':<28}{'requests':>9}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'cpu ms':>9}")
        for kind, seconds in sorted(self._seconds.items()):
            cuts = statistics.quantiles(seconds, n=20) if len(seconds) > 1 else seconds * 20
            print(
                f"{kind:<28}{len(seconds):>9}{1e3 * statistics.median(seconds):>9.1f}{1e3 * cuts[-1]:>9.1f}"
                f"{1e3 * max(seconds):>9.1f}{1e3 * processor[kind] if kind in processor else math.nan:>9.1f}"
            )


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """`calib web` in a process of its own; its address and process id."""
    command = [sys.executable, "-m", "calib", "web", "--port", "0", "--json"]
    with subprocess.Popen(
        [*command, "--config", folder / "calib.toml"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def visitor(url: str, name: str) -> httpx.Client:
    """A client that is signed in."""
    port = httpx.URL(url).port
    # a connection that the server is about to close is not used again: a browser would send it once more
    limits = httpx.Limits(keepalive_expiry=1)
    cookies = {f"calib_session_{port}": token(name)}
    return httpx.Client(base_url=url, cookies=cookies, timeout=60, limits=limits)


def work(url: str, name: str, stream: str, times: Times, stop: threading.Event, seed: int) -> None:
    """Label as a person does: look at an item, think, answer."""
    rng = random.Random(seed)
    with visitor(url, name) as client:
        stop.wait(rng.uniform(0, THINKING[1]))
        while not stop.is_set():
            html = times.get(client, "review: an item", f"/review/{stream}").text
            start = html.index(f'action="/review/{stream}/label"')
            fields = dict(HIDDEN.findall(html[start : html.index("</form>", start)]))
            stop.wait(rng.uniform(*THINKING))
            answer = rng.choice(["correct"] * 8 + ["incorrect", "unsure"])
            times.post(client, "review: a label", f"/review/{stream}/label", fields | {"answer": answer})


def paths(names: list[str], rng: random.Random) -> dict[str, str]:
    """A page of each kind that an admin may open."""
    name = rng.choice(names)
    month = f"{rng.randint(2025, 2026)}-{rng.randint(1, 9):02d}"
    return {
        "all streams": f"/streams?page={rng.randint(1, 4)}",
        "all streams, by name": f"/streams?q={name[-2:]}",
        "a stream": f"/streams/{name}",
        "a window": f"/streams/{name}/windows/{month}",
        "versions": f"/streams/{name}/versions",
        "alerts": "/alerts",
        "alerts of a stream": f"/streams/{name}/alerts",
        "ledger": "/ledger",
        "review: all streams": "/review",
        "review: an item": f"/review/{name}",
    }


def look(url: str, names: list[str], times: Times, stop: threading.Event, seed: int) -> None:
    """Open one page after the other, as an admin."""
    rng = random.Random(seed)
    with visitor(url, "boss") as client:
        while not stop.is_set():
            kind, path = rng.choice(list(paths(names, rng).items()))
            times.get(client, kind, path)
            stop.wait(LOOKING)


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processor_times(url: str, pid: int, names: list[str]) -> dict[str, float]:
    """The seconds of processor time that the server takes for each kind of page, nobody else asking."""
    rng, used = random.Random(1), {}
    with visitor(url, "boss") as client:
        for kind in paths(names, rng):
            before = cpu_seconds(pid)
            for _ in range(EACH):
                client.get(paths(names, rng)[kind]).raise_for_status()
            used[kind] = (cpu_seconds(pid) - before) / EACH
    return used


def complete(url: str) -> float:
    """The seconds until the page of all streams has read every one of them."""
    began = time.perf_counter()
    with visitor(url, "boss") as client:
        while "refresh" in client.get("/streams").headers:
            time.sleep(0.5)
    return time.perf_counter() - began


def measure(database: str, asked: argparse.Namespace, folder: Path) -> None:
    """Fill one database, serve it, and print what the pages take."""
    began = time.perf_counter()
    app = make_fleet(
        folder, database=database, streams=asked.streams, items=asked.items, people=asked.reviewers
    )
    if app.engine.dialect.name == "postgresql":
        with app.engine.connect() as conn:  # which PostgreSQL does by itself a minute after rows have come
            conn.exec_driver_sql("ANALYZE")
            conn.commit()
    app.engine.dispose()
    print(f"\n{database.partition(':')[0]}: filled in {time.perf_counter() - began:.0f} s")
    names, times, stop = stream_names(asked.streams), Times(), threading.Event()
    with served(folder) as (url, pid):
        print(f"a new process has read all streams after {complete(url):.1f} s")
        threads = [
            threading.Thread(target=work, args=(url, f"reviewer-{i}", names[i % len(names)], times, stop, i))
            for i in range(asked.reviewers)
        ]
        threads += [threading.Thread(target=look, args=(url, names, times, stop, -i)) for i in (1, 2)]
        used, began = cpu_seconds(pid), time.perf_counter()
        for thread in threads:
            thread.start()
        stop.wait(asked.seconds)
        stop.set()
        for thread in threads:
            thread.join()
        share = (cpu_seconds(pid) - used) / (time.perf_counter() - began)
        processor = processor_times(url, pid, names)
    print(f"the server used {share:.0%} of a core")
    if times.wrong:
        raise SystemExit(f"{len(times.wrong)} answers were wrong; the first: {times.wrong[0]}")
    times.show(processor)


def main() -> None:
    """Measure one database or both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    for name, default in (("streams", 200), ("items", 100_000), ("reviewers", 20), ("seconds", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.database != "postgresql":
            measure("sqlite:///calib.db", asked, Path(folder) / "sqlite")
        if asked.database != "sqlite":
            sys.path.insert(0, str(ROOT / "tests"))
            from postgres import postgres

            with postgres() as server, server.database() as name:
                measure(server.url(name), asked, Path(folder) / "postgresql")


if __name__ == "__main__":
    main()
