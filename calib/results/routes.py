"""The object that `calib routes --json` prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from calib.json_object import Json
from calib.results.codec import to_json
from calib.results.window import CertificateKept, NoCut, ProvenCut


@dataclass(frozen=True, slots=True, kw_only=True)
class AchievedResult:
    """At and above `threshold`: the `share` of the traffic, what it `stated` on average, and its accuracy.

    `n`: effective labels there; `low`, `high`: the accuracy's 95% interval; None where no label lies there.
    """

    threshold: float
    share: float
    n: float
    stated: float | None
    accuracy: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdResult:
    """What the settings' `threshold` achieves on the raw confidence, and on what production used."""

    raw: AchievedResult
    served: AchievedResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """A chain of so many steps, each acted on at the threshold: what it claims, and what it delivers."""

    steps: int
    claimed: float
    delivered: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutesPart:
    """Labelled rows, a certificate or the lack of one for each target, and what the threshold achieves."""

    labels: int = 0
    certificates: tuple[ProvenCut | NoCut, ...] = ()
    threshold: ThresholdResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptInPeriod:
    """What the labels of one period said of the certificates before it."""

    period: str
    certificates: tuple[CertificateKept, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutesResult(RoutesPart):
    """The stream's latest closed window, or that of a period, for routing; `period` is None without one.

    `record`: whether earlier certificates were kept, by closed window up to that one, oldest first.
    """

    stream: str
    targets: tuple[float, ...]
    period: str | None = None
    segments: dict[str, RoutesPart] = field(default_factory=dict)
    chain: tuple[ChainStep, ...] = ()
    record: tuple[KeptInPeriod, ...] = ()

    def to_json(self) -> Json:
        """The object of `calib routes --json`; its schema is `docs/reference/json/routes.schema.json`."""
        return to_json(self)
