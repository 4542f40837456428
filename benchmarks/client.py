"""What serving costs, side by side with what it replaces: `python benchmarks/client.py`.

Ratios are of the fastest repeats, in the thread's own processor time and taken in turns, so that they mean
something on a busy machine too.
"""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from calib.client import MappingClient
from calib.format import Mapping, PiecewiseLinear
from calib.store import Intent, open_store, publish
from calib.testing.store import FaultyStore

KNOTS, THREADS, SWAPS, ENTRIES = 20, 8, 21, 60
rng = np.random.default_rng(0)


def in_turns(repeats: int, *functions: Callable[[], Any]) -> list[float]:
    """The fastest time of each, in seconds of this thread's own processor time."""
    best = [float("inf")] * len(functions)
    for _ in range(repeats):
        for i in rng.permutation(len(functions)):
            begin = time.thread_time()
            functions[i]()
            best[i] = min(best[i], time.thread_time() - begin)
    return best


def mapping(i: int = 0) -> Mapping:
    """An isotonic-like mapping; mapping `i` makes 0.5 + i / 1000 of a raw 1.0."""
    x = np.unique(np.concatenate([[0.0, 1.0], rng.random(KNOTS - 2)]))
    y = np.sort(np.append(rng.uniform(0.01, 0.5, len(x) - 1), 0.5 + i / 1000))
    curve = PiecewiseLinear(tuple(x.tolist()), tuple(y.tolist()))
    return Mapping(stream="bench", method="isotonic", default=curve, created_at="2026-11-03T06:00:00Z")


def put(store: Any, made: Mapping, i: int) -> None:
    at = datetime.now(UTC)
    publish(
        store,
        made,
        channel="production",
        intent=Intent(
            publish_id=str(i), at=at, by="bench", reason="bench", expires_at=at + timedelta(days=60)
        ),
    )


def one_at_a_time(client: MappingClient, curve: PiecewiseLinear) -> None:
    x, y = curve.x, curve.y
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    raws = rng.random(500).tolist()

    def bare(raw: float) -> float:
        i = bisect_right(x, raw)
        if i == 0:
            return y[0]
        if i == len(x):
            return y[-1]
        return y[i - 1] + (y[i] - y[i - 1]) * ((raw - x[i - 1]) / (x[i] - x[i - 1]))

    assert [client.calibrate(r).value for r in raws] == [bare(r) for r in raws]
    ours, interpolation, sklearn = in_turns(
        200,
        lambda: [client.calibrate(raw) for raw in raws],
        lambda: [bare(raw) for raw in raws],
        lambda: [isotonic.predict([[raw]]) for raw in raws[:10]],
    )
    ours, interpolation, sklearn = ours / len(raws), interpolation / len(raws), sklearn / 10
    print(f"scalar calibrate: {ours * 1e9:.0f} ns")
    print(f"  bare bisect interpolation: {interpolation * 1e9:.0f} ns, ratio {ours / interpolation:.2f}")
    print(f"  IsotonicRegression.predict([[x]]): {sklearn * 1e9:.0f} ns, {sklearn / ours:.0f}x as fast")


def many_at_once(client: MappingClient, curve: PiecewiseLinear) -> None:
    x, y = np.array(curve.x), np.array(curve.y)
    for n in (1_000, 100_000, 1_000_000):
        for what, raw in (
            ("uniform", rng.random(n)),
            ("ten tied levels", rng.choice([0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0], n)),
        ):
            repeats = 2_000_000 // n + 20
            ours, numpy = in_turns(repeats, partial(client.calibrate, raw), partial(np.interp, raw, x, y))
            print(
                f"vector calibrate, {n:9,} {what:15s} {ours / n * 1e9:6.1f} ns a row; "
                f"numpy.interp {numpy / n * 1e9:5.1f}: {numpy / ours:.2f}x its speed"
            )


def imports() -> None:
    code = "import time; begin = time.perf_counter(); import {}; print(time.perf_counter() - begin)"

    def once(module: str) -> float:
        run = [sys.executable, "-c", code.format(module)]
        return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)

    pairs = [(once("calib.client"), once("sklearn.isotonic")) for _ in range(5)]
    ours, sklearn = min(a for a, _ in pairs), min(b for _, b in pairs)
    print(f"import calib.client: {ours * 1e3:.0f} ms, sklearn.isotonic: {sklearn * 1e3:.0f} ms")
    print(f"  ratio {ours / sklearn:.3f}")


class Unfolding:
    """A log in memory that grows by an entry when it is told to."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects, self.end = objects, 1

    def get(self, key: str) -> bytes | None:
        entry = re.search(r"/0001-(\d{12})\.json$", key)
        return None if entry and int(entry[1]) > self.end else self.objects.get(key)


def swaps() -> None:
    """Eight threads at full load while the channel moves: every call answered, each by one mapping."""
    store = FaultyStore()
    made = [mapping(i) for i in range(SWAPS)]
    curves = {m.digest: m for m in made}
    for i, each in enumerate(made):
        put(store, each, i)
    log = Unfolding(store.objects)
    client = MappingClient("file:unused", stream="bench", fetcher=log, background=False)
    client.refresh_now()
    raw = rng.random(64)
    wanted = {digest: m.apply(raw).tolist() for digest, m in curves.items()}
    calls, lost, mixed = [0] * THREADS, [0] * THREADS, [0] * THREADS
    served: list[set[str]] = [set() for _ in range(THREADS)]
    stop = threading.Event()

    def serve(me: int) -> None:
        while not stop.is_set():
            calls[me] += 2
            try:
                one, many = client.calibrate(1.0), client.calibrate(raw)
            except Exception:  # noqa: BLE001  whatever it is, a call was lost
                lost[me] += 1
                continue
            if one.mapping is None or many.mapping is None or "FRESH" not in (one.status, many.status):
                lost[me] += 1
            elif one.value != curves[one.mapping].apply(1.0) or many.value.tolist() != wanted[many.mapping]:
                mixed[me] += 1
            served[me].add(one.mapping or "")

    threads = [threading.Thread(target=serve, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    begin = time.perf_counter()
    for i in range(1, SWAPS):
        log.end = i + 1
        assert client.refresh_now().generation == i + 1
        enough = sum(calls) + 50 * THREADS
        while sum(calls) < enough:
            time.sleep(0.001)
    seconds = time.perf_counter() - begin
    stop.set()
    for thread in threads:
        thread.join()
    seen = len(set().union(*served))
    print(f"{SWAPS - 1} swaps in {seconds:.1f} s under {THREADS} threads at full load, {seen} mappings seen:")
    print(f"  {sum(calls):,} calls, {sum(lost)} lost, {sum(mixed)} mixed")


def cold_start(folder: Path) -> None:
    """An empty cache, a channel of sixty entries, a web server on loopback."""
    store = open_store(f"file:{folder}")
    for i in range(ENTRIES):
        put(store, mapping(i), i)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for url in (f"http://127.0.0.1:{server.server_port}", f"file:{folder}"):
        with TemporaryDirectory() as cache:
            begin = time.perf_counter()
            with MappingClient(url, stream="bench", cache=cache) as client:
                while client.status().state != "FRESH":
                    time.sleep(0.001)
                seconds = time.perf_counter() - begin
                assert client.status().generation == ENTRIES
        print(f"an empty cache and {ENTRIES} entries, {url.partition(':')[0]}: fresh in {seconds:.2f} s")
    server.shutdown()


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = mapping()
        put(open_store(f"file:{folder / 'one'}"), made, 0)
        client = MappingClient(f"file:{folder / 'one'}", stream="bench", background=False)
        assert client.refresh_now().state == "FRESH"
        assert isinstance(made.default, PiecewiseLinear)
        one_at_a_time(client, made.default)
        many_at_once(client, made.default)
        imports()
        swaps()
        cold_start(folder / "cold")


if __name__ == "__main__":
    main()
