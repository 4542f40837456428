"""What a window's labels measure: raw and served confidence, by segment, and the mix of scores. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from calib.cycle.data import WindowData
from calib.measure import Change, measure, mix_shift, partially_pooled
from calib.results import Measured
from calib.results.window import (
    ChangeResult,
    MappingShare,
    MixResult,
    PooledGap,
    SegmentResult,
    ServedMeasured,
)

Z = 1.96  # of a 95% interval
SAME = 1e-9  # two sums over the same labels in another order
M = TypeVar("M", bound=Measured)


def raw_part(data: WindowData) -> Measured:
    """The `raw` object of a window's result; empty where nothing is labelled."""
    sample, design, cohort = data.sample, data.design, data.cohort
    if not len(sample):
        return Measured()
    return Measured.of(
        measure(
            sample.scores,
            sample.correct,
            strata=cohort.stratum[cohort.labelled],
            mass=design.mass,
            score_means=design.raw_mean,
            clusters=sample.cluster_numbers,
            correlation=data.correlation,
        )
    )


def served_part(data: WindowData) -> ServedMeasured:
    """The `served` object: the same for what production used; no mapping's share where nothing is labelled.

    Each stratum by mapping, for a change in mid-period is the norm.
    """
    design, cohort, labelled = data.design, data.cohort, data.cohort.labelled
    if not labelled.any():
        return ServedMeasured(source=design.served_source)
    place = {(group.stratum, group.mapping): i for i, group in enumerate(design.groups)}
    digests = np.array(cohort.mapping, dtype=object)[labelled]
    group = np.array(
        [place[int(b), digest or ""] for b, digest in zip(cohort.stratum[labelled], digests, strict=True)]
    )
    sizes = np.array([group.n for group in design.groups], dtype=float)
    measured = measure(
        cohort.served[labelled],
        cohort.correct[labelled],
        strata=group,
        mass=sizes / sizes.sum(),
        score_means=np.array([group.mean for group in design.groups]),
        clusters=data.sample.cluster_numbers,
        correlation=data.correlation,
    )
    return ServedMeasured.of(
        measured,
        source=design.served_source,
        mappings=tuple(
            MappingShare(mapping=digest or None, share=share)
            for digest, share in sorted(design.served_shares.items())
        ),
        curves=tuple(
            data.mappings[digest].curve_digest if digest in data.mappings else digest or None
            for digest in sorted(design.served_shares)
        ),
    )


def with_accuracy_of(raw: Measured, served: M) -> M:
    """What is measured of the served confidence, with one interval where both have one accuracy.

    How often predictions are right does not depend on what is stated of them. The two intervals differ a
    little, because each shrinks the accuracies of its strata towards its own confidences; side by side they
    would look like a finding. After a change of the mapping in mid-period the served part has strata of its
    own, and its accuracy is another estimate: that one keeps its own interval.
    """
    if raw.accuracy is None or served.accuracy is None or abs(raw.accuracy - served.accuracy) > SAME:
        return served
    return replace(served, accuracy_low=raw.accuracy_low, accuracy_high=raw.accuracy_high)


def segments_part(data: WindowData, changes: Mapping[str, Change]) -> dict[str, SegmentResult]:
    """Each segment that is large enough: what was stated, what was served, and whether it got worse.

    `gap_pooled` is its mean served confidence minus its accuracy, drawn towards the other segments' as far as
    chance explains how they differ: of many segments one always looks worst.
    """
    served = data.cohort.served[data.cohort.labelled]
    parts: dict[str, SegmentResult] = {}
    for segment in data.design.segments:
        inside = data.sample.segments == segment.name
        if not inside.any():
            continue
        sample = data.sample.take(inside).normalised()
        group = segment.strata.assign(sample.scores)
        raw_measured, served_measured = (
            Measured.of(
                measure(
                    scores,
                    sample.correct,
                    weights=sample.weights,
                    strata=group,
                    mass=segment.mass,
                    score_means=means,
                    clusters=sample.cluster_numbers,
                    correlation=data.correlation,
                )
            )
            for scores, means in ((sample.scores, segment.raw_mean), (served[inside], segment.served_mean))
        )
        change = changes.get(segment.name)
        parts[segment.name] = SegmentResult(
            population=int(segment.sizes.sum()),
            labels=len(sample),
            raw=raw_measured,
            served=with_accuracy_of(raw_measured, served_measured),
            change=None if change is None else ChangeResult(**change.to_json()),
            gap_pooled=None,
        )
    return _with_pooled_gaps(parts)


def _with_pooled_gaps(parts: dict[str, SegmentResult]) -> dict[str, SegmentResult]:
    gaps, errors = {}, {}
    for name, part in parts.items():
        served = part.served
        if served.gap is not None and served.accuracy_low is not None and served.accuracy_high is not None:
            gaps[name], errors[name] = served.gap, (served.accuracy_high - served.accuracy_low) / (2 * Z)
    if not gaps:
        return parts
    pooled = zip(gaps, *partially_pooled(list(gaps.values()), list(errors.values())), strict=True)
    return parts | {
        name: replace(
            parts[name],
            gap_pooled=PooledGap(gap=float(gap), low=float(gap - Z * error), high=float(gap + Z * error)),
        )
        for name, gap, error in pooled
    }


def mix_part(data: WindowData) -> MixResult | None:
    """How far the population's stated confidences lie from those of the baseline's windows."""
    design, sample = data.design, data.sample
    past = [window.design.sizes_in(design.strata) for window in data.pooled]
    past = [sizes for sizes in past if sizes.sum()]
    if not past or not design.sizes.sum():
        return None
    group, size = design.strata.assign(sample.scores), len(design.strata)
    labels = np.bincount(group, sample.weights, size)
    accuracy = np.divide(
        np.bincount(group, sample.weights * sample.correct, size),
        labels,
        out=np.full(size, np.nan),
        where=labels > 0,
    )
    shift = mix_shift(design.sizes, past, gap=accuracy - design.served_mean)
    return MixResult(
        moved=shift.moved,
        usual=shift.usual,
        chance=shift.chance,
        notable=shift.notable,
        ece_from_mix=shift.ece_from_mix,
        now=shift.now,
        before=shift.before,
    )
