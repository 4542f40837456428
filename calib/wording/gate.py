"""The gate's verdict in words: for the terminal, for a pull request, for a report."""

from __future__ import annotations

from collections.abc import Iterator

from calib.results.gate import Difference, GateResult
from calib.results.measured import Measured
from calib.wording.change import detectable_words
from calib.wording.file_read import columns_words, not_counted_words
from calib.wording.measured import both_sides
from calib.wording.numbers import between, difference, signed

STATES = {
    "degraded": "DEGRADED: calibration got worse",
    "stable": "stable: a rise of the ECE beyond what is allowed is ruled out",
    "no_change_seen": "no change seen",
}
ACCURACY_STATES = {
    "fell": "FELL: the accuracy got worse",
    "held": "held: a larger fall of the accuracy is ruled out",
    "no_fall_seen": "no fall seen, and a larger one is not ruled out",
}


def verdict_line(result: GateResult) -> str:
    """What is known of the rise of the ECE."""
    words = STATES.get(str(result.state)) or f"changed: {result.direction}"
    rise = difference(result.rise, result.low, result.high)
    return f"{words}. ECE {rise}, allowed {signed(result.max_rise)}"


def accuracy_line(result: GateResult) -> str:
    """What is known of the accuracy, and whether it decides."""
    moved = difference(result.accuracy_change, result.accuracy_change_low, result.accuracy_change_high)
    accuracy = f"{result.before.accuracy:.3f} before, {result.after.accuracy:.3f} after, difference {moved}"
    if result.accuracy_state is None or result.max_accuracy_fall is None:
        return f"Accuracy {accuracy}; it decides only with --max-accuracy-fall."
    words = ACCURACY_STATES[result.accuracy_state]
    return f"Accuracy {words}. {accuracy}, allowed {signed(-result.max_accuracy_fall)}"


def limit_lines(result: GateResult) -> Iterator[str]:
    """What the labels could detect, and what proof would take."""
    sentences = []
    if result.state == "no_change_seen":
        detectable = result.minimum_detectable_rise
        sentences.append(
            "these labels could not have detected any rise"
            if detectable is None
            else detectable_words(detectable)
        )
    if result.labels_needed:
        sentences.append(
            f"to prove that it is stable takes about {result.labels_needed:,} more labels in each file"
        )
    if sentences:
        line = "; ".join(sentences)
        yield f"{line[0].upper()}{line[1:]}."
    yield result.reading
    if result.decision == "not_proven":
        unproven = "stable" if not result.proven else "free of a fall of the accuracy"
        yield f"Not proven {unproven}, and --strict asks for proof."


def reading(
    accuracy: tuple[float | None, float | None],
    confidence: Difference,
    auroc: Difference | None,
    dsc: Difference,
) -> str:
    """What moved: the answers, the level of the confidence, or the information in it.

    `accuracy`: the ends of the interval of its difference.
    """
    sentences = []
    low, high = accuracy
    if low is not None and high is not None and not low <= 0 <= high:
        sentences.append(f"The answers got {'better' if low > 0 else 'worse'}.")
    informed = [change for change in (auroc, dsc) if change is not None and _moved(change)]
    if informed:
        word = "better" if informed[0].value > 0 else "less well"
        sentences.append(f"The confidence distinguishes right answers from wrong ones {word} than before.")
    elif _moved(confidence):
        where = "up" if confidence.value > 0 else "down"
        sentences.append(
            f"The level of the confidence moved {where}, the information in it did not beyond noise: "
            "a mapping does the same to the old confidence."
        )
    return " ".join(sentences) or "Neither the answers nor the confidence moved beyond noise."


def _moved(change: Difference) -> bool:
    return not change.low <= 0 <= change.high


def side_rows(result: GateResult) -> Iterator[tuple[str, str, str, str]]:
    """A row for each quantity: its name, before, after and the difference, each with its 95% interval."""
    differences = {
        "ECE": (result.rise, result.low, result.high),
        "accuracy": (result.accuracy_change, result.accuracy_change_low, result.accuracy_change_high),
        "stated confidence": _ends(result.confidence_change),
    }
    for name, before, after in both_sides(result.before, result.after):
        moved = difference(*differences[name]) if name in differences else ""
        yield name, before, after, moved
    was, now = result.before, result.after
    yield "AUROC", _auroc(was), _auroc(now), difference(*_ends(result.auroc_change))
    yield (
        "DSC",
        between(was.dsc, was.dsc_low, was.dsc_high),
        between(now.dsc, now.dsc_low, now.dsc_high),
        difference(*_ends(result.dsc_change)),
    )


def _auroc(side: Measured) -> str:
    return between(side.auroc, side.auroc_low, side.auroc_high)


def _ends(change: Difference | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if change is None else (change.value, change.low, change.high)


SEGMENT_HEADS = ("segment", "labels", "ECE: difference", "accuracy: difference")


def segment_rows(result: GateResult) -> Iterator[tuple[str, str, str, str]]:
    """A row for each segment, under `SEGMENT_HEADS`: labels before and after, and two differences (95%)."""
    for name, part in result.segments.items():
        yield (
            name,
            f"{part.before.n:,}, {part.after.n:,}",
            difference(*_ends(part.rise)),
            difference(*_ends(part.accuracy_change)),
        )


def segment_note(result: GateResult) -> str:
    """How the table of segments is to be read."""
    words = "Segments are shown, and decide nothing: about one interval in twenty misses the truth by chance."
    if result.segments_of_one_file:
        words += f" In one file alone: {', '.join(result.segments_of_one_file)}."
    return words


def files_words(result: GateResult) -> Iterator[tuple[str, str, str]]:
    """Of each file: its side, its labels with what is not counted, and its columns."""
    for side, file, measured in zip(
        ("before", "after"), result.files, (result.before, result.after), strict=True
    ):
        parts = [words] if (words := not_counted_words(file)) else []
        usable = file.rows - sum(file.rejected.values())
        if result.pairs is not None and usable > result.pairs:
            parts.append(f"{usable - result.pairs:,} without a partner")
        left_out = f" (not counted: {', '.join(parts)})" if parts else ""
        yield side, f"{measured.n:,} labels{left_out}", columns_words(file)
