"""One look at a window reads everything once, and labels that arrive by themselves cost few statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import NOW, World
from sqlalchemy import Engine, event

from calib import cycle
from calib.cycle.design import Design
from calib.period import Period
from calib.review import queue


def opened(world: World, month: str) -> Any:
    deployment = world.open(NOW)
    policy, ports = deployment.watch("triage"), deployment.ports("triage")
    period = Period.parse(month, "month")
    return cycle.open_window(policy, ports, period, channel="production", replay=True), ports


@contextmanager
def statements(engine: Engine) -> Iterator[Counter[str]]:
    """Counts SQL statements, each row of a repeated one, by their first word."""
    counted: Counter[str] = Counter()

    def count(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        repeated = many and isinstance(parameters, list)
        counted[statement.split()[0]] += len(parameters) if repeated else 1

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        event.remove(engine, "before_cursor_execute", count)


def test_a_window_is_loaded_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    window, ports = opened(world, "2026-01")
    cycle.advance(window, ports)
    window, ports = opened(world, "2026-02")
    decoded: list[Any] = []
    read: list[int] = []
    decode, cohort = Design.from_json, queue.cohort

    def counted_decode(values: Any) -> Design:
        decoded.append(values["sizes"])
        return decode(values)

    def counted_cohort(conn: Any, window_id: int, **labels: Any) -> Any:
        read.append(window_id)
        return cohort(conn, window_id, **labels)

    monkeypatch.setattr(Design, "from_json", counted_decode)
    monkeypatch.setattr(queue, "cohort", counted_cohort)
    assert cycle.advance(window, ports).state == "closed"
    assert sorted(read) == sorted(set(read))
    assert window.id in read
    assert len(read) == len(decoded) == 2  # its own, and its baseline's


def test_five_thousand_outcomes_cost_fewer_than_two_hundred_statements(world: World) -> None:
    world.write("2026-01", n=6000)
    world.config.write_text(world.config.read_text().replace("labels = 300", "labels = 5000"))
    window, ports = opened(world, "2026-01")
    with statements(ports.engine) as counted:
        closed = cycle.advance(window, ports)
    assert cycle.summary(closed, ports).labels.n == 5000
    assert counted["UPDATE"] >= 1
    assert sum(counted.values()) < 200
