"""Two years of thirty streams, made by the product: every surface shows the numbers of every period."""

from __future__ import annotations

import importlib
import json
import re
import urllib.request
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fleet_panels import every_panel_of_grafana_shows_them, every_panel_of_prometheus_shows_them
from fleet_seen import Key, Seen, numbers, six
from in_process import Ran, run_calib
from made_fleet import (
    ACKNOWLEDGED,
    EMPTY,
    PERIODS,
    REOPENED,
    SCARCE,
    SILENCED,
    STREAMS,
    UNLABELLED,
    WITHDRAWN,
    WITHDRAWN_FOR_A_WHILE,
    WORSE,
    MadeFleet,
)
from postgres import Postgres
from prometheus_client.parser import text_string_to_metric_families
from prometheus_server import scraping
from stream_life import quick_fits
from web_server import served

from calib.alerts.message import message
from calib.cycle import summary
from calib.cycle.alert_pictures import alt_text, picture_of
from calib.cycle.reporting import closed_months
from calib.db import windows
from calib.metrics import BY_NAME
from calib.report.document import report_document
from calib.results import WindowResult
from calib.testing.slack import FakeSlack
from calib.wording.numbers import interval

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-prometheus"


def the_fleet_is_what_it_should_be(seen: Seen) -> None:
    standing = [(f"stream-{i:02}", period) for i in range(1, STREAMS + 1) for period in PERIODS]
    assert sorted(seen.results) == standing
    states = Counter(result.state for result in seen.results.values())
    assert states["sampled"] == 1
    assert states["in_review"] == 5
    assert states["insufficient"] >= 3
    for number, period in (EMPTY, SCARCE, UNLABELLED):
        assert seen.results[f"stream-{number:02}", period].state == "insufficient"
    for number, (first, _, segment) in WORSE.items():
        stream = f"stream-{number:02}"
        assert seen.results[stream, first].change.state == "degraded" or segment
        assert segment is None or segment in seen.results[stream, first].degraded_segments
    ended = Counter(row["ended_by"] for row in seen.rows("SELECT * FROM episodes"))
    assert ended["recovered"] >= 4
    assert ended[None] > 0
    verdicts = Counter(result.change.state for result in seen.judged.values())
    assert verdicts["degraded"] >= 4
    assert verdicts["first"] == STREAMS
    assert verdicts["stable"] > 0
    labels = [result.labels for result in seen.judged.values()]
    assert sum(one.unsure for one in labels) > 100
    assert sum(one.missing for one in labels) > 100
    assert any(result.segments for result in seen.judged.values())
    assert any(result.response is not None for result in seen.judged.values())
    (again,) = seen.rows(
        "SELECT count(*) AS n, sum(standing::int) AS standing FROM windows "
        "WHERE stream = :stream AND period = :period",
        stream=f"stream-{REOPENED[0]:02}",
        period=REOPENED[1],
    )
    assert (again["n"], again["standing"]) == (2, 1)
    withdrawn = f"stream-{WITHDRAWN[0]:02}"
    log = seen.calib("mapping", "history", withdrawn, "--json").json["entries"]
    assert log[-1]["withdrawn"]
    promoted = f"stream-{WITHDRAWN_FOR_A_WHILE[0]:02}"
    entries = seen.calib("mapping", "history", promoted, "--json").json["entries"]
    assert any(entry["withdrawn"] for entry in entries)
    assert not entries[-1]["withdrawn"]


def the_command_line_shows_them(seen: Seen) -> None:
    for number in range(1, STREAMS + 1):
        stream = f"stream-{number:02}"
        history = seen.calib("history", stream, "--json").json["windows"]
        assert len(history) == len(PERIODS) + (number == REOPENED[0])
        of_stream = {window["period"]: six(window) for window in history if window["standing"]}
        assert of_stream == {period: numbers(seen.results[stream, period]) for period in PERIODS}
    for stream, result in list(seen.latest.items())[::6]:
        ran = seen.calib("run", stream, "--period", result.period, "--json")
        assert six(ran.json) == numbers(result)


def the_views_show_them(seen: Seen) -> None:
    found = {(row["stream"], row["period"]): row for row in seen.rows("SELECT * FROM v_windows")}
    assert sorted(found) == sorted(seen.results)
    bins: dict[tuple[str, str, str], list[tuple[Any, ...]]] = {}
    columns = "lo, hi, n, weight, mean_score, accuracy, accuracy_low, accuracy_high"
    query = f"SELECT stream, period, confidence, {columns} FROM v_bins ORDER BY bin"  # noqa: S608
    for stream, period, kind, *rest in (row.values() for row in seen.rows(query)):
        bins.setdefault((stream, period, kind), []).append(tuple(rest))
    answers: dict[Key, Counter[str]] = {key: Counter() for key in seen.results}
    for row in seen.rows("SELECT * FROM v_labels"):
        answers[row["stream"], row["period"]][row["answer"]] += row["n"]
    for key, result in seen.results.items():
        row, judged = found[key], key in seen.judged
        assert (row["state"], row["revision"]) == (result.state, result.revision)
        assert {
            "ece": row["served_ece"],
            "low": row["served_ece_low"],
            "high": row["served_ece_high"],
            "accuracy": row["accuracy"],
            "share": row["served_threshold_share"],
            "p": row["p"],
            "rise": row["minimum_detectable_rise"],
        } == numbers(result), key
        expected = "insufficient" if result.state == "insufficient" else result.change.state
        assert row["verdict"] == expected
        for kind, part in (("raw", result.raw), ("served", result.served)):
            stored = [(b.lo, b.hi, b.n, b.weight, b.mean_score, b.accuracy, b.low, b.high) for b in part.bins]
            assert bins.get((*key, kind), []) == (stored if judged else [])
            assert (row[f"{kind}_ece"], row[f"{kind}_brier"]) == (part.ece, part.brier)
        labels, counted = result.labels, answers[key]
        assert counted["correct"] == labels.correct
        assert counted["correct"] + counted["incorrect"] == labels.n
        assert (counted["unsure"], counted["missing"]) == (labels.unsure, labels.missing)
    stored = {
        (m["stream"], m["period"], m["revision"]): m["mapping"] for m in seen.rows("SELECT * FROM v_mappings")
    }
    for (stream, period), result in seen.judged.items():
        assert stored.get((stream, period, result.revision)) == result.refit.mapping


def the_metrics_are_those_of_the_latest_periods(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    printed = seen.calib("metrics").out
    monkeypatch.setenv("CALIB_METRICS_TOKEN", TOKEN)
    with served(seen.made.config.parent) as site:
        request = urllib.request.Request(
            f"{site.address}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            answered = answer.read().decode()
        with scraping(site.address, token=TOKEN, scratch=scratch) as api:
            every_panel_of_prometheus_shows_them(seen, api)
    without_time = [re.sub(r"(?m)^calibwatch_collected.*", "", page) for page in (printed, answered)]
    assert without_time[0] == without_time[1]
    values = {
        (
            sample.name.removeprefix("calibwatch_"),
            *(sample.labels[label] for label in BY_NAME[sample.name].labels),
        ): sample.value
        for family in text_string_to_metric_families(printed)
        for sample in family.samples
    }
    for stream, result in seen.latest.items():
        shown = {
            "ece": values.get(("ece", stream, "served")),
            "low": values.get(("ece_low", stream, "served")),
            "high": values.get(("ece_high", stream, "served")),
            "accuracy": values.get(("accuracy", stream)),
            "share": values.get(("threshold_share", stream, "served")),
            "p": values.get(("change_p", stream)),
            "rise": values.get(("minimum_detectable_rise", stream)),
        }
        assert shown == numbers(result), stream
        verdict = "insufficient" if result.state == "insufficient" else result.change.state
        assert values["verdict", stream, str(verdict)] == 1
        newest = seen.results[stream, PERIODS[-1]].labels
        assert (values["labels", stream], values["labels_missing", stream]) == (newest.n, newest.missing)
        assert values["mapping_serving", stream] == (stream != f"stream-{WITHDRAWN[0]:02}")
    waiting = [row for row in seen.rows("SELECT * FROM v_alerts") if row["state"] in ("waiting", "parked")]
    for state in ("waiting", "parked"):
        of_state = sum(row["state"] == state for row in waiting)
        assert of_state > 0
        assert sum(v for key, v in values.items() if key[0] == "alerts" and key[-1] == state) == of_state
    for job in ("sample", "evaluate", "relay", "watchdog"):
        assert values["job_last_run_timestamp_seconds", job] == seen.made.clock.now().timestamp()


def alerts_say_them(seen: Seen) -> None:
    alerts = seen.rows("SELECT * FROM outbox")
    states = Counter(row["state"] for row in alerts)
    assert states["delivered"] > 100
    assert states["silenced"] > 0
    assert (states["parked"], states["pending"]) == (1, 2)
    assert {row["id"] for row in alerts if row["state"] == "delivered"} == set(seen.made.slack.ids) | {
        row["id"] for row in seen.rows("SELECT * FROM v_alerts WHERE acknowledged_at IS NOT NULL")
    }
    assert any(row["kind"] == "early_warning" for row in alerts)
    silenced = [
        row["kind"]
        for row in alerts
        if row["stream"] == f"stream-{SILENCED[0]:02}"
        and (row["period"], row["state"]) == (SILENCED[1], "silenced")
    ]
    assert "degraded" in silenced
    (seen_by,) = seen.rows("SELECT * FROM v_alerts WHERE acknowledged_at IS NOT NULL")
    assert (seen_by["stream"], seen_by["period"]) == (f"stream-{ACKNOWLEDGED[0]:02}", ACKNOWLEDGED[1])
    told = 0
    pictures = 0
    for row in alerts:
        if row["kind"] != "degraded":
            continue
        told += 1
        result, facts = seen.results[row["stream"], row["period"]], row["payload"]["facts"]
        threshold = facts["threshold"]
        assert {
            "ece": facts["served"]["ece"],
            "low": facts["served"]["low"],
            "high": facts["served"]["high"],
            "accuracy": facts["raw"]["accuracy"],
            "share": threshold and threshold["share"],
            "p": facts["change"]["p"],
            "rise": facts["change"]["minimum_detectable_rise"],
        } == numbers(result)
        assert interval(result.served) in json.dumps(message(row["payload"]).blocks, ensure_ascii=False)
        if pictures == 0:
            picture = picture_of(seen.made.app.engine, row["payload"])
            assert picture is not None
            assert interval(result.served) in picture.alt == alt_text(result)
            pictures += 1
    assert told >= 4


def reports_show_them(seen: Seen) -> None:
    with seen.made.app.engine.connect() as conn:
        for stream in seen.latest:
            months = closed_months(conn, stream, now=seen.made.clock.now())
            judged = [result for (name, _), result in seen.judged.items() if name == stream]
            assert [numbers(month.result) for month in months] == [numbers(result) for result in judged]
            document = report_document(months, judged[-1]).to_json()
            assert six(document["window"]) == numbers(seen.latest[stream])


def evidently_shows_them(seen: Seen, script: Any) -> None:
    """What the workspace's script takes of every period, and what Evidently makes of it for the latest."""
    from evidently import Dataset, Report

    from calib.evidently_metrics import WINDOW, WindowNumber

    names = {
        "served_ece": "ece",
        "served_ece_low": "low",
        "served_ece_high": "high",
        "accuracy": "accuracy",
        "threshold_share": "share",
        "p": "p",
        "minimum_detectable_rise": "rise",
    }
    latest = seen.latest
    for result in seen.judged.values():
        known = {key: value for key, value in numbers(result).items() if value is not None}
        expected = {name: known[key] for name, key in names.items() if key in known}
        taken = script.numbers(result)
        assert {name: value for name, value in taken.items() if name in names} == expected
        if result is not latest[result.stream] or not taken:
            continue
        row = Dataset.from_pandas(pd.DataFrame([taken]))
        made = Report([WindowNumber(number=name) for name in taken]).run(row, additional_data={WINDOW: row})
        values = made.metric_results.values()
        shown = {one.metric_value_location.metric.params["number"]: one.value for one in values}
        assert shown == taken


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        monkeypatch.syspath_prepend(str(ROOT / "dashboards"))
        yield importlib.import_module("evidently_runs")


def test_every_surface_shows_the_numbers_of_every_period(
    postgres_server: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    subtests: pytest.Subtests,
    script: Any,
) -> None:
    """One test with parts of its own, so that the fleet is made once, whatever worker runs it."""
    quick_fits(monkeypatch)
    fleets: list[MadeFleet] = []
    with (
        postgres_server.database() as name,
        FakeSlack(now=lambda: fleets[0].clock.now().timestamp()) as slack,
    ):
        made = MadeFleet(tmp_path, database=postgres_server.url(name), slack=slack)
        fleets.append(made)
        made.make()
        results: dict[Key, WindowResult] = {}
        for stream in made.streams.values():
            with made.app.engine.connect() as conn:
                known = [window for window in windows.of_stream(conn, stream.name) if window.standing]
            ports = made.app.ports(stream.name)
            results |= {(one.stream, one.period): summary(one, ports) for one in known}

        def calib(*arguments: Any) -> Ran:
            ran = run_calib(monkeypatch, capsys, *arguments, "--config", made.config)
            assert ran.code == 0, ran.err
            return ran

        seen = Seen(made, calib, results)
        with subtests.test("the fleet"):
            the_fleet_is_what_it_should_be(seen)
        with subtests.test("the command line"):
            the_command_line_shows_them(seen)
        with subtests.test("the views"):
            the_views_show_them(seen)
        with subtests.test("metrics"):
            the_metrics_are_those_of_the_latest_periods(seen, monkeypatch, tmp_path)
        with subtests.test("grafana"):
            every_panel_of_grafana_shows_them(seen)
        with subtests.test("alerts"):
            alerts_say_them(seen)
        with subtests.test("reports"):
            reports_show_them(seen)
        with subtests.test("evidently"):
            evidently_shows_them(seen, script)
        made.app.engine.dispose()
