"""Earlier certificates against a window's labels: which are held, and what a broken one costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from window_values import sample, window_data

from calib.cycle.data import WindowData
from calib.cycle.evaluation import evaluate
from calib.cycle.promises import certificates_kept, fit_period, without_broken
from calib.format import Mapping, PiecewiseLinear
from calib.results.window import ProvenCut

CURVE = PiecewiseLinear(x=(0.0, 1.0), y=(0.05, 0.95))


def certificate(target: float, cut: float) -> dict[str, Any]:
    return {"target": target, "confidence": 0.95, "cut": cut, "share": 0.5, "n": 200, "accuracy_low": target}


def mapping(*certificates: dict[str, Any], period: Any = "2026-01", **evidence: Any) -> Mapping:
    stated = {} if period is None else {"period": period, "labels": 300, "periods": [period]}
    return Mapping(
        stream="triage",
        method="isotonic",
        default=CURVE,
        created_at="2026-02-02T00:00:00Z",
        certificates=certificates,
        evidence=stated | evidence,
    )


def window(published: Mapping | None, *, fall: float = 0.0, proved: Any = (), **how: Any) -> WindowData:
    """March: states what is true but for `fall`; February proved `proved`."""
    before = window_data("2026-02", **sample("2026-02", accuracy=lambda raw: raw))
    rows = sample("2026-03", accuracy=lambda raw: raw - fall)
    data = window_data("2026-03", **rows, published=published, served_by=published, earlier=[before], **how)
    proven = tuple(ProvenCut(**one) for one in proved)
    return replace(data, earlier=[replace(data.earlier[0], certificates=proven)])


def kept(data: WindowData) -> list[tuple[float, float, str, str]]:
    return [(one.target, one.cut, one.from_, one.kept) for one in certificates_kept(data)]


def test_what_the_last_window_proved_and_what_clients_follow_are_held() -> None:
    proved = [certificate(0.9, 0.95), certificate(0.95, 1.0)]
    data = window(mapping(certificate(0.9, 0.8), certificate(0.87, 0.8)), proved=proved, fall=0.3)
    assert kept(data) == [
        (0.9, 0.8, "2026-01", "no"),
        (0.9, 0.95, "2026-02", "no"),
        (0.95, 1.0, "2026-02", "no"),
    ]
    same = window(mapping(certificate(0.9, 0.95), period="2026-02"), proved=proved)
    assert [one[:3] for one in kept(same)] == [(0.9, 0.95, "2026-02"), (0.95, 1.0, "2026-02")]


def test_a_healthy_month_breaks_nothing_and_says_what_was_acted_on() -> None:
    data = window(mapping(certificate(0.9, 0.9)), targets=(0.9,))
    (one,) = certificates_kept(data)
    assert one.kept in ("yes", "unknown")
    assert one.low is not None
    assert one.high is not None
    assert one.low <= one.accuracy <= one.high  # type: ignore[operator]
    assert one.share == pytest.approx((data.sample.scores >= 0.9).mean(), abs=0.01)
    assert without_broken(data, data.published) == (data.published, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("period", ["2026-03", "2026-04"])
def test_certificates_of_the_same_month_or_a_later_one_are_not_held_against_it(period: str) -> None:
    data = window(mapping(certificate(0.9, 0.8), period=period), fall=0.3)
    assert kept(data) == []
    assert without_broken(data, data.published)[1] == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("period", [None, 7, "spring"])
def test_a_mapping_of_one_s_own_is_held_from_the_day_it_was_made(period: Any) -> None:
    own = mapping(certificate(0.9, 0.8), period=period)
    assert fit_period(own) is None
    assert kept(window(own, fall=0.3)) == [(0.9, 0.8, "2026-02-02", "no")]


def test_a_withdrawn_channel_promises_nothing() -> None:
    data = window(mapping(certificate(0.9, 0.8)), fall=0.3)
    assert data.head is not None
    assert kept(replace(data, head=replace(data.head, withdrawn=True))) == []


def test_what_is_broken_is_left_out_and_the_curves_stay() -> None:
    published = mapping(
        certificate(0.9, 0.8),
        certificate(0.2, 0.8),
        {"target": "odd"},
        segment_certificates={"law": [certificate(0.9, 0.8), certificate(0.2, 0.8)]},
    )
    data = window(published, fall=0.3, segment=["law", "tax"] * 300)
    anew, dropped = without_broken(data, published)
    assert dropped == 2
    assert anew.cuts == anew.segment_cuts["law"] == ((0.2, 0.8),)
    assert {"target": "odd"} in anew.certificates
    assert (anew.curve_digest, anew.parent) == (published.curve_digest, published.digest)
    assert anew.digest != published.digest
    assert anew.evidence["certificates_broken"] == [
        {"target": 0.9, "cut": 0.8, "in": "2026-03"},
        {"target": 0.9, "cut": 0.8, "in": "2026-03", "segment": "law"},
    ]
    assert Mapping.from_bytes(anew.to_bytes()) == anew
    assert without_broken(data, anew) == (anew, 0)


def upheld(fall: float) -> Any:
    """A month whose mapping is exactly right for what the month shows, so that no refit beats it."""
    raw = np.repeat([0.5, 0.7, 0.9], 200)
    right = np.concatenate([np.arange(200) < round(200 * (level - fall)) for level in (0.5, 0.7, 0.9)])
    true = PiecewiseLinear(x=(0.5, 0.7, 0.9), y=(0.5 - fall, 0.7 - fall, 0.9 - fall))
    published = replace(mapping(certificate(0.85, 0.9)), default=true)
    return evaluate(
        window_data(
            "2026-03",
            raw,
            right.astype(float),
            published=published,
            served_by=published,
            earlier=[window_data("2026-02", raw, right.astype(float))],
            targets=(0.85,),
        )
    )


def test_an_upheld_mapping_is_published_anew_without_its_broken_certificates() -> None:
    broken, sound = upheld(0.3), upheld(0.0)
    assert broken.result.refit.upheld
    assert not broken.result.refit.published
    assert (broken.result.refit.certificates_dropped, sound.result.refit.certificates_dropped) == (1, 0)
    assert [one.kept for one in broken.result.certificates_kept] == ["no"]
    assert broken.proposal.renew
    anew = Mapping.from_bytes(broken.proposal.mapping.encode())
    assert (anew.digest, anew.cuts) == (broken.result.refit.mapping, ())
    assert sound.result.refit.upheld
    assert (sound.proposal.mapping, sound.proposal.renew) == (None, True)
