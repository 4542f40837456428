"""The result of a window, as a test wants it."""

from __future__ import annotations

from typing import Any

from calib.alerts import Previous
from calib.results import EceInterval, Measured, WindowResult
from calib.results.window import (
    DrawnSample,
    LabelCounts,
    MappingShare,
    MixResult,
    RefitResult,
    ServedMeasured,
    StreamChange,
)

QUIET = Previous(rejected_share=0.0)


def result(
    state: Any,
    *,
    window: Any = "closed",
    published: bool = True,
    served_ece: float | None = 0.08,
    mappings: tuple[str | None, ...] = ("0123456789abcdef" * 4,),
    channel: str = "production",
    reason: str = "better on labels that it has not seen",
    **more: Any,
) -> WindowResult:
    """A window's result with a change of the given state, None where there is no verdict; `more` fields."""
    measured = {"low": 0.05, "high": 0.11, "accuracy": 0.7, "mean_confidence": 0.85}
    change = StreamChange(
        state=state,
        p=0.0004,
        rise=0.051,
        low=0.022,
        high=0.08,
        minimum_detectable_rise=0.06,
        direction="accuracy fell" if state == "degraded" else None,
    )
    values: dict[str, Any] = {
        "stream": "triage",
        "period": "2026-10",
        "state": window,
        "channel": channel,
        "population": 12_345,
        "rejected": {},
        "sample": DrawnSample(n=500, strata=6, digest="ab" * 32),
        "labels": LabelCounts(n=480, correct=336, unsure=5, missing=15),
        "raw": Measured(n=480, ece=0.15, **measured),
        "served": ServedMeasured(
            n=480,
            ece=served_ece,
            source="logged",
            mappings=tuple(MappingShare(mapping=digest, share=1 / len(mappings)) for digest in mappings),
            **measured,
        ),
        "change": StreamChange() if state is None else change,
        "score_mix": mix(),
        "refit": RefitResult(
            published=published,
            reason=reason,
            mapping="fedcba9876543210" * 4 if published else None,
            ece_before=EceInterval(ece=0.09, low=0.06, high=0.12),
            ece_after=EceInterval(ece=0.012, low=0.0, high=0.03),
        ),
    }
    return WindowResult(**values | more)


def mix(*, notable: bool = False) -> MixResult:
    """A shift of the mix of scores."""
    return MixResult(
        moved=0.21, usual=0.03, chance=0.01, ece_from_mix=0.012, notable=notable, now=(1.0,), before=(1.0,)
    )
