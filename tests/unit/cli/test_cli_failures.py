"""What the verbs do where some streams fail: the others are done, and the failed ones are named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import World
from sqlalchemy import select, update

from calib.db import tables
from calib.testing.model import FakeModel

OUTCOMES = 'review = { kind = "outcomes", column = "correct" }'
COLUMNS = '{ id = "prediction_id", ts = "ts", confidence = "raw_confidence" }'
GOOD = {"traffic": "parquet:traffic/*.parquet", "columns": COLUMNS, "review": OUTCOMES}
# How a stream is broken, and the exit code that this alone has.
BROKEN = {
    "bad-column": ({"columns": COLUMNS.replace("raw_confidence", "confidense")}, 2),
    "bad-pages": ({"traffic": "parquet:damaged/*.parquet"}, 4),
    "bad-file": ({"traffic": "parquet:expired/*.parquet"}, 2),
}


def fleet_of(world: World, *names: str, **others: dict[str, str]) -> None:
    """Settings with these streams, in this order; a name in `BROKEN` is broken in that way."""
    text = ""
    for name in names:
        values = GOOD | BROKEN.get(name, ({}, 0))[0] | others.get(name, {})
        text += (
            f'[streams.{name}]\ntraffic = "{values["traffic"]}"\ncolumns = {values["columns"]}\n'
            f"{values['review']}\nlabels = 100\n\n"
        )
    world.config.write_text(text)


def alerts(world: World) -> list[tuple[str, str]]:
    opened = world.open()
    with opened.engine.connect() as conn:
        rows = conn.execute(select(tables.outbox.c.kind, tables.outbox.c.stream)).all()
    opened.engine.dispose()
    return sorted((row.kind, row.stream) for row in rows)


@pytest.fixture
def recent(world: World) -> World:
    """Traffic up to the latest month that is due on the wall clock's day."""
    from datetime import UTC, datetime, timedelta

    last = (datetime.now(UTC) - timedelta(days=3)).replace(day=1) - timedelta(days=1)
    world.write(f"{last:%Y-%m}")
    whole = (world.folder / "traffic" / f"{last:%Y-%m}.parquet").read_bytes()
    (world.folder / "damaged").mkdir()
    # The schema at the end of the file can be read, and the rows cannot.
    (world.folder / "damaged" / "a.parquet").write_bytes(b"PAR1" + b"\xff" * 20_000 + whole[20_004:])
    return world


@pytest.mark.slow
@pytest.mark.parametrize("broken", [("bad-column",), ("bad-file",), tuple(BROKEN)], ids="+".join)
def test_sample_opens_every_other_stream_and_names_those_that_failed(
    recent: World, calib: Any, broken: tuple[str, ...]
) -> None:
    first, *rest = broken
    fleet_of(recent, first, "alpha", *rest, "omega")
    ran = calib("sample", "--json", "--config", recent.config)
    assert [window["stream"] for window in ran.json["windows"]] == ["alpha", "omega"]
    assert [window["state"] for window in ran.json["windows"]] == ["sampled", "sampled"]
    failures = ran.json["failures"]
    assert [failure["stream"] for failure in failures] == list(broken)
    assert all(set(failure["error"]) == {"kind", "message", "exit_code"} for failure in failures)
    assert [failure["error"]["exit_code"] for failure in failures] == [BROKEN[name][1] for name in broken]
    assert ran.code == max(BROKEN[name][1] for name in broken)
    for name in broken:
        assert f"calib: {name} failed: " in ran.err
    assert alerts(recent) == sorted(("stream_failed", name) for name in broken)

    again = calib("sample", "--config", recent.config)
    assert again.code == ran.code
    assert len(alerts(recent)) == len(broken)


@pytest.mark.slow
def test_an_engine_that_is_down_is_one_alert_until_it_works(recent: World, calib: Any) -> None:
    down = {"traffic": "postgresql://me:hunter2@127.0.0.1:1/logs#rows"}
    fleet_of(recent, "east", "alpha", "bad-column", "west", east=down, west=down)
    ran = calib("sample", "--json", "--config", recent.config)
    assert [window["stream"] for window in ran.json["windows"]] == ["alpha"]
    assert alerts(recent) == [("stream_failed", "all streams"), ("stream_failed", "bad-column")]
    told = calib("relay", "--config", recent.config).err
    assert "the source postgresql://me:***@127.0.0.1:1/logs could not be reached" in told.lower()
    assert "east, west." in told
    assert "hunter2" not in told + ran.err

    fleet_of(recent, "east", "alpha", "bad-column", "west")
    assert calib("sample", "--config", recent.config).code == 2
    assert "127.0.0.1:1/logs works again" in calib("relay", "--config", recent.config).err
    assert len(alerts(recent)) == 3


@pytest.mark.slow
def test_a_fleet_without_failures_ends_as_before(recent: World, calib: Any) -> None:
    fleet_of(recent, "alpha", "omega")
    ran = calib("sample", "--json", "--config", recent.config)
    assert (ran.code, ran.json["failures"]) == (0, [])
    assert calib("sample", "--config", recent.config).out == "no window is due that is not open already\n"
    assert alerts(recent) == []


@pytest.mark.slow
def test_whoever_names_a_period_reads_the_error_and_gets_no_alert(world: World, calib: Any) -> None:
    fleet_of(world, "alpha", "bad-column")
    ran = calib("sample", "--period", "2026-01", "--json", "--config", world.config)
    assert (ran.code, len(ran.json["windows"])) == (2, 1)
    assert alerts(world) == []


def test_settings_that_are_wrong_as_a_whole_stop_everything(world: World, calib: Any) -> None:
    fleet_of(world, "alpha")
    world.config.write_text(world.config.read_text() + "unknown_key = 1\n")
    ran = calib("sample", "--json", "--config", world.config)
    assert ran.code == 2
    assert set(ran.json) == {"error"}
    assert calib("evaluate", "alpah", "--config", world.config).code == 2


@pytest.mark.slow
def test_evaluate_goes_on_with_the_other_windows_of_a_stream_that_has_a_bad_one(
    world: World, calib: Any
) -> None:
    fleet_of(world, "alpha", "omega")
    for period in ("2026-01", "2026-02"):
        assert calib("sample", "--period", period, "--config", world.config).code == 0
    spoil(world, "alpha", "2026-01")
    ran = calib("evaluate", "--json", "--config", world.config)
    done = [(window["stream"], window["period"], window["state"]) for window in ran.json["windows"]]
    assert done == [
        ("alpha", "2026-02", "closed"),
        ("omega", "2026-01", "closed"),
        ("omega", "2026-02", "closed"),
    ]
    assert [(one["stream"], one["period"]) for one in ran.json["failures"]] == [("alpha", "2026-01")]
    assert ran.json["failures"][0]["error"]["kind"] == "KeyError"  # nobody foresaw that
    assert ran.code == 4
    assert "calib: alpha 2026-01 failed: KeyError" in ran.err
    assert ("stream_failed", "alpha") in alerts(world)


def spoil(world: World, stream: str, period: str) -> None:
    """Leave a window in the database that no version can read."""
    opened = world.open()
    with opened.engine.begin() as conn:
        at = (tables.windows.c.stream == stream) & (tables.windows.c.period == period)
        conn.execute(update(tables.windows).where(at).values(design={}))
    opened.engine.dispose()


@pytest.mark.slow
def test_relay_delivers_what_failed_streams_left_behind(recent: World, calib: Any) -> None:
    fleet_of(recent, "bad-column", "alpha")
    calib("sample", "--config", recent.config)
    ran = calib("relay", "--json", "--config", recent.config)
    assert (ran.code, ran.json["delivered"]) == (0, 1)
    assert "the work on it failed" in ran.err
    assert "`calib sample bad-column` repeats the work" in ran.err
    assert calib("sample", "bad-column", "--config", recent.config).code == 2  # the instruction, as typed


@pytest.mark.slow
def test_watchdog_exits_one_with_findings_and_zero_without(recent: World, calib: Any) -> None:
    fleet_of(recent, "alpha", "omega")
    found = calib("watchdog", "--json", "--config", recent.config)
    assert [(one["stream"], one["kind"]) for one in found.json["findings"]] == [
        ("alpha", "window_missed"),
        ("omega", "window_missed"),
    ]
    assert (found.code, found.json["relay"]["delivered"], found.json["failures"]) == (1, 2, [])
    assert calib("sample", "--config", recent.config).code == 0
    assert calib("evaluate", "--config", recent.config).code == 0
    assert calib("watchdog", "--config", recent.config).out == "nothing is missing\n"
    assert calib("watchdog", "--config", recent.config).code == 0


@pytest.mark.slow
def test_watchdog_looks_at_the_windows_though_the_store_of_one_stream_is_damaged(
    world: World, calib: Any
) -> None:
    fleet_of(world, "alpha", "omega")
    assert calib("run", "alpha", "--period", "2026-01", "--config", world.config).code == 0
    for path in sorted((world.folder / "mappings").rglob("*")):
        if path.is_file() and "channels" in str(path) and "latest" not in path.name:
            path.write_bytes(b"{}")
    ran = calib("watchdog", "--json", "--config", world.config)
    assert {one["stream"] for one in ran.json["findings"]} == {"alpha", "omega"}
    assert [(one["stream"], one["error"]["kind"]) for one in ran.json["failures"]] == [("alpha", "Refused")]
    assert ran.code == 4
    assert "stream_failed" in ran.err or "the work on it failed" in ran.err  # delivered at once


@pytest.mark.slow
def test_backfill_shows_what_was_done_before_the_window_that_failed(world: World, calib: Any) -> None:
    fleet_of(world, "alpha")
    assert calib("sample", "--period", "2026-02", "--config", world.config).code == 0
    spoil(world, "alpha", "2026-02")
    ran = calib(
        "backfill", "alpha", "--from", "2026-01", "--to", "2026-03", "--json", "--config", world.config
    )
    assert [window["period"] for window in ran.json["windows"]] == ["2026-01"]
    assert [one["period"] for one in ran.json["failures"]] == ["2026-02"]
    assert ran.code == 4
    assert "the same command goes on at 2026-02" in ran.err


@pytest.mark.slow
def test_probe_asks_every_other_probe(tmp_path: Path, calib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from probes import Adder, write_questions

    write_questions(tmp_path / "sums.csv", 60)
    config = tmp_path / "calib.toml"
    with FakeModel(Adder()) as model:
        model.key = None  # type: ignore[assignment]
        table = '[probes.{name}]\nfile = "{file}"\nendpoint = "{url}"\nmodel = "fake-1"\nmatch = "number"\n'
        table += "attempts = 1\n\n"
        names = {"early": "sums.csv", "lost": "gone.csv", "sums": "sums.csv"}
        config.write_text("".join(table.format(name=n, file=f, url=model.url) for n, f in names.items()))
        ran = calib("probe", "--json", "--config", config)
    assert [one["probe"] for one in ran.json["probes"]] == ["early", "sums"]
    assert [(one["stream"], one["error"]["exit_code"]) for one in ran.json["failures"]] == [("lost", 2)]
    assert "calib: lost failed: " in ran.err
    assert ran.code >= 2
    assert calib("probe", "--accept", "--config", config).code == 2
    alone = calib("probe", "lost", "--json", "--config", config)
    assert (alone.code, set(alone.json)) == (2, {"error"})


@pytest.mark.slow
def test_erase_has_a_verb_of_its_own(world: World, calib: Any) -> None:
    world.settings("keep_context_days = 0", review='review = { kind = "files" }')
    config = ("--config", world.config)
    assert calib("run", "triage", "--period", "2026-01", "--json", *config).code == 0
    assert calib("erase", "--json", *config).json == {
        "erased": [{"stream": "triage", "what": "contexts", "erased": 0}],
        "failures": [],
    }
    opened = world.open()
    with opened.engine.begin() as conn:
        conn.execute(update(tables.windows).values(state="closed", closed_at=opened.now()))
    assert calib("watchdog", *config).code == 1  # and erases nothing
    assert calib("erase", *config).out == "triage: contexts of 300 rows erased\n"
    assert calib("erase", *config).out == "no texts are kept\n"
    shutil.rmtree(world.folder / "traffic")
    assert calib("erase", *config).code == 0  # needs no traffic
