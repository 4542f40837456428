"""The object of `calib run --json`, as a test wants it."""

from __future__ import annotations

from typing import Any

from calib.alerts import Previous

QUIET = Previous(degradation_open=False, degraded_mappings=(), rejected_share=0.0)


def result(
    state: str | None,
    *,
    window: str = "closed",
    published: bool = True,
    served_ece: float | None = 0.08,
    mappings: tuple[str | None, ...] = ("0123456789abcdef" * 4,),
    channel: str = "production",
    reason: str = "better on labels that it has not seen",
) -> dict[str, Any]:
    """A window's result with a change of the given state; None where there is no verdict."""
    measured = {"low": 0.05, "high": 0.11, "accuracy": 0.7, "mean_confidence": 0.85}
    change = {
        "state": state,
        "p": 0.0004,
        "rise": 0.051,
        "low": 0.022,
        "high": 0.08,
        "minimum_detectable_rise": 0.06,
        "direction": "accuracy fell" if state == "degraded" else None,
    }
    shares = [{"mapping": digest, "share": 1 / len(mappings)} for digest in mappings]
    return {
        "stream": "triage",
        "period": "2026-10",
        "state": window,
        "channel": channel,
        "population": 12_345,
        "rejected": {},
        "labels": {"n": 480, "correct": 336, "unsure": 5, "missing": 15},
        "raw": {"ece": 0.15, "bins": []} | measured,
        "served": {"ece": served_ece, "mappings": shares} | measured,
        "change": dict.fromkeys(change) if state is None else change,
        "segments": {},
        "score_mix": {"moved": 0.21, "usual": 0.03, "ece_from_mix": 0.012, "notable": False},
        "refit": {
            "published": published,
            "reason": reason,
            "mapping": "fedcba9876543210" * 4 if published else None,
            "ece_before": {"ece": 0.09, "low": 0.06, "high": 0.12},
            "ece_after": {"ece": 0.012, "low": 0.0, "high": 0.03},
        },
    }
