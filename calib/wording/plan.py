"""A plan of labels in words."""

from __future__ import annotations

from collections.abc import Iterator

from calib.results.plan import PlannedCertification, PlannedDetection, PlanResult


def plan_lines(result: PlanResult) -> Iterator[str]:
    """What the budget detects, then what each rise and each target takes."""
    budget = f"With {result.labels:,} labels per window"
    detectable = result.minimum_detectable_rise
    if detectable is None:
        yield f"{budget} no rise is detected with 80% power, not even a total loss of accuracy."
    else:
        yield (
            f"{budget} a rise of the ECE by {detectable:.3f} or more is detected with 80% power. "
            "A smaller rise would usually not be detected: a window without a finding does not rule it out."
        )
    yield from map(_detection, result.detections)
    yield from map(_certification, result.certifications)


def _detection(detection: PlannedDetection) -> str:
    if detection.labels is None:
        return f"a rise of {detection.rise:.3f}: more labels than there are or than could be planned"
    return f"a rise of {detection.rise:.3f}: about {detection.labels:,} labels per window"


def _certification(certification: PlannedCertification) -> str:
    target = f"to certify {certification.target:.0%}"
    if certification.labels is None and certification.cut is not None:
        return f"{target}: more labels than there are predictions"
    if certification.labels is None or certification.cut is None or certification.share is None:
        return f"{target}: no number of labels; expected accuracy is too low"
    return (
        f"{target}: about {certification.labels:,} labels per window, for a cut at "
        f"{certification.cut:.3f} that keeps {certification.share:.0%} of predictions"
    )
