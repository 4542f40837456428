"""The object that `calib measure --json` prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from calib.json_object import Json
from calib.results.codec import to_json
from calib.results.file_read import FileRead
from calib.results.measured import Measured
from calib.results.pictures import PictureBins
from calib.results.window import ChangeResult


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSegment(Measured):
    """One segment; `verdict`: what the interval of its ECE means."""

    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredBaseline(FileRead, Measured):
    """The earlier file, measured as the later one is; `points`: what a picture shows of it."""

    points: PictureBins | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureResult(FileRead, Measured):
    """A labelled file, measured.

    `verdict`: what the interval of the ECE means by the usual limits of 0.10 and 0.15. `change`: the change
    test against `baseline`, which compares accuracies at equal stated confidence; both are None without
    `--baseline`. `segments`: by size, the largest first. `points`: what the picture shows. `picture` and
    `html`: the paths of the reliability diagram and of the page.
    """

    verdict: str
    baseline: MeasuredBaseline | None = None
    change: ChangeResult | None = None
    segments: dict[str, MeasuredSegment] = field(default_factory=dict)
    points: PictureBins | None = None
    picture: str | None = None
    html: str | None = None

    def to_json(self) -> Json:
        """The object of `calib measure`; its schema is `docs/reference/json/measure.schema.json`."""
        return to_json(self)
