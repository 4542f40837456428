"""The manager's ledger: what the labels cost, what was found, and what the mappings changed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import sqrt
from statistics import median

from calib.report.months import Month
from calib.results import WindowResult
from calib.results.history import FoundChange, Ledger, MappingEffect
from calib.results.pictures import Amount, ThresholdEffect

DAY = timedelta(days=1)
HOUR = 3600.0  # seconds
ASSUMPTION = (
    "It is assumed that everything at or above the threshold is acted on without a person, that the "
    "labelled rows stand for all predictions, and that without calibwatch the raw confidence would have "
    "been compared with the same threshold."
)


def ledger_of(months: Sequence[Month]) -> Ledger:
    """The ledger of a stream's windows, oldest first."""
    results = [month.result for month in months]
    labels = sum(result.labels.n for result in results)
    seconds = _seconds(months)
    compared = [
        effect
        for result in results
        if (effect := _effect(result)) is not None and main_mapping(result) is not None
    ]
    changes = tuple(_found_change(month) for month in months if month.result.change.confirmed)
    return Ledger(
        windows=len(months),
        labels=labels,
        answers=sum(month.answers for month in months),
        seconds_per_label=seconds,
        hours=None if seconds is None else labels * seconds / HOUR,
        changes=len(changes),
        versions=sum(result.refit.published for result in results),
        found=changes,
        mappings=_mappings(results),
        threshold=compared[-1].threshold if compared else None,
        periods_compared=len(compared),
        wrong_avoided=_mean([effect.wrong_avoided for effect in compared]),
        right_given_up=_mean([effect.right_given_up for effect in compared]),
        assumption=ASSUMPTION if compared else "",
    )


def main_mapping(result: WindowResult) -> str | None:
    """The mapping that served most of a window; None where that was the raw confidence."""
    shares = sorted(result.served.mappings, key=lambda part: (-part.share, part.mapping or ""))
    return shares[0].mapping if shares else None


def _effect(result: WindowResult) -> ThresholdEffect | None:
    return None if result.pictures is None else result.pictures.threshold


def _seconds(months: Sequence[Month]) -> float | None:
    """The median over the windows' medians, each counting by its answers."""
    each = [value for month in months if (value := month.seconds) is not None for _ in range(month.answers)]
    return float(median(each)) if each else None


def _found_change(month: Month) -> FoundChange:
    def days(since: timedelta) -> float | None:
        return None if month.replay else max(0.0, since / DAY)

    return FoundChange(
        period=month.result.period,
        state=str(month.result.change.state),
        days_low=days(month.closed_at - month.ends_at),
        days_high=days(month.closed_at - month.starts_at),
    )


def _mappings(results: Sequence[WindowResult]) -> tuple[MappingEffect, ...]:
    effects = []
    for i, result in enumerate(results):
        digest = result.refit.mapping
        if not result.refit.published or digest is None:
            continue
        served = next((later for later in results[i + 1 :] if main_mapping(later) == digest), None)
        before, after = _effect(result), None if served is None else _effect(served)
        effects.append(
            MappingEffect(
                mapping=digest,
                fitted_on=result.period,
                served_first=None if served is None else served.period,
                before=None if before is None else before.served,
                after=None if after is None else after.served,
            )
        )
    return tuple(effects)


def _mean(amounts: Sequence[Amount]) -> Amount | None:
    """The mean over periods, whose samples are independent."""
    if not amounts:
        return None
    value = sum(amount.value for amount in amounts) / len(amounts)
    half = sqrt(sum(((amount.high - amount.low) / 2) ** 2 for amount in amounts)) / len(amounts)
    return Amount(value=value, low=value - half, high=value + half)
