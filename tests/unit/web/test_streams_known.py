"""What the pages know of streams: the numbers of the command line, no older than the pages say."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from conftest import World
from in_process import run_calib
from report_reader import read, rounded, value_at
from sqlalchemy import event, update
from watched_streams import LABELLED, NOW, UNSURE, label, open_one

from calib.app import App
from calib.cycle import discard, evaluate_open, reopen
from calib.cycle.by_hand import intent_of_a_person
from calib.db import tables, windows
from calib.db.fingerprints import fingerprints
from calib.errors import SourceError, Unavailable
from calib.period import Period
from calib.store import withdraw
from calib.web.streams import fleet as fleet_module
from calib.web.streams.cards import StreamCard, card
from calib.web.streams.fleet import CHANNELS, FRESH, STALE, Fleet


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def cards_of(app: App) -> dict[str, StreamCard]:
    return {view.name: card(view, now=NOW) for view in Fleet(app).all().streams}


@pytest.fixture
def calib(
    changeable_world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    from carried import clock

    monkeypatch.setitem(clock(), "now", lambda: NOW)

    def run(*words: str) -> Any:
        ran = run_calib(monkeypatch, capsys, *words, "--json", "--config", changeable_world.config)
        assert ran.code == 0, ran.err
        return ran.json

    return run


def test_a_streams_line_is_that_of_the_status_command(changeable_world: World, calib: Any) -> None:
    expected = {line["stream"]: line for line in calib("status")["streams"]}
    fleet = Fleet(changeable_world.open(NOW))
    from calib.results.codec import to_json

    assert {view.name: to_json(view.status) for view in fleet.all().streams} == expected
    for name, line in expected.items():
        assert to_json(fleet.stream(name).status) == line


def test_a_cards_numbers_are_those_of_run(changeable_world: World, calib: Any) -> None:
    shown = cards_of(changeable_world.open(NOW))["triage"]
    window = calib("run", "triage", "--period", "2026-03")
    page = read(f"<p>{shown.ece} {shown.between}</p>")
    for path, value, text in page.data:
        assert float(value) == value_at(window, path)
        assert rounded(float(value), text)
    assert {path for path, _, _ in page.data} == {"served.ece", "served.low", "served.high"}
    assert (shown.word, shown.tone, shown.period) == ("Degraded", "bad", "2026-03")


def test_an_open_cohorts_counts_are_those_of_run(changeable_world: World, calib: Any) -> None:
    (cohort,) = cards_of(changeable_world.open(NOW))["billing"].cohorts
    labels = calib("run", "billing", "--period", "2026-04")["labels"]
    assert labels["n"] == LABELLED
    assert labels["unsure"] == UNSURE
    counted = {"n": cohort.labelled, "unsure": cohort.unsure, "missing": cohort.missing}
    assert counted == {name: labels[name] for name in counted}
    by_stratum = [part for _, _, part in cohort.strata]
    assert sum(part.correct for part in by_stratum) == labels["correct"]
    assert [low for low, _, _ in cohort.strata][1:] == [high for _, high, _ in cohort.strata][:-1]
    assert cohort.drawn == 300


def test_a_stream_without_a_window_says_so(watched_world: World) -> None:
    shown = cards_of(watched_world.open(NOW))["empty"]
    assert shown.word == "No period closed yet"
    assert shown.state == "No period was opened yet."
    assert shown.cohorts == ()


def test_the_ledger_is_that_of_history(changeable_world: World, calib: Any) -> None:
    from calib.results.codec import to_json

    view = Fleet(changeable_world.open(NOW)).stream("triage")
    assert to_json(view.known.ledger) == calib("history", "triage")["ledger"]


def test_those_that_need_somebody_come_first(watched_world: World) -> None:
    shown = sorted(cards_of(watched_world.open(NOW)).values(), key=lambda one: one.urgency)
    assert shown[0].name == "triage"
    assert [one.name for one in shown if one.needs_somebody] == ["triage"]
    late = {
        v.name: card(v, now=NOW + timedelta(days=90)) for v in Fleet(watched_world.open(NOW)).all().streams
    }
    assert late["billing"].cohorts[0].late
    assert late["billing"].needs_somebody


@pytest.mark.slow
def test_every_step_of_a_windows_life_leaves_another_fingerprint(changeable_world: World) -> None:
    """So a page that compares fingerprints never shows a stream as it was before a step."""
    app = changeable_world.open(NOW)
    seen: list[Any] = []

    def look(stream: str) -> None:
        with app.engine.connect() as conn:
            mark = fingerprints(conn, stream).get(stream)
            assert mark == fingerprints(conn).get(stream)
        assert mark not in seen
        seen.append(mark)

    look("empty")
    open_one(app, "empty", "2026-02")
    look("empty")
    with app.engine.begin() as conn:
        window = windows.find(conn, "empty", "2026-02")
        assert window is not None
        for before, after in (("sampled", "in_review"), ("in_review", "evaluated")):
            windows.advance(conn, window.id, expect=before, state=after, evaluated_at=NOW)
    look("empty")
    with app.engine.begin() as conn:
        windows.advance(conn, window.id, expect="evaluated", state="closed", closed_at=NOW)
    look("empty")
    look("triage")
    how = {"by": "ana", "reason": "the columns were swapped"}
    march = Period.parse("2026-03", "month")
    reopen(app.watch("triage"), app.ports("triage"), march, **how)
    look("triage")
    evaluate_open(app.watch("triage"), app.ports("triage"))
    look("triage")
    discard(app.engine, "triage", march.name, now=NOW, **how)
    look("triage")


def test_what_is_fresh_is_not_read_again_and_what_is_stale_is(changeable_world: World) -> None:
    clock, app = Seconds(), changeable_world.open(NOW)
    fleet = Fleet(app, clock=clock)
    asked: list[str] = []
    event.listen(app.reading, "before_cursor_execute", lambda *a: asked.append(a[2]))
    first = fleet.all()
    assert asked
    asked.clear()
    clock.now += FRESH - 1
    assert fleet.all() is first
    assert asked == []

    label(app, 5, by="ana")
    clock.now += STALE + 1
    billing = next(view for view in fleet.all().streams if view.name == "billing")
    assert sum(part.labelled for part in next(iter(billing.counts.values()))) == LABELLED + 5


def test_a_streams_own_page_counts_now(changeable_world: World) -> None:
    app = changeable_world.open(NOW)
    fleet = Fleet(app)
    fleet.all()
    label(app, 7, by="ana")
    assert fleet.stream("billing").status.labels.n == LABELLED + 7


def test_windows_that_took_no_step_are_not_read_again(
    changeable_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, read_again = Seconds(), []
    fleet = Fleet(changeable_world.open(NOW), clock=clock)
    fleet.all()
    real = fleet_module.read_stream
    monkeypatch.setattr(
        fleet_module,
        "read_stream",
        lambda conn, name, *a, **k: (read_again.append(name), real(conn, name, *a, **k))[1],
    )
    clock.now += STALE + 1
    fleet.all()
    assert read_again == []
    open_one(changeable_world.open(NOW), "empty", "2026-02")
    clock.now += STALE + 1
    fleet.all()
    assert read_again == ["empty"]


def test_many_who_ask_at_once_share_one_reading(
    changeable_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    fleet = Fleet(changeable_world.open(NOW))
    real = fleet._read_all
    monkeypatch.setattr(fleet, "_read_all", lambda: (started.append(1), real())[1])
    views: list[Any] = []
    threads = [threading.Thread(target=lambda: views.append(fleet.all())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 1
    assert {id(view) for view in views} == {id(views[0])}


def test_a_new_process_shows_what_it_has_read_so_far(
    changeable_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading hundreds of streams for the first time takes longer than anybody waits for a page."""
    go_on = threading.Event()
    real = fleet_module.read_stream

    def slow(conn: Any, name: str, *a: Any, **k: Any) -> Any:
        if name == "billing":
            go_on.wait(60)
        return real(conn, name, *a, **k)

    monkeypatch.setattr(fleet_module, "read_stream", slow)
    monkeypatch.setattr(fleet_module, "PATIENCE", 0.05)
    monkeypatch.setattr(fleet_module, "STEP", -1.0)
    fleet = Fleet(changeable_world.open(NOW))
    fleet.all()
    partial = fleet.all()
    assert "billing" in partial.unread
    go_on.set()
    monkeypatch.setattr(fleet_module, "PATIENCE", 60.0)
    whole = fleet.all()
    assert whole.unread == ()
    assert [view.name for view in whole.streams] == ["triage", "billing", "empty"]


def test_a_database_that_is_away_is_said_to_whoever_waits(
    changeable_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Seconds()
    fleet = Fleet(changeable_world.open(NOW), clock=clock)
    view = fleet.all()

    def away(*_: object) -> None:
        raise SourceError("the database is away")

    monkeypatch.setattr(fleet_module, "fingerprints", away)
    clock.now += FRESH + 1
    assert fleet.all() is view  # a minute old at most, and it says as of when
    clock.now += STALE
    with pytest.raises(SourceError, match="away"):
        fleet.all()


def test_one_damaged_window_hides_no_other_stream(changeable_world: World) -> None:
    app = changeable_world.open(NOW)
    with app.engine.begin() as conn:
        conn.execute(
            update(tables.windows).where(tables.windows.c.stream == "triage").values(result={"schema": 2})
        )
    shown = cards_of(app)
    assert shown["billing"].trouble is None
    assert "cannot be read" in str(shown["triage"].trouble)
    assert shown["triage"].needs_somebody


def test_a_store_that_is_away_is_said_on_the_card(
    changeable_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = changeable_world.open(NOW)

    def away(*_: object, **__: object) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr("calib.web.streams.heads.head", away)
    shown = cards_of(app)["triage"]
    assert "the store is away" in shown.mapping
    assert shown.mapping_tone == "warning"


def test_a_moved_channel_is_seen_at_once_where_it_was_moved_here(changeable_world: World) -> None:
    app = changeable_world.open(NOW)
    fleet = Fleet(app)
    fleet.all()
    intent = intent_of_a_person(app.watch("triage"), by="ana", reason="wrong", now=NOW)
    withdraw(app.store, stream="triage", channel="production", intent=intent)
    assert "Mapping" in card(fleet.stream("triage"), now=NOW).mapping  # somebody else's move is seen later,
    fleet.changed("triage")  # one that was made here at once
    assert card(fleet.stream("triage"), now=NOW).mapping.startswith("Withdrawn")
    moved = next(view for view in fleet.all().streams if view.name == "triage")
    assert card(moved, now=NOW).mapping.startswith("Withdrawn")


def test_a_move_of_somebody_else_is_seen_once_the_entry_is_read_again(changeable_world: World) -> None:
    now: list[datetime] = [NOW]
    app = replace(changeable_world.open(NOW), now=lambda: now[0])
    fleet = Fleet(app)
    fleet.all()
    intent = intent_of_a_person(app.watch("triage"), by="ana", reason="wrong", now=NOW)
    withdraw(app.store, stream="triage", channel="production", intent=intent)
    now[0] = NOW + CHANNELS
    assert "Withdrawn" in card(fleet.stream("triage"), now=now[0]).mapping


def test_json_of_a_result_is_not_needed_to_count_labels(changeable_world: World) -> None:
    """The page of all streams asks a few questions of the database, however many streams there are."""
    app = changeable_world.open(NOW)
    clock = Seconds()
    fleet = Fleet(app, clock=clock)
    fleet.all()
    asked: list[str] = []
    event.listen(app.reading, "before_cursor_execute", lambda *a: asked.append(a[2]))
    clock.now += STALE + 1
    fleet.all()
    selects = [statement for statement in asked if statement.lstrip().upper().startswith("SELECT")]
    assert len(selects) == 4
    assert not any("result" in statement for statement in selects)
