"""Ibis expressions over the traffic table: which rows count, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from calib.measure import GRID
from calib.sampling.draw import HEX_DIGITS
from calib.tabular import rules
from calib.traffic.connect import engine_of, md5_of
from calib.traffic.rules import confidence, missing, number, outside, rounded, text_of
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


def served(table: Any, columns: Columns) -> Any:
    """What production used; the raw confidence where it logged nothing that is a confidence."""
    return confidence(table[columns.served]).fill_null(confidence(table[columns.confidence]))


def equals(column: Any, value: bool | int | float | str) -> Any:
    """Whether the column holds `value` of the settings; `TypeError` where it can hold none like it."""
    kind = column.type()
    if kind.is_string():
        if isinstance(value, bool):
            return column.strip().lower().isin(("true", "t", "1") if value else ("false", "f", "0"))
        return column == str(value)
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
    """0 for a row that counts, else 1 + the index in `REJECTS` of the first reason why not."""
    stated, id_ = table[columns.confidence], table[columns.id]
    value = number(stated)
    code = {kind: 1 + index for index, kind in enumerate(REJECTS)}
    return ibis.cases(
        *((rule, code["out_of_scope"]) for rule in _outside(table, columns, scope)),
        (missing(id_), code["missing_id"]),
        (rounded(id_), code["rounded_id"]),
        (stated.isnull(), code["missing"]),
        (value.isnull(), _infinite(stated).ifelse(code["out_of_range"], code["not_a_number"])),
        (outside(value), code["out_of_range"]),
        else_=0,
    )


def usable(table: Any, columns: Columns, scope: Mapping[str, str]) -> Any:
    """Whether `reject` gives 0 for a row, said in fewer steps."""
    good = confidence(table[columns.confidence]).notnull() & ~missing(table[columns.id])
    for rule in _outside(table, columns, scope):
        good = good & ~rule
    return good


def _outside(table: Any, columns: Columns, scope: Mapping[str, str]) -> list[Any]:
    return [
        (text_of(table[column]) != str(rules.text_of(scope[key]))).fill_null(True)
        for key, column in columns.scope.items()
    ]


def _infinite(column: Any) -> Any:
    kind = column.type()
    if not (kind.is_string() or kind.is_floating()):
        return ibis.literal(False)
    return column.cast("string").strip().lower().re_search(rules.INFINITE)


def grid_cell(value: Any) -> Any:
    """The same formula as `calib.measure.cell`, of a number in [0, 1] or null."""
    return (value * float(GRID) + 0.5).floor().cast("int64")


def order_of(table: Any, id_: str, seed: str, period: str) -> Any:
    """The row's place in the draw, as `calib.sampling.order_key` has it."""
    text = ibis.literal(f"{seed}:{period}:") + text_of(table[id_])
    return md5_of(text, engine_of(table)).left(HEX_DIGITS)
