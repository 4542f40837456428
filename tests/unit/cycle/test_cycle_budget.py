"""The budget of false alarms is divided once, and each test gets its own part and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from window_values import sample, window_data

from calib.cycle import verdict
from calib.cycle.baseline import Baseline
from calib.cycle.budget import Budget, weights
from calib.cycle.data import WindowData
from calib.cycle.verdict import decide_change
from calib.measure import holm


def test_a_year_of_budget_becomes_the_alphas_of_a_month() -> None:
    budget = Budget.of_stream(false_alarms_per_year=1.2, period="month")
    assert (budget.window, budget.anchor, budget.early) == pytest.approx((0.05, 0.02, 0.02))
    assert budget.certificates == pytest.approx(0.01)
    assert budget.early_evidence == pytest.approx(50)


def test_no_window_spends_more_than_a_coin() -> None:
    assert Budget.of_stream(false_alarms_per_year=100, period="month").window == pytest.approx(0.25)


def test_the_stream_has_half_of_its_windows_share_and_the_segments_the_rest() -> None:
    assert weights(0).tolist() == [1.0]
    assert weights(4).tolist() == [0.5, 0.125, 0.125, 0.125, 0.125]


def drifted(down: float) -> WindowData:
    """A window whose accuracy lies `down` below what is stated, after two months at .10 and .12 below."""
    first = window_data("2026-01", **sample("2026-01", accuracy=lambda raw: raw - 0.10))
    before = window_data("2026-02", **sample("2026-02"))
    data = window_data(
        "2026-03", **sample("2026-03", accuracy=lambda raw: raw - down), earlier=[first, before]
    )
    return replace(data, baseline=replace(data.baseline, pooled=(before.window.id,)))


def spending(data: WindowData, alpha: float) -> WindowData:
    """The window where all its tests together may spend `alpha`."""
    return replace(data, policy=replace(data.policy, false_alarms_per_year=12 * alpha))


def test_the_pooled_test_spends_half_of_alpha() -> None:
    data = replace(drifted(0.17), baseline=Baseline(pooled=(202602,), anchor=None, segments={}))
    data = spending(data, 0.5)
    p = decide_change(data).stream.change.p
    assert p is not None
    assert p > 0.03  # so that the number of simulated draws, and with it p, is the same below
    assert decide_change(spending(data, p / 0.5 * 1.01)).confirmed
    assert not decide_change(spending(data, p / 0.5 * 0.99)).confirmed


def test_the_anchor_is_tested_at_one_fifth_of_alpha() -> None:
    data = spending(drifted(0.15), 0.5)
    decided = decide_change(data)
    assert decided.anchor is not None
    assert decided.anchor.p is not None
    assert 0.03 < decided.anchor.p < 0.1 < (decided.stream.change.p or 0)
    above = decide_change(spending(data, decided.anchor.p / 0.2 * 1.01))
    assert above.confirmed
    assert above.result().against == "anchor"
    assert not decide_change(spending(data, decided.anchor.p / 0.2 * 0.99)).confirmed


def test_segments_share_their_part_of_the_budget_by_holm() -> None:
    """Two segments have a quarter of the share each; what Holm passes on makes one of them hear more."""
    refunds = np.arange(1200) % 2 == 1
    now = sample("2026-03", 1200, accuracy=lambda raw: raw - np.where(refunds, 0.2, 0.12))
    before, names = sample("2026-02", 1200), np.where(refunds, "refunds", "billing").tolist()
    past = window_data("2026-02", **before, segment=names)
    data = window_data("2026-03", **now, segment=names, earlier=[past])
    decided = decide_change(spending(data, 0.5))
    changes = [decided.stream.change, *decided.segments.values()]
    assert list(decided.segments) == ["billing", "refunds"]
    adjusted = holm([change.p or 0.0 for change in changes], [0.5, 0.25, 0.25])
    assert [change.confirmed for change in changes] == [p <= 0.25 for p in adjusted.tolist()]
    assert 0 < sum(change.confirmed for change in changes) < 3


def test_what_could_have_been_seen_is_reckoned_at_each_tests_own_alpha(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spent: list[float] = []
    compare = verdict.compare

    def watched(*rows: Any, alpha: float, **how: Any) -> Any:
        spent.append(alpha)
        return compare(*rows, alpha=alpha, **how)

    monkeypatch.setattr(verdict, "compare", watched)
    rows, names = sample("2026-03", 400), ["billing", "refunds"] * 200
    past = [window_data(month, **sample(month, 400), segment=names) for month in ("2026-01", "2026-02")]
    data = window_data("2026-03", **rows, segment=names, earlier=past, labels=400)
    decide_change(spending(data, 0.1))
    assert spent == pytest.approx([0.05 * 0.5, 0.02, 0.05 * 0.25, 0.05 * 0.25])
