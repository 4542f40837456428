"""The object that `calib plan --json` prints, for a stream and for a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from calib.json_object import Json
from calib.results.codec import KEYS, to_json
from calib.results.measured import Writes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStratum:
    """A stratum of confidences, its share of the population, and the accuracy that is expected of it."""

    __pydantic_config__ = KEYS

    from_: float
    to: float
    share: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDetection:
    """Labels per window needed to detect a `rise` of the ECE with 80% power, and how many of each stratum.

    Both are None where no possible number is enough.
    """

    rise: float
    labels: int | None
    by_stratum: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCertification:
    """Labels per window needed to certify `target`; all None where the expected accuracy is too low.

    `labels` alone is None where it would take more than there are predictions.
    """

    target: float
    cut: float | None
    share: float | None
    accuracy: float | None
    labels: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """What `labels` per window can detect, and what detecting or certifying more needs.

    A plan is either on a `stream` in a `period` or on a `file`; the rest of each is None. `rows`, `rejected`,
    `rounded`, `columns`, `guessed` and `unasked` are those of the file. `accuracy_from`: `labels`, `mapping`
    or `stated confidence`. `design_effect`: how many rows of a cluster count as one. `by_stratum`: how the
    labels are divided.
    """

    stream: str | None
    period: str | None
    file: str | None = None
    rows: int | None = None
    rejected: dict[str, int] = field(default_factory=dict)
    rounded: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    guessed: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    population: int
    accuracy_from: str
    design_effect: float = 1.0
    strata: tuple[PlannedStratum, ...]
    labels: int
    by_stratum: tuple[int, ...]
    baseline_windows: int
    alpha: float
    minimum_detectable_rise: float | None
    detections: tuple[PlannedDetection, ...]
    certifications: tuple[PlannedCertification, ...]

    @classmethod
    def of(cls, planned: Writes, **more: Any) -> Self:
        """A plan as `calib.sampling` makes it, and `more` fields."""
        values = planned.to_json()
        detections = [
            PlannedDetection(
                **part | {"by_stratum": None if part["by_stratum"] is None else tuple(part["by_stratum"])}
            )
            for part in values["detections"]
        ]
        certifications = [PlannedCertification(**part) for part in values["certifications"]]
        made = {
            "by_stratum": tuple(values["by_stratum"]),
            "detections": tuple(detections),
            "certifications": tuple(certifications),
        }
        return cls(**values | made | more)

    def to_json(self) -> Json:
        """The object of `calib plan`; its schema is `docs/reference/json/plan.schema.json`."""
        return to_json(self)
