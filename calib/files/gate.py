"""May a model or prompt be released, by two labelled files? What `calib gate` computes."""

from __future__ import annotations

from pathlib import Path

from calib.files.reading import Progress, read_fields, segments_by_size, silent
from calib.gate import Gate, accuracy_state, decide, gate, paired_rows
from calib.gate.pairs import Places
from calib.measure.picture_bins import picture_bins
from calib.measure.sample import Sample
from calib.measure.scores import Estimate
from calib.results.file_read import FileRead
from calib.results.gate import Difference, GateResult, GateSegment, GateSide
from calib.results.measured import Measured
from calib.tabular.labelled import Labelled, Reading, read_labelled
from calib.tabular.roles import Asked
from calib.wording.gate import reading as reading_words


def gate_files(
    before: Path,
    after: Path,
    *,
    max_rise: float = 0.03,
    max_accuracy_fall: float | None = None,
    strict: bool = False,
    asked: Asked | None = None,
    reading: Reading | None = None,
    step: Progress = silent,
) -> GateResult:
    """Compare the labelled file of a present model or prompt with that of the one that would replace it.

    `max_rise` of the ECE and `max_accuracy_fall`, both in (0, 1), are what is allowed; without the latter the
    accuracy decides nothing. `strict`: pass on proof alone. `asked` names the columns of both files, with
    `asked.paired_by` the questions that pair their rows; `reading` says how they are read. `step` is called
    with what is done next. Raises `InvalidInput` for a file that cannot be used, values out of range, and
    questions that are not unique or not shared.
    """
    tables = []
    for path in (before, after):
        step(f"reading {path.name}")
        tables.append(read_labelled(path, asked, reading))
    step("comparing")
    was, now = (table.sample for table in tables)
    pairs = None
    if asked is not None and asked.paired_by is not None:
        rows_before, rows_after = _pairs(tables, (before, after), asked.paired_by)
        was, now, pairs = was.take(rows_before), now.take(rows_after), len(rows_before)
    verdict = gate(was, now, max_rise=max_rise, paired=pairs is not None)
    accuracy = None if max_accuracy_fall is None else accuracy_state(verdict.change, max_accuracy_fall)
    segments, of_one_file = _segments(was, now, max_rise=max_rise, paired=pairs is not None)
    confidence, dsc = _difference(verdict.confidence), _difference(verdict.dsc)
    auroc = None if verdict.auroc is None else _difference(verdict.auroc)
    return GateResult(
        **verdict.change.to_json()
        | {
            "direction": verdict.direction,
            "decision": decide(verdict, accuracy, strict=strict),
            "labels_needed": verdict.labels_needed,
            "proven": verdict.proven,
            "reading": reading_words(
                (verdict.change.accuracy_change_low, verdict.change.accuracy_change_high),
                confidence,
                auroc,
                dsc,
            ),
            "before": GateSide.of(
                verdict.before,
                dsc_low=verdict.dsc_before.low,
                dsc_high=verdict.dsc_before.high,
                points=picture_bins(was),
            ),
            "after": GateSide.of(
                verdict.after,
                dsc_low=verdict.dsc_after.low,
                dsc_high=verdict.dsc_after.high,
                points=picture_bins(now),
            ),
            "confidence_change": confidence,
            "auroc_change": auroc,
            "dsc_change": dsc,
            "max_rise": max_rise,
            "strict": strict,
            "max_accuracy_fall": max_accuracy_fall,
            "accuracy_state": accuracy,
            "pairs": pairs,
            "columns": tables[1].roles.columns,
            "rejected": _together(tables),
            "files": tuple(
                FileRead(**read_fields(path, table))
                for path, table in zip((before, after), tables, strict=True)
            ),
            "segments": segments,
            "segments_of_one_file": of_one_file,
        }
    )


def _pairs(tables: list[Labelled], paths: tuple[Path, Path], column: str) -> tuple[Places, Places]:
    """The rows of both files that answer the same question, in one order."""
    before, after = ([] if table.questions is None else table.questions.tolist() for table in tables)
    return paired_rows(before, after, column=column, names=(str(paths[0]), str(paths[1])))


def _together(tables: list[Labelled]) -> dict[str, int]:
    """Rejected rows by kind, of both files together."""
    kinds = {kind for table in tables for kind in table.rejected}
    return {kind: sum(table.rejected.get(kind, 0) for table in tables) for kind in sorted(kinds)}


def _segments(
    before: Sample, after: Sample, *, max_rise: float, paired: bool
) -> tuple[dict[str, GateSegment], tuple[str, ...]]:
    """The segments of both files by size, and the names of those that one file alone has.

    A pair belongs to the segment that the later file gives it.
    """
    if paired:
        of_before = {name: before.take(after.segments == name) for name in after.segment_names}
    else:
        of_before = {name: before.of_segment(name) for name in before.segment_names}
    segments = {
        name: _segment(gate(of_before[name], after.of_segment(name), max_rise=max_rise, paired=paired))
        for name in segments_by_size(after)
        if name in of_before
    }
    every = set(before.segment_names) | set(after.segment_names)
    return segments, tuple(sorted(every - set(segments)))


def _segment(part: Gate) -> GateSegment:
    return GateSegment(
        before=Measured.of(part.before),
        after=Measured.of(part.after),
        rise=_difference(part.rise),
        accuracy_change=_difference(part.accuracy),
    )


def _difference(change: Estimate) -> Difference:
    return Difference(value=change.value, low=change.low, high=change.high)
