"""Ibis expressions over the traffic table: which rows count, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from calib.measure import GRID
from calib.sampling.draw import HEX_DIGITS
from calib.tabular import rules
from calib.traffic.connect import engine_of, md5_of
from calib.traffic.rules import (
    Clock,
    confidence,
    may_change,
    missing,
    no_number,
    number,
    outside,
    rounded,
    text_of,
)
from calib.traffic.values import Columns

REJECTS = (
    "out_of_scope",
    "missing_id",
    "missing",
    "not_a_number",
    "out_of_range",
    "bad_timestamp",
    "rounded_id",
)
CODES = {kind: 1 + index for index, kind in enumerate(REJECTS)}


def served(table: Any, columns: Columns) -> Any:
    """What production used; the raw confidence where it logged nothing that is a confidence."""
    return confidence(table[columns.served]).fill_null(confidence(table[columns.confidence], columns.scale))


def equals(column: Any, value: bool | int | float | str) -> Any:
    """Whether the column holds `value` of the settings; `TypeError` where it can hold none like it."""
    kind = column.type()
    if kind.is_string():
        if isinstance(value, bool):
            return column.strip().lower().isin(("true", "t", "1") if value else ("false", "f", "0"))
        text = str(rules.text_of(value))
        number = isinstance(value, int | float)  # 4 and 4.0 are one, however files of several types wrote it
        return column.isin((text, f"{text}.0")) if number else column == str(value)
    if kind.is_date():
        return column.cast("string") == str(value)
    if kind.is_boolean():
        words: dict[object, bool] = {"true": True, "false": False, 1: True, 0: False}
        if (meant := words.get(value)) is not None:
            return column == meant
    elif kind.is_numeric() and not isinstance(value, bool):
        try:
            return column == (float(value) if isinstance(value, str) else value)
        except ValueError:
            pass
    raise TypeError(f"a column of type {kind} never equals {value!r}")


def reject(table: Any, columns: Columns, scope: Mapping[str, str]) -> Any:
    """0 for a row that counts, else the code of the first reason why not."""
    stated, id_ = table[columns.confidence], table[columns.id]
    value = number(stated, columns.scale)
    return ibis.cases(
        *((rule, CODES["out_of_scope"]) for rule in out_of_scope(table, columns, scope)),
        (missing(id_), CODES["missing_id"]),
        (rounded(id_), CODES["rounded_id"]),
        (no_number(stated), CODES["missing"]),
        (value.isnull(), _infinite(stated).ifelse(CODES["out_of_range"], CODES["not_a_number"])),
        (outside(value), CODES["out_of_range"]),
        else_=0,
    )


def usable(table: Any, columns: Columns, scope: Mapping[str, str]) -> Any:
    """Whether `reject` gives 0 for a row, said in fewer steps."""
    good = confidence(table[columns.confidence], columns.scale).notnull() & ~missing(table[columns.id])
    for rule in out_of_scope(table, columns, scope):
        good = good & ~rule
    return good


def out_of_scope(table: Any, columns: Columns, scope: Mapping[str, str]) -> list[Any]:
    """Conditions of which each says that a row is another model's or prompt's."""
    return [
        (text_of(table[column]) != str(rules.text_of(scope[key]))).fill_null(True)
        for key, column in columns.scope.items()
    ]


def _infinite(column: Any) -> Any:
    kind = column.type()
    if not (kind.is_string() or kind.is_floating() or kind.is_decimal()):
        return ibis.literal(False)
    return column.cast("string").strip().lower().re_search(rules.INFINITE)


def without_time(table: Any, clock: Clock, columns: Columns, scope: Mapping[str, str]) -> Any:
    """The rows of the whole table whose time cannot be read, with the code of why they do not count.

    They belong to no period. Those of another scope are not this stream's.
    """
    code: Any = ibis.literal(CODES["bad_timestamp"])
    if others := out_of_scope(table, columns, scope):
        code = ibis.or_(*others).ifelse(CODES["out_of_scope"], CODES["bad_timestamp"])
    return table.filter(clock.unreadable()).select(code=code)


def grid_cell(value: Any) -> Any:
    """The same formula as `calib.measure.cell`, of a number in [0, 1] or null."""
    return (value * float(GRID) + 0.5).floor().cast("int64")


def order_of(table: Any, id_: str, seed: str, period: str) -> Any:
    """The row's place in the draw, as `calib.sampling.order_key` has it."""
    return _digest(text_of(table[id_]), seed, period).left(HEX_DIGITS)


def ordered_before(table: Any, id_: str, seed: str, period: str, limit: Any) -> Any:
    """Whether the row's place in the draw lies before a limit of `HEX_DIGITS` digits or of fewer.

    The whole digest lies before such a limit where its first digits do.
    """
    return _digest(text_of(table[id_]), seed, period) < limit


def perhaps_before(table: Any, id_: str, seed: str, period: str, limit: str) -> Any:
    """A quicker look than `ordered_before`, true for every row for which that is true, and for a few more."""
    column = table[id_]
    if not column.type().is_string():
        return ordered_before(table, id_, seed, period, limit)
    return may_change(column) | (_digest(column, seed, period) < limit)


def _digest(text: Any, seed: str, period: str) -> Any:
    return md5_of(ibis.literal(f"{seed}:{period}:") + text, engine_of(text))
