"""Who answered, how far people agree, and what their errors do to the verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumResponse:
    """Drawn and answered rows of one stratum: raw confidences above `above`, up to `to`."""

    above: float
    to: float
    drawn: int
    answered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementResult:
    """How far two people agree on the same rows, and what their errors do to an ECE (ADR 8).

    `share` of the `rows` on which both say the same; `kappa`: Cohen's, what is left of it beyond chance, null
    where all answers are one word. `label_error`: the chance that a label is wrong. `ece_floor`: the ECE that
    a perfect mapping shows through such labels. Answers given with sight of another one are left out.
    """

    rows: int = 0
    share: float | None = None
    low: float | None = None
    high: float | None = None
    kappa: float | None = None
    kappa_low: float | None = None
    kappa_high: float | None = None
    label_error: float | None = None
    label_error_low: float | None = None
    label_error_high: float | None = None
    ece_floor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseResult:
    """Who answered, and the accuracy if every missing answer were wrong, or right."""

    share: float | None
    strata: tuple[StratumResponse, ...]
    accuracy_if_missing_wrong: float | None
    accuracy_if_missing_right: float | None
    agreement: AgreementResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelErrorResult:
    """What wrong labels do to the verdict (ADR 150), from the rows that two people answered.

    `now`, `before`: the chance that a label of this window, and of the baseline, is wrong; null where no row
    was answered twice. `shown`: labels show a true rise only to this share, so that the verdict holds rises
    against `max_rise` times it. `alone`: the rise that the change from `before` to `now` makes by itself.
    `explains`: people differ more often than before beyond doubt, and that alone makes the whole proven rise.
    """

    now: float | None
    before: float | None
    shown: float
    alone: float | None
    explains: bool
