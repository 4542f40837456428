"""What a column is read as: numbers, answers or text; each as an SQL expression for DuckDB.

The rules are those of `calib.tabular.rules` and the words of `calib.vocabulary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.tabular import rules
from calib.vocabulary import BLANKS, MEANINGS, NO_NUMBER, WORDS

# The codes of an answer: 1, 0, and below zero what counts for neither.
CORRECT, INCORRECT, UNSURE, UNKNOWN, OTHER = 1, 0, -3, -1, -2
CODES = dict(zip(MEANINGS, (CORRECT, INCORRECT, UNSURE, UNKNOWN), strict=True))
FLOATING = ("FLOAT", "DOUBLE")
HALF_NORMAL, HALF_DIGITS = 2.0**-14, 9  # 16-bit floats: the least with all digits; digits after the point
MARK = "\ufeff"  # of the encoding, in front of a file that was put behind another
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers: float64 of shape (n,), NaN where a cell has no number.

    `missing` separates empty cells, NULL and words like `N/A` from text that is no number and from NaN
    itself. Numbers are divided by `scale`; where that is 100, `85%` is 85.
    """

    column: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Answers:
    """A column of answers: int8 of shape (n,), `CORRECT` (1), `INCORRECT` (0), `UNSURE`, `UNKNOWN`, `OTHER`.

    With `beside`, the name of another column, an answer is correct where both hold the same text, and
    unknown where one of them is missing.
    """

    column: str
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of text: objects of shape (n,), str or None where the cell is missing.

    `raw`: what the cell holds, with its blanks and as it is written, not by the rule of ids.
    """

    column: str
    raw: bool = False


Wanted = Numbers | Answers | Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What was read; `missing` has shape (n,) and is true where the cell is empty."""

    values: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_]


def number(name: str, kind: str, *, decimal_comma: bool = False, percent: bool = False) -> str:
    """The number in a column called `name`, of the DuckDB type `kind`, as SQL; NaN where there is none."""
    base = base_of(kind)
    if base == "FLOAT":  # by way of its shortest decimal
        return f"coalesce(CAST(CAST({name} AS VARCHAR) AS DOUBLE), 'nan'::DOUBLE)"
    if base in (*FLOATING, *WHOLE, "DECIMAL"):
        return f"coalesce(CAST({name} AS DOUBLE), 'nan'::DOUBLE)"
    if base == "BOOLEAN":
        return "'nan'::DOUBLE"
    text = f"CAST({name} AS VARCHAR)"
    if decimal_comma:
        text = f"CASE WHEN contains({text}, '.') THEN {text} ELSE replace({text}, ',', '.') END"
    if percent:
        bare = f"rtrim(rtrim({text}, {literal(BLANKS)}), '%')"
        text = f"CASE WHEN contains({text}, '%') THEN {bare} ELSE {text} END"
    # The cast skips blanks by itself, all but one kind; it would also take 1_0 for 10.
    cast = f"TRY_CAST({text} AS DOUBLE)"
    rest = f"TRY_CAST(trim({text}, {literal(BLANKS)}) AS DOUBLE)"
    return (
        f"CASE WHEN contains({text}, '_') THEN 'nan'::DOUBLE ELSE coalesce({cast}, {rest}, 'nan'::DOUBLE) END"
    )


def no_number(name: str, kind: str) -> str:
    """Whether a cell of a column of numbers says that there is none, as SQL."""
    if base_of(kind) != "VARCHAR":
        return f"{name} IS NULL"
    words = ", ".join(map(literal, NO_NUMBER))
    said = f"lower(trim({name}, {literal(BLANKS)})) IN ({words})"
    # most cells begin with a digit or the point, as no word does
    return f"({name} IS NULL OR CASE WHEN ascii({name}) BETWEEN 46 AND 57 THEN false ELSE {said} END)"


def plain_cell(name: str) -> str:
    """A cell as `calib.tabular.names.plain` has the name of a column, as SQL; empty where there is none."""
    return f"coalesce(lower(trim({name}, {literal(BLANKS + MARK)})), '')"


def half(name: str) -> str:
    """A 16-bit float as the double of its shortest decimal, as SQL: what was written as 0.3 is 0.3.

    DuckDB reads such a column as 32-bit floats, whose own shortest decimals have more digits.
    """
    value = f"CAST({name} AS DOUBLE)"
    # Half of the distance to the next 16-bit float: a decimal that lies nearer means this one. At a power of
    # two the next one below is nearer, hence the factor.
    below = f"greatest(abs({value}), {HALF_NORMAL}) * {1 - 2.0**-12}"
    reach = f"pow(2, greatest(floor(log2({below})), -14) - 11)"
    cases = " ".join(
        f"WHEN abs(round({value}, {digits}) - {value}) < {reach} THEN round({value}, {digits})"
        for digits in range(HALF_DIGITS)
    )
    return f"CASE WHEN NOT isfinite({value}) THEN {value} {cases} ELSE {value} END"


def text(name: str, kind: str) -> str:
    """The text of a column by the one rule, as SQL; NULL where it is missing."""
    base, plain = base_of(kind), f"CAST({name} AS VARCHAR)"
    if base in FLOATING:
        whole = f"CAST(CAST({name} AS BIGINT) AS VARCHAR)"
        return (
            f"CASE WHEN {name} IS NULL OR NOT isfinite({name}) THEN NULL WHEN abs({name}) > {_limit(base)} "
            f"THEN {plain} WHEN {name} = floor({name}) THEN {whole} ELSE {plain} END"
        )
    if base == "DECIMAL":
        short = f"rtrim(rtrim({plain}, '0'), '.')"
        return f"CASE WHEN {name} = 0 THEN '0' WHEN contains({plain}, '.') THEN {short} ELSE {plain} END"
    if base != "VARCHAR":
        return plain
    trimmed = f"trim({name}, {literal(rules.SPACES)})"
    changed = (
        f"CASE WHEN lower({trimmed}) IN ('', '{rules.NOT_A_NUMBER}') THEN NULL "
        f"WHEN {trimmed} IN ('-0', '-0.0') THEN '0' WHEN suffix({trimmed}, '.0') "
        f"AND regexp_matches({trimmed}, {literal(rules.POINT_ZERO)}) THEN left({trimmed}, -2) "
        f"ELSE {trimmed} END"
    )
    touched = f"regexp_matches({name}, {literal(rules.CHANGES)})"
    return f"CASE WHEN {touched} THEN {changed} ELSE {name} END"


def rounded(name: str, kind: str) -> str | None:
    """Whether a cell is a float that may have lost digits, and so is not an id; None where no cell can be."""
    base = base_of(kind)
    if base in FLOATING:
        return f"coalesce(isfinite({name}) AND abs({name}) > {_limit(base)}, false)"
    if base != "VARCHAR":
        return None
    looks = f"contains({name}, '+') OR contains({name}, '.0')"
    return (
        f"CASE WHEN {looks} THEN coalesce(regexp_matches({name}, {literal(rules.ROUNDED)}), false) "
        "ELSE false END"
    )


def answer(name: str, kind: str) -> str:
    """The code of an answer, as SQL."""
    base = base_of(kind)
    if base in (*FLOATING, *WHOLE, "DECIMAL"):
        missing = f"{name} IS NULL OR isnan({name})" if base in FLOATING else f"{name} IS NULL"
        code = f"WHEN {name} = 1 THEN 1 WHEN {name} = 0 THEN 0 ELSE {OTHER} END"
        return f"CAST(CASE WHEN {missing} THEN {UNKNOWN} {code} AS TINYINT)"
    # Most cells hold a word as it is listed: only the others are trimmed, which takes longer.
    plain = f"CAST({name} AS VARCHAR)"
    cases = " ".join(f"WHEN {literal(word)} THEN {CODES[means]}" for word, means in WORDS.items())
    trimmed = f"lower(trim({plain}, {literal(BLANKS)}))"
    numeric = f"regexp_matches({trimmed}, {literal(rules.NUMBER)})"
    value = f"TRY_CAST({trimmed} AS DOUBLE)"
    rest = (
        f"CASE {trimmed} {cases} ELSE CASE WHEN {numeric} AND {value} = 1 THEN 1 "
        f"WHEN {numeric} AND {value} = 0 THEN 0 ELSE {OTHER} END END"
    )
    first = " ".join(f"WHEN '{digit}' THEN {digit}" for digit in (1, 0))
    known = f"CASE {plain} {first} ELSE {rest} END"
    return f"CAST(CASE WHEN {name} IS NULL THEN {UNKNOWN} ELSE {known} END AS TINYINT)"


def same(first: str, second: str) -> str:
    """The code of an answer that is right where two texts, as SQL, are the same."""
    missing = f"({first}) IS NULL OR ({second}) IS NULL"
    return (
        f"CAST(CASE WHEN {missing} THEN {UNKNOWN} WHEN ({first}) = ({second}) THEN 1 ELSE 0 END AS TINYINT)"
    )


def base_of(kind: str) -> str:
    """DuckDB's type without its sign and size: DECIMAL(5,2) is DECIMAL, UBIGINT is BIGINT."""
    base = kind.split("(")[0]
    return base.removeprefix("U") if base.removeprefix("U") in WHOLE else base


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


def _limit(base: str) -> int:
    return rules.WHOLE_SINGLE if base == "FLOAT" else rules.WHOLE_DOUBLE
