"""Episodes are kept once, whoever writes them again, and one that has ended stays as it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from calib.alerts.episodes import Degradation, Episode, Turn
from calib.db import episodes

NOW = datetime(2026, 11, 3, 6, tzinfo=UTC)
DAY = timedelta(days=1)
FELL = Degradation(ece=0.1, segments={"law": 0.2, "tax": None}, curves=("a" * 64, None))


def episode(period: str = "2026-10", days: int = 0) -> Episode:
    since = NOW + days * DAY
    return Episode.begin("degraded", "triage", period, revision=1, now=since, since=since)


def turn(*changed: Episode, said: str) -> Turn:
    return Turn(episodes=changed, said={each.id: said for each in changed})


def test_an_episode_comes_back_as_it_was_written(engine: Engine) -> None:
    begun = replace(episode(), degraded_in="2026-10", degradation=FELL)
    for _ in range(2):  # a run that died did it before
        with engine.begin() as conn:
            episodes.record(conn, turn(begun, said="degraded"), "2026-10")
    with engine.connect() as conn:
        assert episodes.open_of(conn, "triage") == episodes.all_of(conn, "triage") == [begun]
        assert episodes.said_in(conn, [begun.id]) == {begun.id: [("2026-10", "degraded")]}
        assert episodes.open_of(conn, "other") == []


def test_windows_add_what_they_say_and_the_end_stays(engine: Engine) -> None:
    begun = replace(episode(), degraded_in="2026-10", degradation=FELL)
    ended = begun.ended("recovered", NOW + DAY, period="2026-12")
    with engine.begin() as conn:
        episodes.record(conn, turn(begun, said="degraded"), "2026-10")
        episodes.record(conn, turn(begun, said="goes_on"), "2026-11")
        episodes.record(conn, turn(ended, said="recovered"), "2026-12")
        episodes.record(conn, turn(begun, said="goes_on"), "2026-13")  # read before it ended
        assert episodes.open_of(conn, "triage") == []
        assert episodes.all_of(conn, "triage") == [ended]
        said = episodes.said_in(conn, [begun.id])[begun.id]
    assert said[:3] == [("2026-10", "degraded"), ("2026-11", "goes_on"), ("2026-12", "recovered")]


def test_a_window_of_before_is_not_asked(engine: Engine) -> None:
    early, late = episode("2026-10"), episode("2026-11", days=30)
    with engine.begin() as conn:
        for each in (late, early):
            episodes.begin(conn, each, "degraded")
        assert episodes.open_of(conn, "triage", until=NOW) == [early]
        assert episodes.open_of(conn, "triage") == [early, late]


def test_a_person_ends_what_is_open(engine: Engine) -> None:
    with engine.begin() as conn:
        episodes.begin(conn, episode(), "degraded")
        (ended,) = episodes.end_open(conn, "triage", "person", by="ada", reason="mended", now=NOW)
        assert (ended.ended_by, ended.by, ended.reason, ended.ended_at) == ("person", "ada", "mended", NOW)
        assert episodes.all_of(conn, "triage") == [ended]
        assert episodes.end_open(conn, "triage", "person", by="eve", reason="too", now=NOW) == []
