"""A stream whose windows are months does not become one of weeks, and hurts no other stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from conftest import World
from in_process import run_calib
from stream_life import StreamLife, quick_fits

from calib import cycle
from calib.errors import InvalidInput
from calib.period import Kind, Period

REFUSED = r'triage: period = "{}" in calib.toml, but the windows of this stream are months'


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamLife]:
    quick_fits(monkeypatch)
    made = StreamLife()
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["week", "day"])
def test_another_kind_of_period_is_refused_with_the_way(life: StreamLife, kind: Kind) -> None:
    life.month("2026-01")
    life.write("2026-02")
    life.open("2026-02")
    life.label("2026-02")
    life.policy = replace(life.policy, kind=kind)
    life.clock.pass_by(days=9)
    period = {"week": "2026-W10", "day": "2026-03-04"}[kind]
    tries: list[Any] = [
        lambda: cycle.open_window(life.policy, life.ports, Period.parse(period, kind), channel="production"),
        lambda: cycle.open_due(life.policy, life.ports),
        lambda: life.reopen("2026-01"),
    ]
    for attempt in tries:
        with pytest.raises(InvalidInput, match=REFUSED.format(kind)) as caught:
            attempt()
        assert f"[streams.triage-{kind}]" in str(caught.value)
    with pytest.raises(cycle.PartlyDone, match=REFUSED.format(kind)):
        cycle.watch_over(life.policy, life.ports)
    # what was opened before goes on to its end, by the settings that it was opened with
    done = life.evaluate()
    assert [(r.period, r.state, r.baseline.periods) for r in done] == [("2026-02", "closed", ("2026-01",))]
    assert [window.period for window in life.known()] == ["2026-01", "2026-02"]


def test_another_time_zone_is_refused_with_the_way(life: StreamLife) -> None:
    life.month("2026-01")
    life.write("2026-02")
    life.open("2026-02")
    life.label("2026-02")
    kept = life.policy
    for zone in ("Etc/UTC", "Zulu"):  # other names of the same zone
        life.policy = replace(kept, timezone=zone)
        assert cycle.open_due(life.policy, life.ports) is None
    life.policy = replace(kept, timezone="America/New_York")
    for attempt in (lambda: cycle.open_due(life.policy, life.ports), lambda: life.reopen("2026-01")):
        with pytest.raises(InvalidInput, match='Write timezone = "UTC" again') as caught:
            attempt()
        assert "2026-02, the latest window of this stream, is bounded by UTC" in str(caught.value)
    with pytest.raises(cycle.PartlyDone, match="is bounded by UTC"):
        cycle.watch_over(life.policy, life.ports)
    assert [(r.period, r.state) for r in life.evaluate()] == [("2026-02", "closed")]


def test_months_that_weeks_had_been_mixed_into_are_read_by_their_own_kind(life: StreamLife) -> None:
    """As an earlier version let it happen: the stream is refused, and evaluated and watched all the same."""
    life.month("2026-01")
    from sqlalchemy import select

    from calib.db import tables

    t = tables.windows
    start, end = Period.named("2026-W07").interval("UTC")
    with life.engine.begin() as conn:
        row = dict(conn.execute(select(t)).one()._mapping) | {"id": 99, "period": "2026-W07"}
        conn.execute(t.insert().values(**row | {"starts_at": start, "ends_at": end}))
    life.after("2026-02")
    with pytest.raises(InvalidInput, match="are weeks, the latest 2026-W07"):
        life.open("2026-02")
    life.policy = replace(life.policy, kind="week")
    missed = cycle.watch_over(life.policy, life.ports)
    assert {found["kind"] for found in missed} == {"window_missed"}
    assert all("-W" in found["period"] for found in missed)


def test_other_streams_are_watched_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def calib(*arguments: Any) -> Any:
        return run_calib(monkeypatch, capsys, *arguments)

    quick_fits(monkeypatch)
    config = ("--json", "--config", world.config)
    assert calib("run", "triage", "--period", "2026-01", *config).code == 0
    text = world.config.read_text()
    weekly = text.replace("labels = 300", 'labels = 300\nperiod = "week"')
    world.config.write_text(weekly + text.replace("[streams.triage]", "[streams.other]"))
    for verb in ("sample", "watchdog"):
        ran = calib(verb, *config)
        assert ran.code == 2
        failures = ran.json["failures"]
        assert [one["stream"] for one in failures] == ["triage"]
        assert "are months" in failures[0]["error"]["message"]
    assert [w["stream"] for w in calib("sample", "other", *config).json["windows"]] == []
    ran = calib("evaluate", *config)
    assert ran.code == 0
    assert {w["stream"] for w in ran.json["windows"]} == {"other"}


def test_a_stored_period_says_its_kind_itself() -> None:
    for text, kind in (("2026-10", "month"), ("2026-W41", "week"), ("2026-10-07", "day")):
        assert Period.named(text) == Period.parse(text, kind)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        Period.named("October")
    assert Period.named("2026-W41").later_than(Period.named("2026-09"))
    assert not Period.named("2026-W40").later_than(Period.named("2026-10"))
