"""The object of `calib metrics`: what Prometheus reads."""

from __future__ import annotations

from dataclasses import dataclass

from calib.json_object import Json
from calib.results.codec import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue:
    """One value: the metric's name, its labels by name, and the number."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsResult:
    """All values as they are now; `textfile`: the file that they were written to, None for none."""

    textfile: str | None
    values: tuple[MetricValue, ...]

    def to_json(self) -> Json:
        """The object of `calib metrics`; its schema is `docs/reference/json/metrics.schema.json`."""
        return to_json(self)
