"""Every panel of Grafana's dashboards on the fleet: what it shows, and how long its query takes."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fleet_seen import Seen, numbers
from grafana_queries import NAMES, as_grafana_sends_it, queries, series, targets
from made_fleet import WITHOUT_THRESHOLD
from prometheus_server import asked, values
from sqlalchemy import text

PATIENCE = 180
MOST_MS = 2_000  # of a query of Grafana's, on a busy machine; quietly they take an eighth of a second at most


def every_panel_of_grafana_shows_them(seen: Seen) -> None:
    titles = {(name, title) for name, title, _ in queries()}
    assert len(titles) >= 16
    slowest = 0.0
    engine = seen.made.app.engine
    for name, title, sql in queries():
        streams = list(seen.latest) if "${stream" in sql else ["stream-06"]
        for stream in streams:
            asked = as_grafana_sends_it(sql, stream=stream, period=seen.latest[stream].period)
            with engine.connect() as conn:
                answer = conn.execute(text(asked))
                columns, rows = list(answer.keys()), [dict(row) for row in answer.mappings()]
            no_threshold = title == "At the threshold" and stream == f"stream-{WITHOUT_THRESHOLD:02}"
            assert rows or title == "Alerts" or no_threshold, f"{name}: {title} shows nothing of {stream}"
            if sql in series():
                assert columns == ["time", "metric", "value"], title
            if "time" in columns:
                assert [row["time"] for row in rows] == sorted(row["time"] for row in rows), title
            _held(seen, title, stream, rows)
        with engine.connect() as conn:
            explained = [
                conn.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}")).scalar_one() for _ in range(3)
            ]
        took = min(plan[0]["Execution Time"] + plan[0]["Planning Time"] for plan in explained)
        print(f"{name} {title}: {took:.0f} ms")
        slowest = max(slowest, took)
    assert slowest < MOST_MS


def _held(seen: Seen, title: str, stream: str, rows: list[dict[str, Any]]) -> None:
    """The numbers of a panel against those of the windows, for the panels that show them."""
    judged = {period: result for (name, period), result in seen.judged.items() if name == stream}
    columns = {
        "ece": "served ECE",
        "low": "low",
        "high": "high",
        "accuracy": "accuracy",
        "share": "share at threshold",
        "p": "p",
        "rise": "detectable rise",
    }
    if title == "Streams":
        assert {row["stream"]: {k: row[c] for k, c in columns.items()} for row in rows} == {
            name: numbers(result) for name, result in seen.latest.items()
        }
    elif title == "Periods":
        assert {row["period"]: {k: row[c] for k, c in columns.items()} for row in rows} == {
            period: numbers(result) for period, result in judged.items()
        }
    elif title == "Served ECE":
        expected = sorted(
            (name, one.served.ece) for (name, _), one in seen.judged.items() if one.served.ece is not None
        )
        assert sorted((row["metric"], row["value"]) for row in rows) == expected
    elif title == "ECE":
        assert [(row["served"], row["served low"], row["served high"]) for row in rows] == [
            (one.served.ece, one.served.low, one.served.high) for one in judged.values()
        ]
    elif title == "Change test":
        assert [(row["p"], row["detectable rise"]) for row in rows] == [
            (one.change.p, one.change.minimum_detectable_rise) for one in judged.values()
        ]
    elif title == "At the threshold":
        acting = [one.pictures.threshold for one in judged.values() if one.pictures is not None]
        shares = [one.served.share for one in acting if one is not None]
        assert [row["share, served"] for row in rows] == shares
    elif title == "Reliability of the period, served":
        bins = [one for one in judged[max(judged)].served.bins if one.n]
        assert [(row["accuracy"], row["low"], row["high"]) for row in rows] == [
            (one.accuracy, one.low, one.high) for one in bins
        ]
    elif title == "Verdicts":
        assert sum(row["value"] for row in rows) == len(seen.judged)


def every_panel_of_prometheus_shows_them(seen: Seen, api: str) -> None:
    """Each expression of the dashboards, evaluated by a server that has read the fleet's metrics."""
    deadline = time.monotonic() + PATIENCE
    while len(values(api, "calibwatch_labels_missing")) < len(seen.latest):
        assert time.monotonic() < deadline, asked(f"{api}/targets")
        time.sleep(0.5)
    stream = "stream-10"
    newest = {name: result.labels.missing for (name, _), result in sorted(seen.results.items())}
    states = [row["state"] for row in seen.rows("SELECT state FROM v_alerts")]
    serving = len(values(api, "calibwatch_mapping_expires_timestamp_seconds"))
    expected = {
        ("fleet.json", "Degraded streams"): sum(r.change.state == "degraded" for r in seen.latest.values()),
        ("fleet.json", "Labels missing"): sum(newest.values()),
        ("fleet.json", "Alerts waiting"): states.count("waiting"),
        ("fleet.json", "Alerts parked"): states.count("parked"),
        ("fleet.json", "Mappings that expire"): serving,  # the fleet's last month is long over
        ("stream.json", "Labels missing"): newest[stream],
    }
    assert serving > 20
    assert expected["fleet.json", "Labels missing"] > 0
    for name in NAMES:
        for title, target in targets(name):
            if "expr" not in target:
                continue
            (shown,) = values(api, target["expr"].replace("$stream", stream))
            value = float(shown["value"][1])
            if (name, title) in expected:
                assert value == expected.pop((name, title)), title
            else:  # the age of a mapping, and since when a job has not run
                assert value == pytest.approx(time.time() - seen.made.clock.now().timestamp(), rel=0.2)
    assert not expected
