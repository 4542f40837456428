"""How far stated confidence is from accuracy, for a file: what `calib measure` computes."""

from __future__ import annotations

from pathlib import Path

from calib.cycle.comparison import compare_samples
from calib.files.reading import Progress, read_fields, segments_by_size, silent
from calib.measure import Bins, Measurement, measure
from calib.measure.picture_bins import picture_bins
from calib.measure.sample import Sample
from calib.results.measure import MeasuredBaseline, MeasuredSegment, MeasureResult
from calib.results.measured import Measured
from calib.results.window import ChangeResult
from calib.tabular.labelled import Labelled, Reading, read_labelled
from calib.tabular.roles import Asked
from calib.wording.measured import ece_verdict

ALPHA = 0.05  # of the change test between two files


def measure_file(
    path: Path,
    *,
    baseline: Path | None = None,
    asked: Asked | None = None,
    reading: Reading | None = None,
    bins: int = 10,
    max_rise: float = 0.03,
    step: Progress = silent,
) -> MeasureResult:
    """Measure a labelled file, each of its segments, and the change since a `baseline` file.

    `asked` names the columns of both files, `reading` says how they are read; `bins`: of equal width.
    `max_rise`: the rise of the ECE that matters to the change test, in (0, 1). `step` is called with what is
    done next. Raises `InvalidInput` for a file that cannot be used and for values out of range.
    """
    step("reading")
    table = read_labelled(path, asked, reading)
    step("measuring")
    measured = _measured(table, bins)
    change = earlier = None
    if baseline is not None:
        step(f"comparing with {baseline.name}")
        before = read_labelled(baseline, asked, reading)
        earlier = MeasuredBaseline.of(
            _measured(before, bins), **read_fields(baseline, before), points=picture_bins(before.sample)
        )
        tested = compare_samples(
            table.sample.normalised(), before.sample.normalised(), alpha=ALPHA, max_rise=max_rise
        )
        change = ChangeResult(**tested.to_json())
    return MeasureResult.of(
        measured,
        **read_fields(path, table),
        verdict=ece_verdict(Measured.of(measured)),
        baseline=earlier,
        change=change,
        segments=_segments(table.sample),
        points=picture_bins(table.sample),
    )


def _measured(table: Labelled, bins: int) -> Measurement:
    sample = table.sample
    return measure(
        sample.scores,
        sample.correct,
        weights=table.weights,
        clusters=sample.cluster_numbers,
        bins=Bins.equal_width(bins),
    )


def _segments(sample: Sample) -> dict[str, MeasuredSegment]:
    segments = {}
    for name in segments_by_size(sample):
        rows = sample.of_segment(name).normalised()
        part = measure(rows.scores, rows.correct, weights=rows.weights, clusters=rows.cluster_numbers)
        segments[name] = MeasuredSegment.of(part, verdict=ece_verdict(Measured.of(part)))
    return segments
