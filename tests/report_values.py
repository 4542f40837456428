"""Windows for pictures and pages: typed results with numbers of their own, which no statistics make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import sqrt
from typing import Any

from calib.period import Period, periods
from calib.report.months import Month
from calib.results import EceInterval, Measured, WindowResult
from calib.results.measured import Bin
from calib.results.pictures import (
    Acting,
    Amount,
    BaselineMeasured,
    PictureBins,
    PictureData,
    RoutingPoint,
    ThresholdEffect,
)
from calib.results.response import AgreementResult, ResponseResult, StratumResponse
from calib.results.window import (
    AlertState,
    BaselineUsed,
    ChangeResult,
    DrawnSample,
    LabelCounts,
    MappingShare,
    MixResult,
    NoCut,
    PooledGap,
    ProvenCut,
    RefitResult,
    SegmentResult,
    ServedMeasured,
    StreamChange,
)

LEVELS = (0.55, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
MASSES = (0.01, 0.09, 0.15, 0.2, 0.25, 0.2, 0.1)
STRATA = ((0.0, 0.6), (0.6, 0.75), (0.75, 0.82), (0.82, 0.88), (0.88, 0.93), (0.93, 0.97), (0.97, 1.0))
FIRST, CHANGED = "2025-11", "2026-07"
DIGESTS = tuple(f"{i:x}" * 64 for i in range(1, 16))


def bins(gap: float, *, n: int = 500, levels: bool = True) -> tuple[Bin, ...]:
    """Bins of which each is off by `gap`, with intervals that fit their labels."""
    made = []
    for (lo, hi), stated, mass in zip(STRATA, LEVELS, MASSES, strict=True):
        labels = max(1, round(n * mass))
        accuracy = min(0.995, max(0.02, stated - gap))
        half = 1.96 * sqrt(accuracy * (1 - accuracy) / labels)
        made.append(
            Bin(
                lo=lo,
                hi=stated if levels else hi,
                n=labels,
                weight=mass,
                mean_score=stated,
                accuracy=accuracy,
                low=max(0.0, accuracy - half),
                high=min(1.0, accuracy + half),
            )
        )
    return tuple(made)


def numbers(gap: float, *, n: int = 500) -> dict[str, Any]:
    """The fields of `Measured` of a confidence that is off by `gap`."""
    ece = abs(gap)
    return {
        "n": n,
        "ece": ece,
        "ece_plugin": ece + 0.012,
        "low": max(0.0, ece - 0.03),
        "high": ece + 0.03,
        "mean_confidence": 0.866,
        "gap": gap,
        "accuracy": 0.866 - gap,
        "accuracy_low": 0.866 - gap - 0.03,
        "accuracy_high": min(1.0, 0.866 - gap + 0.03),
        "auroc": 0.74,
        "auroc_low": 0.7,
        "auroc_high": 0.78,
        "brier": 0.15,
        "brier_low": 0.13,
        "brier_high": 0.17,
        "log_loss": 0.5,
        "log_loss_low": 0.45,
        "log_loss_high": 0.55,
        "mcb": 0.01,
        "dsc": 0.03,
        "unc": 0.17,
        "smece": ece,
        "informative": True,
        "bins": bins(gap, n=n, levels=False),
    }


def routing(gap: float) -> tuple[RoutingPoint, ...]:
    """A curve whose accuracy grows with the cut."""
    points = []
    for i, cut in enumerate(LEVELS):
        share = sum(MASSES[i:])
        mean = sum(c * m for c, m in zip(LEVELS[i:], MASSES[i:], strict=True)) / share
        points.append(
            RoutingPoint(
                cut=cut,
                share=share,
                n=500 * share,
                accuracy=mean - gap,
                low=mean - gap - 0.02 / share**0.5,
                high=min(1.0, mean - gap + 0.02 / share**0.5),
            )
        )
    return tuple(points)


def effect(raw_gap: float, served_gap: float, *, population: int = 4000) -> ThresholdEffect:
    """The threshold 0.9, on a raw confidence that lets too much through."""
    wrong = max(0.0, raw_gap - served_gap) * 0.5
    return ThresholdEffect(
        threshold=0.9,
        raw=Acting(share=0.55, share_low=0.5, share_high=0.6, accuracy=0.93 - raw_gap, low=0.74, high=0.84),
        served=Acting(
            share=0.3, share_low=0.26, share_high=0.34, accuracy=0.94 - served_gap, low=0.9, high=0.96
        ),
        wrong_avoided=Amount(
            value=wrong * population, low=0.8 * wrong * population, high=1.2 * wrong * population
        ),
        right_given_up=Amount(value=800.0, low=700.0, high=900.0),
    )


def segment(gap: float, *, labels: int, worse: bool = False) -> SegmentResult:
    """A segment whose served confidence is off by `gap`."""
    change = ChangeResult(
        state="degraded" if worse else "no_change_seen",
        p=0.0004 if worse else 0.41,
        rise=gap,
        low=gap - 0.05,
        high=gap + 0.05,
        minimum_detectable_rise=0.12,
        direction="accuracy fell" if worse else None,
    )
    return SegmentResult(
        population=labels * 8,
        labels=labels,
        raw=Measured(**numbers(gap + 0.08, n=labels)),
        served=Measured(**numbers(gap, n=labels)),
        change=change if labels > 40 else None,
        gap_pooled=PooledGap(gap=gap, low=gap - 0.04, high=gap + 0.04),
    )


def window(
    period: str = "2026-10",
    *,
    raw_gap: float = 0.14,
    served_gap: float = 0.02,
    state: Any = "no_change_seen",
    mapping: str | None = DIGESTS[0],
    published: str | None = None,
    alerts: Sequence[str] = (),
    segments: dict[str, SegmentResult] | None = None,
    first: bool = False,
    **more: Any,
) -> WindowResult:
    """A closed window with everything that a report shows; `more` fields."""
    proven = ProvenCut(target=0.9, confidence=0.95, cut=0.95, share=0.3, n=150, accuracy_low=0.905)
    none = NoCut(
        target=0.95,
        confidence=0.95,
        labels_needed=240,
        reason="too few labels at the top: 150, and 240 more could suffice",
        reason_code="too_few_labels_at_top",
        reason_facts={"labels": 150, "more": 240},
    )
    values: dict[str, Any] = {
        "schema": 2,
        "stream": "support-triage",
        "period": period,
        "state": "closed",
        "channel": "production",
        "population": 4000,
        "rejected": {"missing": 12},
        "sample": DrawnSample(n=520, strata=7, digest="ab" * 32),
        "labels": LabelCounts(n=500, correct=round(500 * (0.866 - raw_gap)), unsure=8, missing=12),
        "raw": Measured(**numbers(raw_gap)),
        "served": ServedMeasured(
            **numbers(served_gap), source="logged", mappings=(MappingShare(mapping=mapping, share=1.0),)
        ),
        "baseline": BaselineUsed() if first else BaselineUsed(periods=("2026-08", "2026-09"), labels=1000),
        "change": StreamChange(
            state="first" if first else state,
            p=None if first else 0.0004 if state == "degraded" else 0.31,
            rise=None if first else served_gap,
            low=None if first else served_gap - 0.03,
            high=None if first else served_gap + 0.03,
            minimum_detectable_rise=None if first else 0.061,
            direction="accuracy fell" if state == "degraded" else None,
            baseline_labels=0.0 if first else 1000.0,
            against=None if first else "baseline",
        ),
        "refit": RefitResult(
            published=published is not None,
            reason="better on labels that it has not seen" if published else "the served mapping stays",
            reason_code="refit_better" if published else "refit_upheld",
            mapping=published,
            method="isotonic",
            ece_before=EceInterval(ece=0.09, low=0.06, high=0.12),
            ece_after=EceInterval(ece=0.02, low=0.0, high=0.04),
            brier_before=0.16,
            brier_after=0.14,
            upheld=published is None,
            generation=3 if published else None,
        ),
        "segments": segments or {},
        "score_mix": None
        if first
        else MixResult(
            moved=0.06,
            usual=0.03,
            chance=0.02,
            ece_from_mix=0.004,
            notable=False,
            now=MASSES,
            before=(0.02, 0.12, 0.18, 0.2, 0.22, 0.18, 0.08),
        ),
        "response": ResponseResult(
            share=0.977,
            strata=tuple(StratumResponse(above=lo, to=hi, drawn=74, answered=72) for lo, hi in STRATA),
            accuracy_if_missing_wrong=0.70,
            accuracy_if_missing_right=0.74,
            agreement=AgreementResult(rows=50, share=0.96, low=0.87, high=0.99, ece_floor=0.02),
        ),
        "certificates": (proven, none),
        "alerts": tuple(AlertState(kind=kind, id=f"id-{kind}", delivered=True) for kind in alerts),
        "pictures": PictureData(
            raw=PictureBins(levels=True, bins=bins(raw_gap)),
            served=PictureBins(levels=False, bins=bins(served_gap, levels=False)),
            baseline=None
            if first
            else BaselineMeasured(
                measured=Measured(**numbers(0.10, n=1000)),
                bins=PictureBins(levels=True, bins=bins(0.10, n=1000)),
            ),
            routing_raw=routing(raw_gap),
            routing_served=routing(served_gap),
            threshold=effect(raw_gap, served_gap),
            moved_by_person=None,
        ),
    }
    return WindowResult(**values | more)


def year(months: int = 12) -> list[WindowResult]:
    """Months of a stream: a mapping after the first, one degraded month, and a recovery in the next."""
    start = Period.parse(FIRST, "month")
    end = start
    for _ in range(months - 1):
        end = end.next()
    names = [period.name for period in periods(start, end)]
    made = []
    for i, name in enumerate(names):
        bad, after = name == CHANGED, name > CHANGED
        wobble = 0.012 * ((i * 7) % 5 - 2)
        made.append(
            window(
                name,
                first=i == 0,
                raw_gap=0.12 + wobble + (0.1 if bad or after else 0),
                served_gap=0.14 if i == 0 else 0.16 if bad else 0.02 + abs(wobble) / 2,
                state="degraded" if bad else "stable" if i % 3 == 0 else "no_change_seen",
                mapping=None if i == 0 else DIGESTS[1] if after else DIGESTS[0],
                published=DIGESTS[0] if i == 0 else DIGESTS[1] if bad else None,
                alerts=("degraded",)
                if bad
                else ("recovered",)
                if i and names[i - 1] == CHANGED
                else ("scope_changed",)
                if i == 4
                else ("score_mix",)
                if i == 5
                else (),
            )
        )
    return made


def segments(count: int) -> dict[str, SegmentResult]:
    """So many segments, of which the second is degraded."""
    names = ["billing", "refunds", "login", "shipping", "returns", "contracts"]
    return {
        names[i] if i < len(names) else f"segment {i:03d}": segment(
            0.01 + 0.013 * ((i * 5) % 7) + (0.14 if i == 1 else 0),
            labels=30 + 17 * ((i * 3) % 9),
            worse=i == 1,
        )
        for i in range(count)
    }


def hostile(text: str) -> WindowResult:
    """A window that says `text` wherever somebody else's words can get."""
    found = window(segments={text: segment(0.1, labels=60, worse=True)}, state="degraded")
    return replace(
        found,
        rejected={text: 3},
        refit=replace(found.refit, reason=text, reason_facts={"by": text, "entry_reason": text}),
        certificates=(replace(found.certificates[1], reason=text),),
        change=replace(found.change, direction=text),
    )


def month(result: WindowResult, **more: Any) -> Month:
    """The window as a report takes it; reviewers took eight seconds for a label."""
    start, end = Period.parse(result.period, "month").interval("UTC")
    values: dict[str, Any] = {
        "starts_at": start,
        "ends_at": end,
        "closed_at": end + timedelta(days=14, hours=6, minutes=12),
        "replay": False,
        "max_rise": 0.03,
        "threshold": 0.9,
        "answers": result.labels.n,
        "seconds": 8.0,
    }
    return Month(result=result, **values | more)


def months(count: int = 12, *, segments_: int = 6) -> list[Month]:
    """The months of `year`, the last one with segments."""
    made = year(count)
    made[-1] = replace(made[-1], segments=segments(segments_))
    return [month(result) for result in made]
