"""What Prometheus reads: the same numbers as the command line, from every surface; and who may read it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import World
from in_process import Ran, run_calib
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, insert, update
from watched_streams import NOW, WatchedPages, watched_streams
from web_pages import Pages, replace

from calib.app import App
from calib.cycle import summary
from calib.cycle.status import stream_status
from calib.db import jobs, tables, windows
from calib.errors import StoreError
from calib.metrics import FAMILIES, collect, text_of
from calib.outbox import queue as outbox
from calib.store import head

Calib = Callable[..., Ran]
TOKEN = "a-token-that-is-long-enough"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Streams with closed periods and an open cohort, for tests that change nothing."""
    return watched_streams(tmp_path_factory.mktemp("metrics"))


@pytest.fixture
def calib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Calib:
    return lambda *words: run_calib(monkeypatch, capsys, *words)


def parsed(text: str) -> Samples:
    """Every sample of a text by its name and labels, read by Prometheus' own client."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(app: App) -> Callable[..., float | None]:
    samples = parsed(text_of(collect(app)).decode())
    return lambda name, **labels: samples.get((f"calibwatch_{name}", tuple(sorted(labels.items()))))


@pytest.mark.slow
def test_the_numbers_are_those_of_the_latest_window(world: World) -> None:
    app = world.open(NOW)
    with app.engine.connect() as conn:
        window = windows.latest(conn, "triage")
    assert window is not None
    result = summary(window, app.ports("triage"))
    value = read(app)
    for kind, part in (("raw", result.raw), ("served", result.served)):
        assert value("ece", stream="triage", confidence=kind) == part.ece
        assert value("ece_low", stream="triage", confidence=kind) == part.low
        assert value("ece_high", stream="triage", confidence=kind) == part.high
    assert result.pictures is not None
    assert result.pictures.threshold is not None
    share = result.pictures.threshold.served.share
    assert value("threshold_share", stream="triage", confidence="served") == share
    assert value("accuracy", stream="triage") == result.raw.accuracy
    assert value("change_p", stream="triage") == result.change.p is not None
    assert value("minimum_detectable_rise", stream="triage") == result.change.minimum_detectable_rise
    assert value("population", stream="triage") == 1500
    verdicts = {v: value("verdict", stream="triage", verdict=v) for v in ("degraded", "stable", "first")}
    assert verdicts == {"degraded": 1, "stable": 0, "first": 0}
    april = datetime(2026, 4, 1, tzinfo=UTC).timestamp()
    assert value("verdict_period_end_timestamp_seconds", stream="triage") == april


def test_labels_windows_and_mappings_are_those_of_status(world: World) -> None:
    app = world.open(NOW)
    value = read(app)
    for stream in app.settings.streams:
        status = stream_status(app.watch(stream), app.ports(stream))
        if status.period is None:
            assert value("labels", stream=stream) is None
            assert value("ece", stream=stream, confidence="raw") is None
        else:
            assert value("labels", stream=stream) == status.labels.n
            assert value("labels_missing", stream=stream) == status.labels.missing
        assert value("mapping_serving", stream=stream) == (status.mapping is not None)
        assert value("alerts", stream=stream, state="waiting") == status.alerts.waiting
    assert value("labels_missing", stream="billing") > 100  # type: ignore[operator]
    assert value("windows", stream="triage", state="closed") == 2
    assert value("windows", stream="billing", state="in_review") == 1
    assert value("windows", stream="empty", state="closed") == 0
    entry = head(app.store, stream="triage", channel="production")
    assert entry is not None
    assert entry.expires_at is not None
    published = datetime.fromisoformat(entry.at).timestamp()
    assert value("mapping_published_timestamp_seconds", stream="triage") == published
    expires = datetime.fromisoformat(entry.expires_at).timestamp()
    assert value("mapping_expires_timestamp_seconds", stream="triage") == expires
    assert value("mapping_expires_timestamp_seconds", stream="billing") is None


def test_every_metric_is_described_and_has_a_value_where_it_can(world: World) -> None:
    app = world.open(NOW)
    text = text_of(collect(app)).decode()
    for family in FAMILIES:
        assert f"# TYPE {family.name} gauge" in text
        assert f"# HELP {family.name} " in text
    without = {name for name, of_name in collect(app).items() if not of_name}
    assert without == {
        "calibwatch_job_last_run_timestamp_seconds",
        "calibwatch_job_expected_since_timestamp_seconds",
    }


def test_a_store_that_fails_hides_its_own_numbers_alone(world: World) -> None:
    app = world.open(NOW)

    def entry_of(stream: str) -> Any:
        if stream == "triage":
            raise StoreError("the bucket is gone")

    values = collect(app, entry_of=entry_of)
    assert values["calibwatch_channel_readable"] == {("triage",): 0, ("billing",): 1, ("empty",): 1}
    assert ("triage",) not in values["calibwatch_mapping_serving"]
    assert values["calibwatch_ece"]["triage", "served"] > 0


def test_numbers_are_read_from_both_databases(engine: Engine, tmp_path: Path) -> None:
    """SQLite and PostgreSQL read numbers out of a stored result alike; a newer revision counts."""
    from alert_results import result
    from queues import window_row

    from calib.db import overview

    stored = result("degraded", schema=2).to_json()
    stored["raw"]["ece"] = 0.123
    with engine.begin() as conn:
        for period, revision, state in (("2026-09", 1, "closed"), ("2026-10", 1, "closed")):
            row = window_row(period, state=state)
            windows.insert_new(conn, **row, revision=revision, result=stored)
        windows.insert_new(conn, **window_row("2026-11", state="in_review"))
        windows.insert_new(conn, **window_row("2026-10", stream="other", state="insufficient"), result=stored)
        judged = {one.stream: one for one in overview.latest_judged(conn)}
        newest = {one.stream: one for one in overview.newest(conn)}
        states = overview.states(conn)
    one = judged["triage"]
    assert one.ends_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert (one.verdict, judged["other"].verdict) == ("degraded", "insufficient")
    assert one.served.ece == stored["served"]["ece"] != stored["raw"]["ece"]
    assert one.raw.ece == stored["raw"]["ece"]
    assert one.p == stored["change"]["p"]
    assert one.raw.share is None, "the result has no pictures"
    assert newest["triage"].labels is None
    assert newest["other"].labels == stored["labels"]["n"]
    assert states == {"triage": {"closed": 2, "in_review": 1}, "other": {"insufficient": 1}}


def test_alerts_and_jobs(world: World, tmp_path: Path) -> None:
    import shutil

    from calib.alerts import Alert

    shutil.copytree(world.folder, tmp_path / "copy")
    app = World(tmp_path / "copy").open(NOW)
    before = read(app)("alerts", stream="triage", state="waiting")
    assert before is not None
    with app.engine.begin() as conn:
        facts = {"what": "nothing"}
        of_all = Alert(
            kind="job_missed", stream="all streams", period="2026-06-03", severity="warning", facts=facts
        )
        outbox.put(conn, of_all, now=NOW)
        conn.execute(insert(tables.jobs).values(job="relay", expected_since=NOW))
        jobs.ran(conn, "evaluate", at=NOW)
        of_triage = tables.outbox.c.stream == "triage"
        conn.execute(update(tables.outbox).where(of_triage).values(state="parked"))
    value = read(app)
    assert value("alerts", stream="triage", state="parked") == before > 0
    assert value("alerts", stream="triage", state="waiting") == 0
    assert value("alerts", stream="all streams", state="waiting") == 1
    assert value("job_last_run_timestamp_seconds", job="evaluate") == NOW.timestamp()
    assert value("job_last_run_timestamp_seconds", job="relay") is None
    assert value("job_expected_since_timestamp_seconds", job="relay") == NOW.timestamp()


def test_the_verb_prints_writes_and_lists_the_same(world: World, calib: Calib, tmp_path: Path) -> None:
    where = ("--config", world.config)
    printed = parsed(calib("metrics", *where).out)
    file = tmp_path / "calibwatch.prom"
    file.write_text("old")
    said = calib("metrics", "--textfile", file, *where)
    assert said.code == 0
    assert str(file) in said.out
    written = parsed(file.read_text())
    listed = calib("metrics", "--textfile", file, *where, "--json").json
    as_json = {(v["name"], tuple(sorted(v["labels"].items()))): v["value"] for v in listed["values"]}
    when = ("calibwatch_collected_timestamp_seconds", ())
    assert len(printed) > 50
    for samples in (written, as_json):
        assert {**samples, when: 0} == {**printed, when: 0}
    assert listed["textfile"] == str(file)
    assert [path.name for path in tmp_path.iterdir()] == ["calibwatch.prom"]
    assert file.stat().st_mode & 0o777 == 0o644


def test_the_old_file_stays_where_it_cannot_be_replaced(
    world: World, calib: Calib, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "calibwatch.prom"
    file.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = calib("metrics", "--textfile", file, "--config", world.config)
    assert ran.code == 2
    assert "No space left" in ran.err
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["calibwatch.prom"]


@pytest.mark.parametrize(("name", "says"), [("metrics.txt", ".prom"), ("gone/a.prom", "no folder")])
def test_a_file_that_nobody_would_read_is_refused(
    world: World, calib: Calib, tmp_path: Path, name: str, says: str
) -> None:
    ran = calib("metrics", "--textfile", tmp_path / name, "--config", world.config)
    assert ran.code == 2
    assert says in ran.err


@pytest.fixture
def pages(world: World, tmp_path: Path) -> WatchedPages:
    import shutil

    shutil.copytree(world.folder, tmp_path / "copy")
    return WatchedPages(tmp_path / "copy", now=NOW)


def test_this_machine_reads_the_page_without_a_session(pages: WatchedPages) -> None:
    with pages.browser() as visit:
        answer = visit.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert parsed(answer.text) == parsed(text_of(collect(pages.project)).decode())
        assert TEXTS_OF_PEOPLE.isdisjoint(answer.text.split())
    pages.reviewer("ada", role="admin")
    with pages.browser() as visit:
        assert visit.get("/metrics").status_code == 200
        assert visit.get("/streams").status_code == 401


TEXTS_OF_PEOPLE = {"ana", "bo", "question"}


def test_the_page_is_read_anew_after_a_while(pages: WatchedPages) -> None:
    with pages.browser() as visit:
        first = visit.get("/metrics").text
        with pages.project.engine.begin() as conn:
            jobs.ran(conn, "relay", at=NOW)
        assert visit.get("/metrics").text == first
        pages.seconds += 11
        assert 'calibwatch_job_last_run_timestamp_seconds{job="relay"}' in visit.get("/metrics").text


@pytest.mark.parametrize(
    ("base", "headers"),
    [
        ("http://calib.example:8010", {}),
        ("http://127.0.0.1:8010", {"x-forwarded-for": "10.0.0.9"}),
        ("http://127.0.0.1:8010", {"forwarded": "for=10.0.0.9"}),
    ],
)
def test_without_a_token_nobody_else_reads_it(
    pages: WatchedPages, base: str, headers: dict[str, str]
) -> None:
    pages.reviewer("ada", role="admin")
    with pages.browser(base=base, **headers) as visit:
        answer = visit.get("/metrics")
        assert answer.status_code == 403
        assert "CALIB_METRICS_TOKEN" in answer.text
        assert "calibwatch_" not in answer.text


def test_without_a_token_a_public_address_or_host_is_refused(tmp_path: Path) -> None:
    pages = Pages(tmp_path)
    pages.settings(web='url = "https://calib.example"')
    pages.reviewer("ada")
    with pages.browser() as visit:
        assert visit.get("/metrics").status_code == 403
    (tmp_path / "other").mkdir()
    served = Pages(tmp_path / "other", options=replace(pages.options, host="0.0.0.0"))  # noqa: S104
    served.reviewer("ada")
    with served.browser() as visit:
        assert visit.get("/metrics").status_code == 403


def test_with_a_token_it_is_asked_for_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALIB_METRICS_TOKEN", TOKEN)
    pages = Pages(tmp_path)
    pages.settings(web='url = "https://calib.example"')
    pages.reviewer("ada")
    with pages.browser(base="http://10.1.2.3:8000", peer="10.1.2.9") as visit:
        right = visit.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        assert right.status_code == 200
        assert "calibwatch_build_info" in right.text
        for wrong in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
            answer = visit.get("/metrics", headers=wrong)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "calibwatch_build" not in answer.text
        codes = [visit.get("/metrics").status_code for _ in range(12)]
        assert codes[-1] == 429, "whoever guesses is slowed down"
    with pages.browser() as visit:
        assert visit.get("/metrics").status_code == 401, "this machine too"


def test_a_token_that_could_be_guessed_is_refused(
    pages: WatchedPages, monkeypatch: pytest.MonkeyPatch, calib: Calib
) -> None:
    monkeypatch.setenv("CALIB_METRICS_TOKEN", "short")
    ran = calib("metrics", "--config", pages.folder / "calib.toml")
    assert ran.code == 2
    assert "CALIB_METRICS_TOKEN" in ran.err
    assert "16 characters" in ran.err


def test_the_json_is_plain(world: World, calib: Calib) -> None:
    listed = calib("metrics", "--config", world.config, "--json")
    assert {type(v["value"]) for v in json.loads(listed.out)["values"]} == {float}
