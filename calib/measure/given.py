"""Columns as callers hand them in: lists, arrays, columns of pandas and Arrow.

The rules are those of files. A boolean, a text or a time is not a number; what is masked or missing is NaN;
a 32-bit or 16-bit float is its shortest decimal: what was written as 0.3 is 0.3; a confidence at most 1e-6
beyond an end is that end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.format.given import doubles
from calib.policy import OVERSHOOT

Floats = npt.NDArray[np.float64]


def numbers(values: npt.ArrayLike, what: str, *, booleans: bool = False) -> Floats:
    """A column of numbers as float64, NaN where one is missing; `what` is its name in messages.

    `booleans`: True and False are 1 and 0. Raises `InvalidInput` for what holds no numbers.
    """
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values
    if isinstance(values, list | tuple) and not booleans and any(isinstance(v, bool) for v in values):
        raise InvalidInput(f"{what} must be numbers, not booleans")
    try:
        given = values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
        kind = given.dtype.kind
        if kind == "O":
            _refuse_objects(given, what, booleans=booleans)
        elif kind not in ("biuf" if booleans else "iuf"):
            raise InvalidInput(f"{what} must be numbers, not {_word(given.dtype.type)}")
        return doubles(given)
    except InvalidInput:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{what} must be a column of numbers: {error}") from None


def confidences(values: npt.ArrayLike, what: str = "scores") -> Floats:
    """A column of confidences in [0, 1]. Raises `InvalidInput`, with the first value that is none."""
    column = numbers(values, what)
    if ((column >= 0) & (column <= 1)).all():
        return column
    usable = (column >= -OVERSHOOT) & (column <= 1 + OVERSHOOT)
    if not usable.all():
        at = int(np.flatnonzero(~usable.ravel())[0])
        raise InvalidInput(f"{what} must be numbers in [0, 1]: at {at} is {column.ravel()[at]:g}")
    clipped: Floats = np.clip(column, 0.0, 1.0)
    return clipped


def _refuse_objects(given: npt.NDArray[Any], what: str, *, booleans: bool) -> None:
    wrong = (str, bytes) if booleans else (str, bytes, bool, np.bool_)
    for value in given.ravel():
        if isinstance(value, wrong):
            raise InvalidInput(f"{what} must be numbers, not {_word(type(value))}")


def _word(kind: type) -> str:
    if issubclass(kind, str | bytes):
        return "text"
    return "booleans" if issubclass(kind, bool | np.bool_) else kind.__name__
