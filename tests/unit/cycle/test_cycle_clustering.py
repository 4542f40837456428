"""Clusters of a window: named, found in its labels, known from earlier windows, or said to be unknown."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri
from window_values import LEVELS, SHARES, window_data

from calib.alerts import window_alerts
from calib.alerts.episodes import Turn
from calib.alerts.message import message
from calib.alerts.window import Previous
from calib.cli.tables import window_panel
from calib.cycle.clustering import clustering
from calib.cycle.data import WindowData
from calib.cycle.early import early_watch
from calib.cycle.evaluation import evaluate, measured
from calib.format import Mapping, PiecewiseLinear
from calib.measure import Strata
from calib.measure.alternatives import alternatives
from calib.measure.significance import expected_accuracy, joint_p_value
from calib.measure.stratum_counts import counts_by_stratum
from calib.review.cohort import day_columns

MAPPING = Mapping(
    stream="triage",
    method="isotonic",
    default=PiecewiseLinear(x=(0.0, 0.12, 1.0), y=(0.001, 0.002, 0.88)),
    created_at="2026-01-01T00:00:00Z",
    evidence={"labels": 500, "periods": []},
)


def rows(seed: int, rho: float = 0.6, *, n: int = 480, down: float = 0.12) -> dict[str, Any]:
    """Rows of thirty days whose days share a cause."""
    rng = np.random.default_rng(seed)
    day, raw = rng.integers(0, 30, n), rng.choice(LEVELS, n, p=SHARES)
    latent = np.sqrt(rho) * rng.standard_normal(30)[day] + np.sqrt(1 - rho) * rng.standard_normal(n)
    return {"raw": raw, "correct": (latent < ndtri(raw - down)).astype(float), "day": 739_000 + day}


def test_days_are_found_counted_and_said() -> None:
    data = window_data("2026-03", **rows(1))
    found = measured(data).clusters
    assert found.source == "day"
    assert found.effective_labels is not None
    assert 20 < found.effective_labels < 160
    assert found.why == (
        f"rows of one day are right or wrong together: 480 labels count as {found.effective_labels:.0f}"
    )
    assert found.why_code == "clusters_day"
    names = data.sample.clusters.tolist()
    assert names == [f"day {day}" for day in data.cohort.day]  # type: ignore[union-attr]


def test_intervals_are_as_wide_as_with_the_days_named() -> None:
    data = rows(1)
    unnamed = window_data("2026-03", **data)
    named = window_data("2026-03", **data, cluster=[str(day) for day in data["day"]])
    unaware = window_data("2026-03", **{name: data[name] for name in ("raw", "correct")})
    results = [measured(window) for window in (unnamed, named, unaware)]
    assert results[0].raw == results[1].raw
    widths = [(r.raw.high or 0) - (r.raw.low or 0) for r in results]
    assert widths[0] > 1.5 * widths[2]
    assert [r.clusters.source for r in results] == ["day", "named", "none"]
    assert results[0].clusters.effective_labels == results[1].clusters.effective_labels


def test_a_named_cluster_goes_before_what_the_days_show() -> None:
    data = rows(1)
    named = window_data("2026-03", **data, cluster=[f"user-{i // 2}" for i in range(480)])
    found = measured(named).clusters
    assert (found.source, found.why_code) == ("named", "clusters_named")


def test_independent_rows_keep_all_their_labels() -> None:
    found = measured(window_data("2026-03", **rows(2, 0.0))).clusters
    assert (found.source, found.effective_labels) == ("none", 480)
    assert found.why == "nothing shows that rows of one day are right or wrong together"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"correct": np.ones(480)}, "clusters_answers_alike"),
        ({"day": np.full(480, 739_000)}, "clusters_too_few_days"),
        ({"day": None}, "clusters_days_unknown"),
        ({"correct": np.full(480, np.nan)}, "clusters_days_unknown"),
    ],
)
def test_what_cannot_be_asked_is_said(changed: dict[str, Any], code: str) -> None:
    found = measured(window_data("2026-03", **rows(3) | changed)).clusters
    assert (found.source, found.why_code) == ("none", code)
    assert found.why


def test_where_all_answers_are_alike_earlier_windows_say_what_they_count_for() -> None:
    earlier = [window_data(f"2026-0{month}", **rows(month)) for month in (1, 2)]
    assert all(window.clustering.source == "day" for window in earlier)
    alike = rows(3) | {"correct": np.ones(480)}
    now, alone = window_data("2026-03", **alike, earlier=earlier), window_data("2026-03", **alike)
    found = measured(now)
    assert (found.clusters.source, found.clusters.why_code) == ("day", "clusters_as_before")
    assert found.clusters.effective_labels is not None
    assert 20 < found.clusters.effective_labels < 200
    first = measured(alone)
    assert first.clusters.effective_labels == 480
    assert (found.raw.high or 0) > (first.raw.high or 1)


def test_a_window_without_an_event_and_with_named_clusters_counts_clusters() -> None:
    data = rows(3) | {"correct": np.ones(480)}
    named = window_data("2026-03", **data, cluster=[str(day) for day in data["day"]])
    found = measured(named).clusters
    assert found.effective_labels is not None
    assert 20 < found.effective_labels <= 30


def served(seed: int, **more: Any) -> WindowData:
    return window_data("2026-03", **rows(seed, **more), served_by=MAPPING)


def test_the_early_watch_is_off_where_clusters_are_found_and_says_so() -> None:
    found = early_watch(served(1, down=0.4))
    assert found is not None
    assert not found.alarm
    assert found.off_code == "early_watch_clusters"
    assert found.off == "rows come in clusters, and the early watch holds for independent rows alone"
    healthy = early_watch(served(2, rho=0.0, down=0.4))
    assert healthy is not None
    assert healthy.off is None
    assert healthy.alarm


def test_the_early_watch_is_off_where_the_baseline_comes_in_clusters() -> None:
    """The first labels of a month are too few to show it by themselves."""
    earlier = [window_data(f"2026-0{month}", **rows(month)) for month in (1, 2)]
    few = rows(2, 0.0, n=40)
    found = early_watch(window_data("2026-03", **few, served_by=MAPPING, earlier=earlier))
    assert found is not None
    assert found.off_code == "early_watch_clusters"


def test_the_same_labels_find_the_same() -> None:
    one, other = window_data("2026-03", **rows(1)), window_data("2026-03", **rows(1))
    assert clustering(one.cohort, "2026-03") == clustering(other.cohort, "2026-03")


def test_shared_days_raise_no_alert_that_the_days_explain() -> None:
    """Months whose days share a cause and where nothing changed: with the days, and blind to them."""
    months = [rows(100 + month, 0.8, n=300) for month in range(9)]
    confirmed = {"days": 0, "blind": 0}
    for name in confirmed:
        windows = [
            window_data(
                f"2025-{month + 1:02d}",
                **(data if name == "days" else {key: data[key] for key in ("raw", "correct")}),
            ).sample
            for month, data in enumerate(months)
        ]
        for now, before in zip(windows[1:], windows, strict=False):
            strata = Strata(upper=(*(int(10_000 * level) for level in LEVELS[:-1]), 10_000), kind="levels")
            counts = [counts_by_stratum(sample, strata) for sample in (now, before)]
            bets = alternatives(expected_accuracy(counts[1].correct, counts[1].labels), SHARES)
            p = joint_p_value(*counts, bets, 199, np.random.default_rng(0))
            confirmed[name] += p <= 0.05
    assert confirmed["days"] <= 1
    assert confirmed["blind"] >= 3


def test_an_alert_and_the_panel_say_it(capsys: pytest.CaptureFixture[str]) -> None:
    earlier = [window_data(f"2026-0{month}", **rows(month)) for month in (1, 2)]
    bad = window_data("2026-03", **rows(1, down=0.45), earlier=earlier)
    result = replace(evaluate(bad).result, state="closed")
    assert result.change.state == "degraded"
    quiet = Previous(rejected_share=None)
    (alert,) = [one for one in window_alerts(result, previous=quiet, turn=Turn()) if one.kind == "degraded"]
    assert alert.facts["clusters"]["source"] == "day"
    why = str(result.clusters.why)
    assert f"{why[0].upper()}{why[1:]}." in message(asdict(alert)).text
    window_panel(result)
    printed = " ".join(capsys.readouterr().out.split())
    assert why in printed


def test_days_are_those_of_the_streams_time_zone() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    labelled = [
        SimpleNamespace(ts=late, answered_at=late, source="outcome"),
        SimpleNamespace(ts=late, answered_at=late, source="review"),
        SimpleNamespace(ts=late, answered_at=None, source=None),
    ]
    first = datetime(2026, 3, 1, tzinfo=UTC).toordinal()
    utc, berlin = day_columns(labelled, "UTC"), day_columns(labelled, "Europe/Berlin")
    assert utc["day"].tolist() == [first] * 3
    assert berlin["day"].tolist() == [first + 1] * 3
    assert utc["outcome_day"].tolist() == [first, -1, -1]


def test_outcomes_of_one_day_are_found_where_predictions_of_one_share_nothing() -> None:
    """As of forecasts: those for one day are right or wrong together, whenever they were made."""
    data = rows(1)
    made = np.random.default_rng(5).permutation(data["day"])
    window = window_data("2026-03", **data | {"day": made})
    cohort = replace(window.cohort, outcome_day=data["day"])
    assert clustering(window.cohort, "2026-03").source == "none"
    found = clustering(cohort, "2026-03")
    assert (found.source, found.code) == ("day", "clusters_outcome_day")
    assert found.clusters == tuple(f"outcome day {day}" for day in data["day"])
    late = np.where(np.arange(480) % 5 == 0, -1, data["day"])  # came in after the window was evaluated
    some = clustering(replace(window.cohort, outcome_day=late), "2026-03")
    assert some.code == "clusters_outcome_day"
    assert [name is None for name in some.clusters] == (late < 0).tolist()
    reviewed = replace(window.cohort, outcome_day=np.full(480, -1))
    assert clustering(reviewed, "2026-03").source == "none"
