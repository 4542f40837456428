"""What the pictures of a window show beside its numbers. Pure."""

from __future__ import annotations

from calib.cycle.data import WindowData
from calib.measure import measure
from calib.measure.picture_bins import picture_bins
from calib.results import Measured
from calib.results.pictures import BaselineMeasured, PersonsMove, PictureData
from calib.routing.acting import routing_curve, threshold_effect
from calib.store import PUBLISHER
from calib.times import moment


def picture_part(data: WindowData) -> PictureData | None:
    """The window's picture data; None where nothing is labelled."""
    routing = data.routing
    if not routing.raw.n:
        return None
    threshold = data.policy.threshold
    return PictureData(
        raw=picture_bins(routing.raw),
        served=picture_bins(routing.served),
        baseline=_baseline(data),
        routing_raw=routing_curve(routing.raw, effect=routing.effect),
        routing_served=routing_curve(routing.served, effect=routing.effect),
        threshold=None
        if threshold is None
        else threshold_effect(routing, threshold, population=data.window.population),
        moved_by_person=_moved(data),
    )


def _baseline(data: WindowData) -> BaselineMeasured | None:
    if data.baselines is None or not data.baselines.pooled.n:
        return None
    pooled = data.baselines.pooled
    measured = Measured.of(
        measure(
            pooled.scores,
            pooled.correct,
            weights=pooled.weights,
            clusters=pooled.cluster_numbers,
        )
    )
    return BaselineMeasured(measured=measured, bins=picture_bins(pooled))


def _moved(data: WindowData) -> PersonsMove | None:
    head = data.head
    if head is None or head.by == PUBLISHER or moment(head.at) < data.window.starts_at:
        return None
    return PersonsMove(at=head.at, mapping=head.mapping)
