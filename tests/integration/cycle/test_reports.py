"""Reports of real windows: kept in the store, made again by `calib report`, with the numbers of `run`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from carried import clock
from conftest import World
from in_process import run_calib
from log_records import Records
from report_reader import read, rounded, value_at
from sqlalchemy import select
from typer.testing import CliRunner

from calib.alerts.message import message
from calib.cli.app import app
from calib.cycle import evaluate_open, open_window
from calib.cycle.report_links import Reports, report_key
from calib.cycle.reporting import store_report
from calib.db import tables, windows
from calib.errors import Unavailable
from calib.period import Period
from calib.times import moment

STREAM = "triage"


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two closed months with reports, the second of them much less accurate; the third is not opened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALIB_REPORTS", "true")
        made = World(tmp_path_factory.mktemp("reports"))
        made.write("2026-02")
        made.write("2026-04")
        made.write("2026-03", accuracy=lambda raw: raw - 0.4)
        made.settings("threshold = 0.9", '[web]\nurl = "https://calib.example/store"\n')
        patch.chdir(made.folder)
        ran = CliRunner().invoke(app, ["backfill", STREAM, "--from", "2026-02", "--to", "2026-03", "--json"])
        assert ran.exit_code == 0, ran.output
        yield made


@pytest.fixture(autouse=True)
def _here(year: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALIB_REPORTS", "true")
    monkeypatch.chdir(year.folder)


def calib(*words: str, code: int = 0) -> Any:
    """Run a verb with --json; its object."""
    ran = CliRunner().invoke(app, [*words, "--json"])
    assert ran.exit_code == code, ran.output
    return json.loads(ran.stdout)


def stored(year: World, period: str) -> Path:
    return year.folder / "mappings" / report_key(STREAM, period, 1)


def test_the_store_keeps_the_report_of_every_window_that_is_over(year: World) -> None:
    names = sorted(path.name for path in (year.folder / "mappings" / STREAM / "reports").iterdir())
    assert names == ["2026-02-r1.html", "2026-03-r1.html"]


@pytest.mark.parametrize("period", ["2026-02", "2026-03"])
def test_made_again_a_closed_windows_report_is_the_same_bytes(
    year: World, period: str, tmp_path: Path
) -> None:
    """Also where later windows have closed since: the report is as of closing."""
    result = calib("report", STREAM, "--period", period, "--to", str(tmp_path / "new"))
    assert Path(result["html"]).read_bytes() == stored(year, period).read_bytes()
    document = json.loads(Path(result["data"]).read_text())
    assert document["window"] == calib("run", STREAM, "--period", period)
    schema = json.loads(Path(result["schema"]).read_text())
    assert set(schema["required"]) == set(document)
    assert document["verdict"] == result["verdict"]


def test_the_numbers_of_the_page_are_those_of_run(year: World) -> None:
    result = calib("run", STREAM, "--period", "2026-03")
    stated = read(stored(year, "2026-03").read_text()).data
    for of, value, text in stated:
        assert float(value) == value_at(result, of), of
        assert rounded(float(value), text), (of, text)
    wanted = {"served.ece", "served.low", "served.high", "served.accuracy", "change.p"}
    wanted |= {"pictures.threshold.served.share", "change.minimum_detectable_rise"}
    assert wanted <= {of for of, _, _ in stated}


def test_what_a_person_does_later_does_not_change_a_report(
    year: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier period is watched anew, and then left out: the later report still shows what stood then."""
    copy = World(tmp_path / "copy")
    shutil.copytree(year.folder, copy.folder)
    monkeypatch.chdir(copy.folder)
    kept = stored(copy, "2026-03").read_bytes()

    def made_again() -> bytes:
        return Path(calib("report", STREAM, "--period", "2026-03", "--to", "new")["html"]).read_bytes()

    calib("window", "reopen", STREAM, "2026-02", "--reason", "an outage")
    calib("run", STREAM, "--period", "2026-02")
    assert made_again() == kept
    second = copy.folder / "mappings" / report_key(STREAM, "2026-02", 2)
    assert "revision 2" in second.read_text()
    assert Path(calib("report", STREAM, "--period", "2026-02")["html"]).read_bytes() == second.read_bytes()
    calib("window", "discard", STREAM, "2026-02", "--reason", "test traffic")
    assert made_again() == kept
    assert [w["standing"] for w in calib("history", STREAM)["windows"]].count(True) == 1
    assert calib("history", STREAM)["ledger"]["windows"] == 1


def test_a_report_that_a_killed_run_left_out_is_made_up_for(year: World) -> None:
    path = stored(year, "2026-03")
    before = path.read_bytes()
    path.unlink()
    opened = year.open()
    evaluate_open(opened.watch(STREAM), opened.ports(STREAM))
    assert path.read_bytes() == before


def test_what_is_there_is_never_replaced(year: World, records: Records) -> None:
    path = stored(year, "2026-02")
    before = path.read_bytes()
    path.write_bytes(b"as another version wrote it")
    try:
        opened = year.open()
        with opened.engine.connect() as conn:
            window = windows.find(conn, STREAM, "2026-02")
        assert window is not None
        assert store_report(window, opened.ports(STREAM))
        records.has("cycle", "report", level="debug", period="2026-02")
        assert path.read_bytes() == b"as another version wrote it"
    finally:
        path.write_bytes(before)


def test_a_store_that_takes_no_report_costs_no_window_its_closing(
    world: World, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    opened = world.open()
    ports = opened.ports(STREAM)
    create = ports.store.create

    def refusing(key: str, data: bytes) -> None:
        if "/reports/" in key:
            raise Unavailable("the store is away")
        create(key, data)

    monkeypatch.setattr(ports.store, "create", refusing)
    window = open_window(opened.watch(STREAM), ports, Period.parse("2026-01", "month"), channel="production")
    (result,) = evaluate_open(opened.watch(STREAM), ports)
    assert (window.state, result.state) == ("sampled", "closed")
    records.has("cycle", "report", level="warning", period="2026-01", stream=STREAM)
    assert not list((world.folder / "mappings").glob("*/reports/*"))
    monkeypatch.setattr(ports.store, "create", create)
    evaluate_open(opened.watch(STREAM), ports)
    assert list((world.folder / "mappings").glob("*/reports/*"))


def test_reports_are_no_part_of_the_log_of_mappings(year: World) -> None:
    found = calib("mapping", "verify", STREAM)
    assert (found["ok"], found["notes"]) == (True, [])


def test_alerts_link_to_the_report(year: World) -> None:
    with year.open().engine.connect() as conn:
        rows = conn.execute(select(tables.outbox.c.payload).where(tables.outbox.c.kind == "degraded"))
        (payload,) = rows.scalars()
    url = f"https://calib.example/store/{report_key(STREAM, '2026-03', 1)}"
    assert payload["facts"]["report"] == url
    said = message(payload)
    assert f"Report: {url}" in said.text
    assert said.blocks[-1]["text"]["text"].startswith(f"<{url}|Report>")


def test_an_address_that_no_browser_follows_is_named_and_never_a_link() -> None:
    for base in ("s3://bucket/a|b<!channel>", "javascript:alert(1)", "https://x|y> <!here>"):
        link = Reports(base=base).link(STREAM, "2026-03", 1)
        payload = {
            "kind": "window_missed",
            "stream": STREAM,
            "period": "2026-03",
            "severity": "warning",
            "facts": {"due": "2026-04-02", "report": link},
        }
        text = message(payload).blocks[-1]["text"]["text"]
        assert "<" not in text
        assert text.startswith("Report: ")


def test_without_reports_nothing_is_written_and_nothing_is_linked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALIB_REPORTS", "false")
    monkeypatch.chdir(world.folder)
    assert world.open().ports(STREAM).reports is None
    ran = CliRunner().invoke(app, ["run", STREAM, "--period", "2026-01"])
    assert ran.exit_code == 0
    assert "Report:" not in ran.stdout
    assert not (world.folder / "mappings" / STREAM / "reports").exists()


def test_run_ends_with_a_picture_and_the_reports_address(year: World) -> None:
    ran = CliRunner().invoke(app, ["run", STREAM, "--period", "2026-03"], env={"COLUMNS": "80"})
    lines = ran.stdout.splitlines()
    assert lines[-1].strip() == f"https://calib.example/store/{report_key(STREAM, '2026-03', 1)}"
    assert any(line.startswith("2026-03 served  ") and "s" in line and "|" in line for line in lines)
    assert all(len(line) <= 80 for line in lines[:-1])


def test_history_is_the_windows_with_the_ledger(year: World) -> None:
    result = calib("history", STREAM)
    assert [window["period"] for window in result["windows"]] == ["2026-02", "2026-03"]
    assert result["windows"][-1] == calib("run", STREAM, "--period", "2026-03")
    ledger = result["ledger"]
    assert (ledger["labels"], ledger["seconds_per_label"], ledger["changes"]) == (600, None, 1)
    assert ledger["versions"] >= 1
    ran = CliRunner().invoke(app, ["history", STREAM])
    assert "600 labels in 2 periods." in ran.stdout
    assert "2026-03 served" in ran.stdout


def test_status_is_every_stream_in_a_line(year: World) -> None:
    (one,) = calib("status")["streams"]
    assert set(one) == {
        *(
            "stream",
            "state",
            "period",
            "verdict",
            "labels",
            "mapping",
            "mapping_expires_at",
            "alerts",
            "next_run",
        )
    }
    assert (one["stream"], one["state"], one["period"]) == (STREAM, "closed", "2026-03")
    assert (one["verdict"], one["labels"]) == ("degraded", {"n": 300, "missing": 0})
    assert one["mapping_expires_at"] is not None
    assert one["next_run"].endswith("Z")
    assert set(one["alerts"]) == {"waiting", "parked"}
    ran = CliRunner().invoke(app, ["status"])
    assert "DEGRADED" in ran.stdout
    assert one["mapping"][:8] in ran.stdout


def test_status_says_that_a_mapping_has_expired_or_was_withdrawn(
    year: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = calib("status")["streams"]
    later = moment(one["mapping_expires_at"]) + timedelta(seconds=1)
    with monkeypatch.context() as patch:
        patch.setitem(clock(), "now", lambda: later)
        shown = CliRunner().invoke(app, ["status"]).stdout
    assert f"EXPIRED on {one['mapping_expires_at'][:10]}" in shown
    calib("mapping", "withdraw", STREAM, "--reason", "a test")
    (one,) = calib("status")["streams"]
    assert (one["mapping"], one["mapping_expires_at"]) == (None, None)
    assert "no mapping, the raw confidence is served" in CliRunner().invoke(app, ["status"]).stdout
    calib("mapping", "rollback", STREAM, "--reason", "as before")


def test_the_fleet_page_is_written(year: World, tmp_path: Path) -> None:
    result = calib("report", "--fleet", "--to", str(tmp_path))
    assert STREAM in Path(result["html"]).read_text()
    assert (result["stream"], result["data"]) == (None, None)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("report", STREAM, "--period", "2026-04"), 2, "is not there"),
        (("report", "nobody"), 2, "nobody"),
        (("report",), 2, "--fleet"),
        (("report", STREAM, "--fleet"), 2, "not both"),
        (("report", "--fleet", "--period", "2026-01"), 2, "--period"),
        (("report", STREAM, "--to", "calib.toml/there"), 2, "cannot be written"),
        (("history", "nobody"), 2, "nobody"),
    ],
)
def test_what_cannot_be_reported_is_said(
    words: tuple[str, ...],
    code: int,
    said: str,
    year: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = run_calib(monkeypatch, capsys, *words, "--json")
    assert ran.code == code
    assert said in ran.json["error"]["message"]


def test_before_the_first_closed_period_there_is_no_report(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    assert calib("report", STREAM, code=3)["html"] is None
    assert calib("report", "--fleet", code=3)["html"] is None
    assert calib("history", STREAM, code=3)["windows"] == []
    (one,) = calib("status")["streams"]
    assert (one["state"], one["period"], one["mapping"]) == (None, None, None)


def test_the_page_opens_in_the_browser_where_that_is_asked_for(
    year: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr("webbrowser.open", seen.append)
    result = calib("report", STREAM, "--open", "--to", str(tmp_path))
    assert seen == [Path(result["html"]).as_uri()]
