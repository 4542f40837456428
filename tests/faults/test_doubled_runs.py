"""A run that is doubled changes nothing: whoever is faster, the window and the channel come out the same."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from conftest import NOW, World
from interleaving import PauseAt
from log_records import Records
from remembered_traffic import TrafficMemory

from calib import cycle
from calib.cycle import Ports
from calib.db import windows
from calib.db.windows import Window
from calib.outbox import queue as outbox
from calib.period import Period
from calib.review import queue
from calib.settings import load
from calib.store import Intent, Store, history, mappings, promote

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("reports_are_not_drawn")]
PERIOD = "2026-02"
PROCESSES, ROUNDS = 5, 3
DATABASES = ["sqlite", "postgresql"]
FILES = 'review = { kind = "files" }'
LATER = NOW + timedelta(days=30)  # the window waits for labels no longer


Copy = Callable[[World, str], World]
RunAll = Callable[[list[str], TrafficMemory], list[tuple[str, Any]]]


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str | None:
    """The URL of a database that is not the folder's own; None for SQLite in the folder."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["outcomes", "queue"])
def due(request: pytest.FixtureRequest, world: World, database: str | None) -> World:
    """A degraded month whose window can be taken from its first step to its last; one month came before."""
    world.write(PERIOD, accuracy=lambda s: s - 0.45)
    review = FILES if request.param == "queue" else None
    world.settings(head="" if database is None else f'database = "{database}"', review=review)
    ports, window = open_month(world, "2026-01")
    if request.param == "queue":  # opened before January publishes: what was served is reconstructed anew
        late_ports, late = open_month(world, PERIOD)
        answer(world, late_ports, late)
        late_ports.engine.dispose()
    answer(world, ports, window)
    cycle.advance(window, ports)
    ports.engine.dispose()
    return world


@pytest.fixture
def copy_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """Copies of a world with all that it holds, its database too."""
    with ExitStack() as databases:

        def copy(world: World, name: str) -> World:
            copied = World(tmp_path_factory.mktemp(name) / "w")
            shutil.copytree(world.folder, copied.folder)
            url = load(world.config).database
            if url.startswith("postgresql"):
                server = request.getfixturevalue("postgres_server")
                made = databases.enter_context(server.database(template=url.rpartition("/")[2]))
                copied.config.write_text(copied.config.read_text().replace(url, server.url(made)))
            return copied

        yield copy


def open_month(world: World, period: str) -> tuple[Ports, Window]:
    opened = world.open(LATER)
    watch, ports = opened.watch("triage"), opened.ports("triage")
    named = Period.parse(period, watch.kind)
    return ports, cycle.open_window(watch, ports, named, channel=cycle.PRODUCTION, replay=True)


def answer(world: World, ports: Ports, window: Window) -> None:
    """Give every row of a window that people review its true label."""
    if window.settings["outcomes"]:
        return
    import pyarrow.parquet as pq

    table = pq.read_table(world.folder / "traffic" / f"{window.period}.parquet")
    right = dict(zip(table["prediction_id"].to_pylist(), table["correct"].to_pylist(), strict=True))
    with ports.engine.begin() as conn:
        for id_, item in queue.items_of(conn, window.id).items():
            words = "correct" if right[id_] else "incorrect"
            queue.label(conn, item_id=item, answer=words, by="ana", at=NOW, source="files")


def run(world: World, pause: PauseAt | None = None, traffic: TrafficMemory | None = None) -> dict[str, Any]:
    """What `calib run` does, but for the delivery of alerts."""
    opened = world.open(LATER)
    watch, ports = opened.watch("triage"), opened.ports("triage")
    if traffic is not None:
        ports = traffic.ports(ports)
    watched = ports if pause is None else pause.ports(ports)
    period = Period.parse(PERIOD, watch.kind)
    window = cycle.open_window(watch, watched, period, channel=cycle.PRODUCTION, replay=True)
    result = cycle.summary(cycle.advance(window, watched), watched).to_json()
    ports.engine.dispose()
    return result


def left_behind(world: World) -> dict[str, Any]:
    """Everything that a run leaves in the database and the store."""
    opened = world.open(LATER)
    with opened.engine.connect() as conn:
        window = windows.find(conn, "triage", PERIOD)
        assert window is not None
        told = outbox.of_window(conn, "triage", PERIOD)
    opened.engine.dispose()
    log = history(opened.store, stream="triage", channel=cycle.PRODUCTION)
    return {
        "state": window.state,
        "result": window.result,
        "alerts": [alert["kind"] for alert in told],
        "log": [(entry.generation, entry.mapping, entry.reason) for entry in log],
        "mappings": sorted(mappings(opened.store, stream="triage")),
    }


def test_a_second_run_inside_the_first_changes_nothing(
    due: World, database: str | None, copy_of: Copy, records: Records
) -> None:
    calm = copy_of(due, "calm")
    counter, traffic = PauseAt(0, lambda: None), TrafficMemory()
    alone = run(calm, counter, traffic)
    assert alone["state"] == "closed"
    assert alone["refit"]["published"]
    expected = left_behind(calm)
    assert len(expected["log"]) == 2
    assert counter.steps >= 20, "the run has fewer steps than it must: the ports are not counted"
    every = (
        1 if database is None else 3
    )  # the steps are the same on each database, and each run takes a second
    for k in range(1, counter.steps + 1, every):
        world = copy_of(due, f"at{k}")
        inner: list[dict[str, Any]] = []

        def second(world: World = world, inner: list[dict[str, Any]] = inner) -> None:
            inner.append(run(world, traffic=traffic))

        outer = run(world, PauseAt(k, second), traffic)
        assert inner == [alone], f"the inner run, at step {k}"
        assert outer == alone, f"the outer run, at step {k}"
        assert left_behind(world) == expected, f"at step {k}"
    records.has("cycle", "overtaken", period=PERIOD)


def test_a_person_who_moves_the_channel_inside_a_run_is_not_undone(
    due: World, copy_of: Copy, records: Records
) -> None:
    """A person moves the channel, and a second run comes by, in the middle of the first run."""
    counter, traffic = PauseAt(0, lambda: None), TrafficMemory()
    run(copy_of(due, "calm"), counter, traffic)
    for k in range(1, counter.steps + 1, 3):
        world = copy_of(due, f"person{k}")

        def person(world: World = world) -> None:
            opened = world.open(LATER)
            promote_as_a_person(opened.store)
            run(world, traffic=traffic)

        result = run(world, PauseAt(k, person), traffic)
        found = left_behind(world)
        ours = [entry for entry in found["log"] if entry[2] == f"refit on {PERIOD}"]
        assert len(ours) <= 1, f"published twice, at step {k}"
        assert result["refit"]["published"] is bool(ours), f"the window and the channel differ, at step {k}"
        assert found["state"] == "closed"
    assert records.has("cycle", "stood_back", period=PERIOD).levelname == "INFO"


def promote_as_a_person(store: Store) -> None:
    last = history(store, stream="triage", channel=cycle.PRODUCTION)[-1]
    intent = Intent(
        publish_id="a person's own", at=LATER, by="ana", reason="checked by hand", expires_at=None
    )
    promote(store, stream="triage", digest=last.mapping, channel=cycle.PRODUCTION, intent=intent)


def worker(folders: Any, barrier: Barrier, said: Any) -> None:
    """Run the cycle in each folder that comes, at the same moment as the others; None ends it."""
    while (task := folders.get()) is not None:
        folder, traffic = task
        barrier.wait(timeout=300)
        try:
            said.put((folder, run(World(Path(folder)), traffic=traffic)))
        except BaseException as error:  # noqa: BLE001  the parent reports it
            said.put((folder, repr(error)))


@pytest.fixture(scope="module")
def five_processes() -> Iterator[RunAll]:
    """Runs the cycle in each folder by five processes at once; what each of them answered."""
    spawn = multiprocessing.get_context("spawn")
    barrier, said = spawn.Barrier(PROCESSES), spawn.Queue()
    folders = [spawn.Queue() for _ in range(PROCESSES)]
    processes = [
        spawn.Process(target=worker, args=(waiting, barrier, said), daemon=True) for waiting in folders
    ]
    for process in processes:
        process.start()

    def run_all(names: list[str], traffic: TrafficMemory) -> list[tuple[str, Any]]:
        for name in names:
            for waiting in folders:
                waiting.put((name, traffic))
        return [said.get(timeout=300) for _ in range(PROCESSES * len(names))]

    yield run_all
    for waiting in folders:
        waiting.put(None)
    for process in processes:
        process.join(timeout=60)


def test_five_processes_on_one_window_end_like_one(due: World, copy_of: Copy, five_processes: RunAll) -> None:
    calm, traffic = copy_of(due, "calm"), TrafficMemory()
    alone, expected = run(calm, traffic=traffic), left_behind(calm)
    worlds = [copy_of(due, f"round{i}") for i in range(ROUNDS)]
    answers = five_processes([str(world.folder) for world in worlds], traffic)
    assert len(answers) == PROCESSES * ROUNDS
    assert [answer for answer in answers if answer[1] != alone] == []
    for world in worlds:
        assert left_behind(world) == expected
