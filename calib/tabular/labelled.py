"""A file of (confidence, correct[, weight, segment, cluster]): what `calib measure` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.tabular.columns import BLANK, OTHER, Codes, Column, Numbers, Texts
from calib.tabular.file import TableFile, open_table

CONFIDENCE = ("confidence", "raw_confidence", "score", "probability")
CORRECT = ("correct", "is_correct", "outcome", "label")
WEIGHT = ("weight",)
SEGMENT = ("segment",)
CLUSTER = ("cluster",)
TRACE = ("trace", "trace_id")
UNSURE = 2
ANSWERS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "correct"), 1),
    **dict.fromkeys(("0", "0.0", "false", "no", "incorrect"), 0),
    "unsure": UNSURE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The usable rows of a file, and how many were not, by kind.

    `scores` in [0, 1], `correct` in {0, 1} and `weights` ≥ 0 have shape (n,); `weights`, `segments` and
    `clusters` are None where the file has no such column.
    """

    rows: int
    scores: npt.NDArray[np.float64]
    correct: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64] | None
    segments: npt.NDArray[np.object_] | None
    clusters: npt.NDArray[np.object_] | None
    rejected: dict[str, int]


def read_labelled(
    path: Path,
    *,
    confidence: str | None = None,
    correct: str | None = None,
    weight: str | None = None,
    segment: str | None = None,
    cluster: str | None = None,
) -> Labelled:
    """Read a CSV or Parquet file; columns that are not named are found by their usual names.

    A row whose confidence is missing, not a number or outside [0, 1], or whose answer is missing, unsure
    or no answer at all, is counted by kind and left out: nothing is clamped or guessed. Raises
    `InvalidInput` for a file that cannot be read, lacks a column or has no usable row.
    """
    table = open_table(path)
    named = {
        "confidence": _column(table, confidence, CONFIDENCE, "--confidence"),
        "correct": _column(table, correct, CORRECT, "--correct"),
        "weight": _optional(table, weight, WEIGHT),
        "segment": _optional(table, segment, SEGMENT),
        "cluster": _optional(table, cluster, CLUSTER),
    }
    columns = _read(table, named)
    n = len(columns["confidence"].values)
    rejects = Rejects(n)
    scores = _confidences(columns["confidence"], rejects)
    answers = _answers(columns["correct"], rejects)
    weights = None
    if "weight" in columns:
        weights = columns["weight"].values
        rejects.add(columns["weight"].missing, "missing_weight")
        rejects.add(~np.isfinite(weights) | (weights < 0), "bad_weight")

    keep, rejected = rejects.kept, rejects.counts()
    if not keep.any():
        why = (
            ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in rejected.items())
            or "it is empty"
        )
        raise InvalidInput(
            f"{path}: no row can be used ({why}). {named['confidence']!r} must hold numbers from 0 to 1 "
            f"(85% is written 0.85) and {named['correct']!r} 1 or 0"
        )
    return Labelled(
        rows=n,
        scores=scores[keep],
        correct=answers[keep],
        weights=None if weights is None else weights[keep],
        segments=columns["segment"].values[keep] if "segment" in columns else None,
        clusters=columns["cluster"].values[keep] if "cluster" in columns else None,
        rejected=rejected,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The usable steps of a file of chains, and how many rows were not, by kind; shape (n,) each.

    `correct` is 1 or 0 where the row carries the label of its whole chain, NaN where it does not.
    """

    rows: int
    trace: npt.NDArray[np.object_]
    scores: npt.NDArray[np.float64]
    correct: npt.NDArray[np.float64]
    rejected: dict[str, int]


def read_steps(
    path: Path, *, trace: str | None = None, confidence: str | None = None, correct: str | None = None
) -> Steps:
    """Read a CSV or Parquet file of steps: the name of their chain, their confidence, and, on any row of a
    chain, whether the whole was right.

    A chain with a step whose confidence is no confidence is left out as a whole, for its product is not
    known; an answer that is none counts as no label. Raises `InvalidInput` as `read_labelled` does.
    """
    table = open_table(path)
    named: dict[str, str | None] = {
        "trace": _column(table, trace, TRACE, "--trace"),
        "confidence": _column(table, confidence, CONFIDENCE, "--confidence"),
        "correct": _column(table, correct, CORRECT, "--correct"),
    }
    columns = _read(table, named)
    chains = columns["trace"].values
    rejects, ignored = Rejects(len(chains)), Rejects(len(chains))
    rejects.add(np.array([not name for name in chains], dtype=bool), "no_trace")
    with_trace = rejects.kept
    scores = _confidences(columns["confidence"], rejects)
    answers = _answers(columns["correct"], ignored)
    torn = set(chains[with_trace & ~rejects.kept])
    rejects.add(np.array([name in torn for name in chains], dtype=bool), "beside_a_bad_step")
    keep = rejects.kept
    return Steps(
        rows=len(chains),
        trace=chains[keep],
        scores=scores[keep],
        correct=answers[keep],
        rejected=rejects.counts(),
    )


class Rejects:
    """Why each row is left out; only its first reason counts."""

    def __init__(self, rows: int) -> None:
        self._kinds: list[str] = []
        self._why = np.zeros(rows, dtype=np.uint8)

    def add(self, where: npt.NDArray[np.bool_], kind: str) -> None:
        """Leave out the rows where `where`, of shape (n,), is true."""
        if kind not in self._kinds:
            self._kinds.append(kind)
        self._why[where & (self._why == 0)] = self._kinds.index(kind) + 1

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """The rows without a reason, shape (n,)."""
        kept: npt.NDArray[np.bool_] = self._why == 0
        return kept

    def counts(self) -> dict[str, int]:
        """How many rows were left out, by kind in alphabetical order; no kind has zero."""
        counts = np.bincount(self._why, minlength=len(self._kinds) + 1)[1:]
        return {kind: int(n) for kind, n in sorted(zip(self._kinds, counts, strict=True)) if n}


def _read(table: TableFile, named: Mapping[str, str | None]) -> dict[str, Column]:
    """The columns of a file of labels, each read as its use asks for."""
    wanted: dict[str, Numbers | Codes | Texts] = {}
    for use, name in named.items():
        if name is None:
            continue
        if use in ("confidence", "weight"):
            wanted[use] = Numbers(name)
        else:
            wanted[use] = Codes(name, ANSWERS) if use == "correct" else Texts(name)
    return table.read(wanted)


def _confidences(column: Column, rejects: Rejects) -> npt.NDArray[np.float64]:
    """The confidences, with the rows marked that hold none in [0, 1]."""
    scores: npt.NDArray[np.float64] = column.values
    rejects.add(column.missing, "missing")
    rejects.add(np.isnan(scores), "not_a_number")
    rejects.add(~((scores >= 0) & (scores <= 1)), "out_of_range")
    return scores


def _answers(column: Column, rejects: Rejects) -> npt.NDArray[np.float64]:
    """1 or 0 by row, NaN where there is no such answer, which is marked."""
    codes = column.values
    rejects.add(codes == BLANK, "unlabelled")
    rejects.add(codes == UNSURE, "unsure")
    rejects.add(codes == OTHER, "not_an_answer")
    return np.where((codes == 0) | (codes == 1), codes, np.nan)


def _column(table: TableFile, asked: str | None, usual: tuple[str, ...], option: str) -> str:
    """The column asked for, else the first of the usual names; `InvalidInput` where there is none."""
    name = _optional(table, asked, usual)
    if name is None:
        raise InvalidInput(
            f"{table.path} has none of the columns {', '.join(usual)}; name the right one with {option}. "
            f"It has {', '.join(map(repr, table.names)) or 'none'}"
        )
    return name


def _optional(table: TableFile, asked: str | None, usual: tuple[str, ...]) -> str | None:
    """The column asked for, which must be there, else the first of the usual names that is."""
    if asked is None:
        return next((name for name in usual if name in table.names), None)
    if asked in table.names:
        return asked
    near = get_close_matches(asked, table.names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, table.names))}"
    raise InvalidInput(f"{table.path} has no column {asked!r}; {hint}")
