"""A file of (confidence, correct[, weight, segment, cluster]): what `calib measure` reads."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

CONFIDENCE = ("confidence", "raw_confidence", "score", "probability")
CORRECT = ("correct", "is_correct", "outcome", "label")
WEIGHT = ("weight",)
SEGMENT = ("segment",)
CLUSTER = ("cluster",)
TRACE = ("trace", "trace_id")
ANSWERS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "correct"), 1.0),
    **dict.fromkeys(("0", "0.0", "false", "no", "incorrect"), 0.0),
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
    table = _read(path)
    names = {
        "confidence": _column(path, table.column_names, confidence, CONFIDENCE, "--confidence"),
        "correct": _column(path, table.column_names, correct, CORRECT, "--correct"),
        "weight": _column(path, table.column_names, weight, WEIGHT, "--weight", needed=False),
        "segment": _column(path, table.column_names, segment, SEGMENT, "--segment", needed=False),
        "cluster": _column(path, table.column_names, cluster, CLUSTER, "--cluster", needed=False),
    }
    column = {use: table.column(name) for use, name in names.items() if name is not None}

    reject = np.full(table.num_rows, "", dtype=object)
    scores = _numbers(column["confidence"], reject)
    _mark(reject, np.isfinite(scores) & ((scores < 0) | (scores > 1)), "out_of_range")
    _mark(reject, np.isinf(scores), "out_of_range")
    answers = _answers(column["correct"], reject)
    weights = None
    if "weight" in column:
        weights = _numbers(column["weight"], reject, missing="missing_weight", other="bad_weight")
        _mark(reject, ~np.isfinite(weights) | (weights < 0), "bad_weight")

    keep = reject == ""
    kinds, counts = np.unique(reject[~keep].astype(str), return_counts=True)
    rejected = {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True)}
    if not keep.any():
        why = (
            ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in rejected.items())
            or "it is empty"
        )
        raise InvalidInput(
            f"{path}: no row can be used ({why}). {names['confidence']!r} must hold numbers from 0 to 1 "
            f"(85% is written 0.85) and {names['correct']!r} 1 or 0"
        )
    return Labelled(
        rows=table.num_rows,
        scores=scores[keep],
        correct=answers[keep],
        weights=None if weights is None else weights[keep],
        segments=_texts(column["segment"])[keep] if "segment" in column else None,
        clusters=_texts(column["cluster"])[keep] if "cluster" in column else None,
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
    table = _read(path)
    names = {
        "trace": _column(path, table.column_names, trace, TRACE, "--trace"),
        "confidence": _column(path, table.column_names, confidence, CONFIDENCE, "--confidence"),
        "correct": _column(path, table.column_names, correct, CORRECT, "--correct"),
    }
    column = {use: table.column(name) for use, name in names.items() if name is not None}
    chain = _texts(column["trace"])
    reject, ignored = (np.full(table.num_rows, "", dtype=object) for _ in range(2))
    _mark(reject, np.array([name is None or not name for name in chain], dtype=bool), "no_trace")
    scores = _numbers(column["confidence"], reject)
    _mark(reject, ~((scores >= 0) & (scores <= 1)), "out_of_range")
    answers = _answers(column["correct"], ignored)
    torn = {name for name, why in zip(chain, reject, strict=True) if why and why != "no_trace"}
    _mark(reject, np.array([name in torn for name in chain], dtype=bool), "beside_a_bad_step")
    keep = reject == ""
    kinds, counts = np.unique(reject[~keep].astype(str), return_counts=True)
    rejected = {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True)}
    return Steps(
        rows=table.num_rows,
        trace=chain[keep],
        scores=scores[keep],
        correct=answers[keep],
        rejected=rejected,
    )


def _texts(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """As text, None where nothing is named."""
    found = np.empty(len(column), dtype=object)
    found[:] = [None if value is None or value != value else str(value) for value in column.to_pylist()]
    return found


def _read(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if not path.is_file():
            raise InvalidInput(f"{path} is not a file: give the path of a CSV or Parquet file")
        with path.open("rb") as file:
            magic = file.read(4)
        if magic == b"PAR1":
            return pyarrow.parquet.read_table(path, use_threads=True)
        if not magic:
            raise InvalidInput(f"{path} is empty: its first line names the columns, each other line is a row")
        text = pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in _header(path)},
            strings_can_be_null=True,
            null_values=[""],  # "nan" is not a number, and a segment may be called NA
        )
        return pyarrow.csv.read_csv(path, convert_options=text)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,
        UnicodeDecodeError,
        OSError,
    ) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(f"{path} cannot be read as CSV or Parquet: {reason}") from None


def _header(path: Path) -> list[str]:
    import csv

    with path.open(newline="", encoding="utf-8-sig") as file:
        return next(csv.reader(file), [])


def _column(
    path: Path,
    there: list[str],
    asked: str | None,
    usual: tuple[str, ...],
    option: str,
    *,
    needed: bool = True,
) -> str | None:
    if asked is not None:
        if asked in there:
            return asked
        near = get_close_matches(asked, there, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, there))}"
        raise InvalidInput(f"{path} has no column {asked!r}; {hint}")
    for name in usual:
        if name in there:
            return name
    if needed:
        raise InvalidInput(
            f"{path} has none of the columns {', '.join(usual)}; name the right one with {option}. "
            f"It has {', '.join(map(repr, there)) or 'none'}"
        )
    return None


def _mark(reject: npt.NDArray[Any], where: npt.NDArray[np.bool_], kind: str) -> None:
    """Only the first reason counts."""
    reject[where & (reject == "")] = kind


def _numbers(
    column: pa.ChunkedArray,
    reject: npt.NDArray[Any],
    *,
    missing: str = "missing",
    other: str = "not_a_number",
) -> npt.NDArray[np.float64]:
    import pandas as pd

    values = column.to_pandas()
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        values = pd.to_numeric(values.astype("string"), errors="coerce")
    numbers: npt.NDArray[np.float64] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    _mark(reject, column.is_null().to_numpy(), missing)  # pandas alone cannot tell null from NaN
    _mark(reject, np.isnan(numbers), other)
    return numbers


def _answers(column: pa.ChunkedArray, reject: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    words = column.to_pandas().astype("string").str.strip().str.lower()
    answers: npt.NDArray[np.float64] = words.map(ANSWERS).to_numpy(dtype=np.float64, na_value=np.nan)
    _mark(reject, (words.isna() | (words == "")).to_numpy(dtype=bool, na_value=True), "unlabelled")
    _mark(reject, (words == "unsure").to_numpy(dtype=bool, na_value=False), "unsure")
    _mark(reject, np.isnan(answers), "not_an_answer")
    return answers
