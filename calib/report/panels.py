"""Which panels the pictures of a window have: raw, served and baseline, from what its result holds."""

from __future__ import annotations

from calib.report.figures.reliability import ReliabilityData, prepare_reliability
from calib.report.figures.routing import RoutingData, prepare_routing
from calib.results import WindowResult
from calib.results.window import ProvenCut


def reliability_panels(window: WindowResult) -> list[ReliabilityData]:
    """Raw, served and baseline side by side, as far as there are labels; by level where levels are stated."""
    if not window.raw.n:
        return []
    pictures = window.pictures
    if pictures is None:  # an earlier version evaluated it: ten bins, and no baseline
        return [
            prepare_reliability(part, role=role, title=f"{role} confidence")
            for role, part in (("raw", window.raw), ("served", window.served))
        ]
    panels = [
        prepare_reliability(
            part, role=role, title=f"{role} confidence", bins=points.bins, levels=points.levels
        )
        for role, part, points in (
            ("raw", window.raw, pictures.raw),
            ("served", window.served, pictures.served),
        )
    ]
    if pictures.baseline is not None:
        baseline, bins = pictures.baseline.measured, pictures.baseline.bins
        panels.append(
            prepare_reliability(
                baseline, role="baseline", title="raw, in the baseline", bins=bins.bins, levels=bins.levels
            )
        )
    return panels


def routing_panels(window: WindowResult) -> list[RoutingData]:
    """The routing curves: raw with the certificates, served with the threshold that is in use."""
    pictures = window.pictures
    if pictures is None or not pictures.routing_raw:
        return []
    threshold = None if pictures.threshold is None else pictures.threshold.threshold
    proven = [item for item in window.certificates if isinstance(item, ProvenCut)]
    return [
        prepare_routing(
            pictures.routing_raw,
            role="raw",
            title="Acting on the raw confidence",
            threshold=threshold,
            proven=proven,
        ),
        prepare_routing(
            pictures.routing_served,
            role="served",
            title="Acting on the served confidence",
            threshold=threshold,
        ),
    ]
