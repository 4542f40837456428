"""What a column is read as: numbers, a few known words, or text; each as an SQL expression for DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BLANK, OTHER = -1, -2
BLANKS = " \t\n\r\v\f\xa0"
FLOATING = ("FLOAT", "DOUBLE")
NUMERIC = (*FLOATING, "DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers: float64 of shape (n,), NaN where there is none.

    `missing` tells empty cells (and NULL) from text that is no number and from NaN itself.
    """

    column: str


@dataclass(frozen=True, slots=True)
class Codes:
    """A column of a few known words: int8 of shape (n,), the code of each word of `vocabulary`.

    Words are compared in lower case and without blanks around them. `BLANK` (-1) where the cell holds
    nothing, `OTHER` (-2) where it holds another word.
    """

    column: str
    vocabulary: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of text: objects of shape (n,), str or None where the cell is empty."""

    column: str


Wanted = Numbers | Codes | Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What was read; `missing` has shape (n,) and is true where the cell is empty."""

    values: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_]


def expression(wanted: Wanted, name: str, kind: str) -> str:
    """The value of a column that DuckDB calls `name` and has the type `kind`, as SQL."""
    number = kind.removeprefix("U").split("(")[0] in NUMERIC
    text = f"CAST({name} AS VARCHAR)"
    match wanted:
        case Texts():
            return f"CASE WHEN isnan({name}) THEN NULL ELSE {text} END" if kind in FLOATING else text
        case Numbers():
            if number:
                return f"coalesce(CAST({name} AS DOUBLE), 'nan'::DOUBLE)"
            # The cast skips blanks by itself, all but one kind; it would also take 1_0 for 10.
            cast = f"TRY_CAST({text} AS DOUBLE)"
            rest = f"TRY_CAST(trim({text}, {literal(BLANKS)}) AS DOUBLE)"
            value = f"coalesce({cast}, {rest}, 'nan'::DOUBLE)"
            return f"CASE WHEN contains({text}, '_') THEN 'nan'::DOUBLE ELSE {value} END"
        case Codes():
            # Most cells hold a word as it is listed: only the others are trimmed, which takes longer.
            cases = " ".join(f"WHEN {literal(key)} THEN {code}" for key, code in wanted.vocabulary.items())
            trimmed = f"lower(trim({text}, {literal(BLANKS)}))"
            rest = f"CASE {trimmed} {cases} WHEN '' THEN {BLANK} ELSE {OTHER} END"
            known = f"CASE {text} {cases} ELSE {rest} END"
            nothing = f"{name} IS NULL OR isnan({name})" if kind in FLOATING else f"{name} IS NULL"
            return f"CAST(CASE WHEN {nothing} THEN {BLANK} ELSE {known} END AS TINYINT)"


def literal(text: str) -> str:
    """An SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def as_column(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_]) -> Column:
    """DuckDB's array as it is promised: no mask, None for a text that is missing."""
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        values = np.array(values.data, dtype=object)
        values[mask] = None
    elif values.dtype.kind == "U":
        values = values.astype(object)
    return Column(values=values, missing=np.asarray(missing, dtype=np.bool_))
