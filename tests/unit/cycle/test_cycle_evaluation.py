"""A whole window as values: what is measured, decided, proven and proposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from window_values import LEVELS, SHARES, sample, window_data

from calib.cycle.data import WindowData
from calib.cycle.evaluation import Evaluation, evaluate, in_progress
from calib.cycle.measuring import mix_part, segments_part
from calib.cycle.verdict import decide_change
from calib.format import Identity, Mapping, PiecewiseLinear
from calib.results import WindowResult
from calib.results.window import NoCut, ProvenCut
from calib.routing.report import certificates, routes_report

Accuracy = Callable[[Any], Any]


def healthy(raw: Any) -> Any:
    return raw - 0.12


def fallen(raw: Any) -> Any:
    return raw - 0.45


def proposed(evaluation: Evaluation) -> Mapping | None:
    text = evaluation.proposal.mapping
    return None if text is None else Mapping.from_bytes(text.encode())


def test_a_first_window_is_measured_and_proposes_a_mapping_against_an_empty_channel() -> None:
    found = evaluate(window_data("2026-01", **sample("2026-01", 300)))
    result, mapping = found.result, proposed(found)
    assert result.change.state == "first"
    assert (result.raw.low or 1) <= 0.12 <= (result.raw.high or 0)
    assert result.served.source == "raw"
    assert result.refit.reason_code == "refit_better"
    assert mapping is not None
    assert mapping.digest == result.refit.mapping
    assert mapping.evidence["periods"] == ["2026-01"]
    assert mapping.parent is None
    assert (found.proposal.expected, found.proposal.renew) == (None, False)


def test_a_month_after_it_is_served_by_that_mapping_and_compared_with_the_first() -> None:
    first = window_data("2026-01", **sample("2026-01", 300))
    mapping = proposed(evaluate(first))
    data = window_data("2026-04", **sample("2026-04", 300), served_by=mapping, earlier=[first])
    found = evaluate(data)
    assert (found.result.served.ece or 0) < 0.6 * (found.result.raw.ece or 0)
    assert found.result.change.state in ("no_change_seen", "stable")
    assert (found.result.baseline.periods, found.result.baseline.labels) == (("2026-01",), 300)
    assert not found.confirmed_change
    assert found.proposal.expected == (data.head.digest if data.head else None)
    worse = decide_change(
        window_data("2026-04", **sample("2026-04", 300, fallen), served_by=mapping, earlier=[first])
    )
    assert worse.confirmed
    assert (worse.result().state, worse.result().direction) == ("degraded", "accuracy fell")


@pytest.mark.parametrize("segments", [False, True])
def test_the_accuracy_is_one_number_with_one_interval(segments: bool) -> None:
    """What is served is far from what is stated, so that its own strata would give another interval."""
    if segments:
        data = segmented("2026-04", lambda raw, _: healthy(raw))
        result = evaluate(data).result
        parts = [(part.raw, part.served) for part in result.segments.values()]
        assert parts
    else:
        mapping = proposed(evaluate(window_data("2026-01", **sample("2026-01", 300))))
        result = evaluate(window_data("2026-04", **sample("2026-04", 300), served_by=mapping)).result
        parts = [(result.raw, result.served)]
        assert abs((result.raw.mean_confidence or 0) - (result.served.mean_confidence or 0)) > 0.05
    for raw, served in parts:
        assert served.accuracy == pytest.approx(raw.accuracy)
        assert (served.accuracy_low, served.accuracy_high) == (raw.accuracy_low, raw.accuracy_high)


def test_the_same_data_gives_the_same_evaluation_to_the_last_bit() -> None:
    first = window_data("2026-01", **sample("2026-01", 80))
    data = window_data("2026-02", **sample("2026-02", 80), earlier=[first])
    assert evaluate(data) == evaluate(data)


def test_a_mapping_that_is_upheld_is_renewed_and_a_missing_one_is_not() -> None:
    truth = PiecewiseLinear(x=(0.0, 0.12, 1.0), y=(0.001, 0.002, 0.88))
    true = Mapping(
        stream="triage", method="isotonic", default=truth, created_at="2025-12-02T00:00:00Z", evidence={}
    )
    upheld = evaluate(window_data("2026-04", **sample("2026-04", 100), served_by=true))
    assert upheld.proposal.mapping is None, "it was published: choose other traffic"
    assert upheld.proposal.renew
    assert upheld.result.refit.upheld
    one_class = evaluate(window_data("2026-01", [0.5, 0.9] * 100, [1.0] * 200))
    assert one_class.result.refit.reason_code == "refit_one_class"
    assert not one_class.proposal.renew


def test_an_older_window_never_replaces_a_newer_mapping() -> None:
    later = Mapping(
        stream="triage",
        method="isotonic",
        default=Identity(),
        created_at="2026-04-02T00:00:00Z",
        evidence={"period": "2026-03"},
    )
    found = evaluate(window_data("2026-02", **sample("2026-02", 80, fallen), published=later))
    assert found.proposal.mapping is None
    assert not found.result.refit.published
    assert found.result.refit.reason == "the served mapping rests on 2026-03, later than 2026-02"


def test_too_few_labels_close_the_window_without_a_verdict() -> None:
    rows = sample("2026-01", 100)
    rows["correct"][49:] = np.nan
    found = evaluate(window_data("2026-01", **rows))
    assert found.insufficient is not None
    assert found.result.refit.reason_code == "too_few_labels"
    assert found.result.change.state is None
    assert found.result.raw.n == 49
    nothing = evaluate(window_data("2026-01", [], []))
    assert (nothing.result.population, nothing.result.raw.n) == (0, 0)
    assert WindowResult.from_json(nothing.result.to_json()) == nothing.result


def test_a_window_in_progress_tells_its_labels_and_nothing_else() -> None:
    rows = sample("2026-01", 100)
    rows["correct"][40:] = np.nan
    found = in_progress(window_data("2026-01", **rows))
    assert (found.labels.n, found.labels.missing, found.state) == (40, 60, "in_review")
    assert (found.raw.ece, found.change.state, found.refit.reason_code) == (None, None, "labels_incomplete")


def clustered(period: str, n: int = 900, size: int = 30, **more: Any) -> WindowData:
    """Conversations of thirty rows that are right or wrong together."""
    rng = np.random.default_rng([8, int(period.replace("-", ""))])
    raw = rng.choice(LEVELS, n, p=SHARES)
    luck = np.repeat(rng.random(n // size), size)
    names = [f"{period}-{row // size}" for row in range(n)]
    return window_data(period, raw, (luck < raw - 0.12).astype(float), cluster=names, **more)


def cuts(found: Any) -> list[tuple[float, float | None, int | None]]:
    return [(part.target, part.cut, part.n if isinstance(part, ProvenCut) else None) for part in found]


def test_clustered_rows_count_as_what_they_are_in_every_promise() -> None:
    data = clustered("2026-02", targets=(0.6, 0.75))
    plain = window_data("2026-02", data.cohort.raw, data.cohort.correct, targets=(0.6, 0.75))
    assert data.effect > 3
    assert plain.effect == 1.0
    found = evaluate(data)
    report = routes_report(
        data.routing, stream="triage", period="2026-02", targets=data.policy.targets, threshold=0.7
    )
    assert cuts(report.certificates) == cuts(found.result.certificates)
    assert cuts(found.result.certificates) != cuts(certificates(plain.routing, data.policy.targets))
    mapping = proposed(found)
    if mapping is not None:
        published = {item["target"]: item["cut"] for item in mapping.certificates}
        for part in found.result.certificates:
            assert published.get(part.target) == part.cut
    assert report.threshold is not None
    alone = routes_report(
        plain.routing, stream="triage", period="2026-02", targets=(0.75,), threshold=0.7
    ).threshold
    assert alone is not None
    assert report.threshold.raw.n == pytest.approx(alone.raw.n / data.effect)
    assert (report.threshold.raw.low or 1) < (alone.raw.low or 0)


def test_a_segments_promise_counts_clusters_as_the_whole_does() -> None:
    names = ["billing" if row % 60 < 30 else "sales" for row in range(900)]
    data = clustered("2026-02", segment=names, targets=(0.6,))
    part = routes_report(
        data.routing, stream="triage", period="2026-02", targets=(0.6,), threshold=None
    ).segments["billing"]
    alone = replace(data.routing.of_segment("billing"), effect=1.0)
    (with_clusters,), (without,) = part.certificates, certificates(alone, (0.6,))
    assert isinstance(without, ProvenCut)
    assert isinstance(with_clusters, NoCut) or with_clusters.n < without.n / 3


def segmented(period: str, accuracy: Callable[[Any, Any], Any], **more: Any) -> WindowData:
    rng = np.random.default_rng(int(period.replace("-", "")))
    segment = rng.choice(["billing", "refunds", "rare"], 600, p=[0.6, 0.38, 0.02])
    raw = rng.choice(LEVELS, 600, p=SHARES)
    correct = (rng.random(600) < accuracy(raw, segment)).astype(float)
    return window_data(period, raw, correct, segment=segment.tolist(), labels=600, **more)


def test_a_segment_that_degrades_is_named_and_the_others_are_not() -> None:
    first = segmented("2026-01", lambda raw, _: raw - 0.12)
    data = segmented(
        "2026-02", lambda raw, part: np.where(part == "refunds", raw - 0.42, raw - 0.12), earlier=[first]
    )
    decided = decide_change(data)
    assert {name: change.state == "degraded" for name, change in decided.segments.items()} == {
        "billing": False,
        "refunds": True,  # "rare" is too small to be tested by itself
    }
    assert decided.segments["refunds"].direction == "accuracy fell"
    parts = segments_part(data, decided.segments)
    begun = replace(data, baseline=replace(data.baseline, segments={"refunds": ()}))
    assert "refunds" not in decide_change(begun).segments  # its own baseline has no labels yet
    refunds, billing = (parts[name].gap_pooled for name in ("refunds", "billing"))
    assert refunds is not None
    assert billing is not None
    assert refunds.low > billing.high


def test_gaps_of_many_segments_are_drawn_together() -> None:
    rows = sample("2026-01", 1200)
    names = [f"part {row % 5}" for row in range(1200)]
    parts = segments_part(window_data("2026-01", **rows, segment=names, labels=1200), {}).values()
    gaps = [part.served.gap for part in parts if part.served.gap is not None]
    pooled = [part.gap_pooled.gap for part in parts if part.gap_pooled is not None]
    assert len(gaps) == len(pooled) == 5
    assert max(pooled) - min(pooled) < 0.8 * (max(gaps) - min(gaps))


@pytest.mark.parametrize(("skill", "used"), [(0.9, True), (0.0, False)])
def test_a_judge_makes_labels_count_for_more_and_a_coin_does_not(skill: float, used: bool) -> None:
    def judged(period: str, **more: Any) -> WindowData:
        rows = sample(period, 400)
        rng = np.random.default_rng([5, int(period.replace("-", ""))])
        judge = np.where(rng.random(400) < skill, rows["correct"], rng.random(400) < 0.5)
        return window_data(period, **rows, judge=judge, rows_each=50, **more)

    change = decide_change(judged("2026-03", earlier=[judged("2026-01"), judged("2026-02")])).result()
    assert change.judge is not None
    assert change.judge.used is used
    assert change.judge.reason_code == ("judge_used" if used else "judge_may_be_chance")
    assert (change.baseline_labels > 1200) is used


def test_another_mix_of_scores_is_its_own_finding_and_no_change() -> None:
    first = window_data("2026-01", **sample("2026-01", 3000))
    rng = np.random.default_rng(3)
    raw = rng.choice(LEVELS, 3000, p=SHARES[::-1] * 0.2 + np.array([0.4, 0.4, 0, 0, 0, 0]))
    moved = window_data("2026-02", raw, (rng.random(3000) < raw - 0.12).astype(float), earlier=[first])
    mix = mix_part(moved)
    assert mix is not None
    assert mix.moved > 0.3
    assert mix.notable
    assert decide_change(moved).stream.change.state not in ("degraded", "changed")
    again = mix_part(window_data("2026-02", **sample("2026-02", 3000), earlier=[first]))
    assert again is not None
    assert not again.notable
