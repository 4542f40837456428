"""Refitting: which labels, which form, and whether the result may replace what is served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from calib import __version__
from calib.calibrators import FORMS, Labels, Refit, refit
from calib.calibrators.segments import MOST
from calib.cycle.design import Design
from calib.cycle.evidence import Rows, design_effect
from calib.cycle.ports import Ports, Watch
from calib.cycle.verdict import Verdict
from calib.db.windows import Window
from calib.format import Identity, Mapping
from calib.period import Period
from calib.routing import Certificate, certified, grid
from calib.store import Entry, read_mapping

LOGITS = ("token_probability", "logit")  # score sources with a softmax behind them: a temperature can undo it


def propose(
    window: Window,
    watch: Watch,
    ports: Ports,
    *,
    sample: Rows,
    pooled: Rows | None,
    verdict: Verdict,
    current: Entry | None,
    certificates: list[dict[str, Any]],  # of the targets that were asked for
) -> tuple[Mapping | None, dict[str, Any]]:
    """The mapping that this window's labels would put in place of `current`, and the account of it.

    None where it is no better on labels that it has not seen than what is served and than the raw
    confidence, or where `current` rests on a later period than this window.
    """
    before = None
    if current is not None:
        before = read_mapping(ports.store, stream=window.stream, digest=current.mapping)
    labels = sample.labels
    found = refit(
        labels,
        None if pooled is None else pooled.labels,
        served=Identity() if before is None else before.default,
        served_segments={} if before is None else before.segments,
        change=verdict.deciding,
        methods=FORMS if watch.scope.get("score") not in LOGITS else (*FORMS, "temperature"),
    )
    account = account_of(found)
    if before is not None and _rests_on_later(before, window, watch):
        account |= {
            "published": False,
            "reason": f"the served mapping rests on {before.evidence['period']}, later than {window.period}",
        }
        return None, account
    if not found.published or found.curve is None:
        return None, account | {"upheld": before is not None}
    periods = {window.period} | (set(pooled.period.tolist()) if pooled is not None else set())
    whole, by_segment = _proven(labels, design_effect(sample), watch, window, certificates)
    mapping = Mapping(
        stream=window.stream,
        scope=watch.scope,
        method=found.method,
        default=found.curve,
        segments=found.segments,
        certificates=whole,
        evidence={
            "period": window.period,
            "periods": sorted(periods),
            "labels": found.labels_used,
            "pooling": found.pooling,
            "ece_before": account["ece_before"],
            "ece_after": account["ece_after"],
            "brier": {"before": found.brier_before, "after": found.brier_after},
            "baseline": verdict.deciding.state,
            "sample_digest": window.sample_digest,
            "segment_certificates": by_segment,
        },
        created_at=f"{window.as_of:%Y-%m-%dT%H:%M:%SZ}",
        parent=None if current is None else current.mapping,
        producer=f"calibwatch {__version__}",
    )
    return mapping, account | {"mapping": mapping.digest}


def account_of(found: Refit) -> dict[str, Any]:
    """The `refit` object of the command line's contract."""
    return {
        "published": found.published,
        "reason": found.reason,
        "method": found.method,
        "pooling": found.pooling,
        "segments": sorted(found.segments),
        "mapping": None,
        "ece_before": found.ece_before.to_json() if found.ece_before else None,
        "ece_after": found.ece_after.to_json() if found.ece_after else None,
        "brier_before": found.brier_before,
        "brier_after": found.brier_after,
    }


def _proven(
    labels: Labels, effect: float, watch: Watch, window: Window, asked: list[dict[str, Any]]
) -> tuple[tuple[dict[str, Any], ...], dict[str, list[dict[str, Any]]]]:
    """All that these labels prove: each target asked for and the grid around it, and both by segment.

    Segments stand apart, in the evidence: a client that does not know of them must not take theirs for the
    stream's.
    """
    start = Design.from_json(window.design).start

    def proven(some: Labels, targets: Iterable[float]) -> list[dict[str, Any]]:
        found = certified(some, targets=tuple(targets), start=start, effect=effect)
        return [item.to_json() for item in found if isinstance(item, Certificate)]

    whole = [item for item in asked if item["cut"] is not None]
    targets = grid(watch.targets)
    whole += proven(labels, (target for target in targets if target not in watch.targets))
    segments = {
        name: own
        for name in sorted({name for name in labels.segments if name is not None})
        if (own := proven(labels.take(labels.segments == name), targets))
    }
    largest = sorted(segments, key=lambda name: (-max(item["n"] for item in segments[name]), name))[:MOST]
    return tuple(whole), {name: segments[name] for name in sorted(largest)}


def _rests_on_later(mapping: Mapping, window: Window, watch: Watch) -> bool:
    period = mapping.evidence.get("period")
    return period is not None and Period.parse(period, watch.kind) > Period.parse(window.period, watch.kind)
