"""What the pictures of a window show beside its numbers; computed and kept when it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass

from calib.results.measured import Bin, Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureBins:
    """The points of a reliability diagram.

    `levels`: at most 20 different confidences are stated, and each bin holds one of them (its `mean_score`).
    """

    levels: bool
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineMeasured:
    """The raw confidence of the baseline's pooled labels, measured like the window's own."""

    measured: Measured
    bins: PictureBins


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingPoint:
    """At and above `cut`: share of the traffic, accuracy with its 95% interval, and effective labels `n`."""

    cut: float
    share: float
    n: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """What a threshold on one kind of confidence lets through: share and accuracy with 95% intervals.

    The accuracy is None where no labelled row passes.
    """

    share: float
    share_low: float
    share_high: float
    accuracy: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number of predictions of the period with its 95% interval; negative: the other way round."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdEffect:
    """The settings' `threshold` on the raw confidence and on what production used, in one period.

    `wrong_avoided`: wrong predictions that the raw confidence would have acted on and the served one did
    not, minus the reverse; `right_given_up`: the same of right predictions. Both assume that everything
    at or above the threshold is acted on, and that the labelled rows stand for the others.
    """

    threshold: float
    raw: Acting
    served: Acting
    wrong_avoided: Amount
    right_given_up: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonsMove:
    """A person's entry in the channel: when, and which mapping it named."""

    at: str
    mapping: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureData:
    """Reliability of raw, served and baseline, the routing curves, and what the threshold achieves.

    `moved_by_person`: the channel's last entry, where it is a person's and not older than the period.
    """

    raw: PictureBins
    served: PictureBins
    baseline: BaselineMeasured | None
    routing_raw: tuple[RoutingPoint, ...]
    routing_served: tuple[RoutingPoint, ...]
    threshold: ThresholdEffect | None
    moved_by_person: PersonsMove | None
