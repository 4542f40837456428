"""The object that every command writes of a labelled sample: how far stated confidence is from accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from calib.information import State as InformationState
from calib.json_object import Json
from calib.policy import ECE_UNRELIABLE, ECE_USELESS

EceBand = Literal["usable", "unreliable", "useless"]


class Writes(Protocol):
    """A measurement that can write itself."""

    def to_json(self) -> Json:
        """Its numbers by name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One bin (lo, hi] of a reliability diagram: its rows, their share of weight, mean score and accuracy.

    The first bin holds 0 too. The accuracy has its 95% interval; all numbers are None where the bin is empty.
    """

    lo: float
    hi: float
    n: int
    weight: float
    mean_score: float | None
    accuracy: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EceInterval:
    """A debiased ECE in [0, 1] with its 95% interval, and the plugin estimate, which is biased upwards."""

    ece: float | None = None
    ece_plugin: float | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, result: Writes, **more: Any) -> Self:
        """The numbers of a measurement, as `calib.measure` makes it, and `more` fields."""
        return cls(**result.to_json() | more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(EceInterval):
    """Everything that a labelled sample says about a confidence; every number is None where n is 0.

    `gap`: mean confidence minus accuracy. `mcb`, `dsc`, `unc`: the parts of the Brier score. `smece`: a check
    on the ECE without bins. `information`: whether the confidence distinguishes right answers from wrong
    ones: `shown` (the interval of the AUROC lies above 0.5, and `informative` is true), `absent` (it ends
    below 0.6) or `not_shown`, where `labels_to_show_information` labels in all would probably show it.
    `*_low`, `*_high`: 95% intervals.
    """

    n: int = 0
    mean_confidence: float | None = None
    gap: float | None = None
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    auroc: float | None = None
    auroc_low: float | None = None
    auroc_high: float | None = None
    brier: float | None = None
    brier_low: float | None = None
    brier_high: float | None = None
    log_loss: float | None = None
    log_loss_low: float | None = None
    log_loss_high: float | None = None
    mcb: float | None = None
    dsc: float | None = None
    unc: float | None = None
    smece: float | None = None
    informative: bool = False
    information: InformationState | None = None
    labels_to_show_information: int | None = None
    bins: tuple[Bin, ...] = ()

    @property
    def band(self) -> EceBand | None:
        """Where the whole interval of the ECE lies by the usual limits; None where it reaches over one."""
        if self.low is None or self.high is None:
            return None
        if self.high <= ECE_UNRELIABLE:
            return "usable"
        if self.low > ECE_USELESS:
            return "useless"
        return "unreliable" if self.low > ECE_UNRELIABLE and self.high <= ECE_USELESS else None

    @classmethod
    def of(cls, result: Writes, **more: Any) -> Self:
        """The numbers of a measurement, as `calib.measure` makes it, and `more` fields."""
        values = result.to_json()
        return cls(**values | {"bins": tuple(Bin(**bin_) for bin_ in values["bins"])} | more)
