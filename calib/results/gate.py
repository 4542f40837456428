"""The object that `calib gate --json` prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from calib.json_object import Json
from calib.results.codec import to_json
from calib.results.file_read import FileRead
from calib.results.measured import Measured
from calib.results.pictures import PictureBins
from calib.results.window import ChangeResult

AccuracyState = Literal["fell", "held", "no_fall_seen"]
GateDecision = Literal["passed", "failed", "not_proven"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """After minus before, with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSide(Measured):
    """One file, measured; `dsc_low`, `dsc_high`: the 95% interval of DSC; `points`: what a picture shows."""

    dsc_low: float
    dsc_high: float
    points: PictureBins | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSegment:
    """One segment in both files; it is shown and decides nothing."""

    before: Measured
    after: Measured
    rise: Difference
    accuracy_change: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult(ChangeResult):
    """Two labelled files, each one's confidences against its own answers; the change is that of the ECE.

    `decision`: `failed` where the ECE or, with `max_accuracy_fall`, the accuracy got worse; `not_proven`
    where `strict` asks for proof and there is none. `exit_code`: that of the command, None where none ran.
    `accuracy_state`: `fell`, `held` (a larger fall is ruled out) or `no_fall_seen`; None where no
    `max_accuracy_fall` was given. `labels_needed`: more labels in each file that would prove `stable`.
    `pairs`: how many questions were found in both files, None without `--paired-by`. `segments`: by size;
    `segments_of_one_file` could not be compared. `rejected`: of both files together.
    """

    decision: GateDecision
    exit_code: int | None = None
    labels_needed: int | None
    proven: bool
    reading: str
    before: GateSide
    after: GateSide
    confidence_change: Difference
    auroc_change: Difference | None
    dsc_change: Difference
    max_rise: float
    strict: bool
    max_accuracy_fall: float | None = None
    accuracy_state: AccuracyState | None = None
    pairs: int | None = None
    columns: dict[str, str]
    rejected: dict[str, int]
    files: tuple[FileRead, FileRead]
    segments: dict[str, GateSegment] = field(default_factory=dict)
    segments_of_one_file: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """The object of `calib gate`; its schema is `docs/reference/json/gate.schema.json`."""
        return to_json(self)
