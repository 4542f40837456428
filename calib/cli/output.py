"""How every verb speaks: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from calib import errors
from calib.cli.progress import progress as progress
from calib.json_object import Json as JsonObject
from calib.redaction import redacted
from calib.text import printable as printable

if TYPE_CHECKING:
    from calib.results import EceInterval

DONE, FAILED, BAD_INPUT, NOT_ENOUGH, OUTSIDE = range(5)


def exit_code(error: errors.CalibError) -> int:
    """2 for the caller's own input or settings, 4 for what lies outside."""
    return BAD_INPUT if isinstance(error, errors.InvalidInput | errors.QueueError) else OUTSIDE


def emit(value: JsonObject) -> None:
    """One JSON object on standard output, nothing else."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def described(error: BaseException) -> tuple[int, str]:
    """The exit code of an error, and what people read of it, without a secret."""
    if isinstance(error, errors.CalibError):
        return exit_code(error), message(error)
    return OUTSIDE, f"{type(error).__name__}: {message(error)}\n(unexpected: CALIB_DEBUG=1 shows where)"


def error_object(error: BaseException) -> JsonObject:
    """The `error` object of the command line's contract."""
    code, sentence = described(error)
    return {"kind": type(error).__name__, "message": sentence, "exit_code": code}


def trace(error: BaseException) -> None:
    """Write where in Python the error arose to standard error, if CALIB_DEBUG asks for it."""
    if os.environ.get("CALIB_DEBUG"):
        sys.stderr.write(redacted("".join(traceback.format_exception(error))))


def fail(error: BaseException, *, as_json: bool) -> NoReturn:
    """Say what was wrong and leave with the code that fits; where in Python only if asked for."""
    code, sentence = described(error)
    if as_json:
        try:
            emit({"error": error_object(error)})
            sys.stdout.flush()
        except OSError:  # a full disk behind standard output: the sentence below is what is left
            pass
    trace(error)
    sys.stderr.write(f"calib: {printable(sentence)}\n")
    raise SystemExit(code)


def message(error: BaseException) -> str:
    """What an error says, without what could be a secret."""
    return redacted(str(error))


def refuse(message: str, *, as_json: bool) -> NoReturn:
    """Leave with code 2 and one line that says what to do."""
    if as_json:
        emit({"error": {"kind": "MissingExtra", "message": message, "exit_code": BAD_INPUT}})
    sys.stderr.write(f"{message}\n")
    raise SystemExit(BAD_INPUT)


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "entry", "entries"), counted(2, "entry", "entries"), counted(0, "channel")
    ('1 entry', '2 entries', '0 channels')
    """
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def number(value: float | None, digits: int = 3) -> str:
    """A number for people; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def p_value(p: float, draws: int | None = None) -> str:
    """A p-value for people; one at the end of what `draws` simulated draws can give is said to be that.

    >>> p_value(0.0123), p_value(0.0004), p_value(0.001, draws=999), p_value(0.002, draws=999)
    ('p = 0.012', 'p < 0.001', 'p ≤ 1/1000', 'p = 0.002')
    """
    if draws is not None and p * (draws + 1) < 1.5:
        return f"p ≤ 1/{draws + 1}"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def interval(measured: EceInterval | Mapping[str, Any] | None, digits: int = 3) -> str:
    """`0.091 (0.062 to 0.120)` from what has an ece, low and high."""
    if isinstance(measured, Mapping):
        ece, low, high = measured["ece"], measured["low"], measured["high"]
    else:
        ece, low, high = (None,) * 3 if measured is None else (measured.ece, measured.low, measured.high)
    if ece is None:
        return "–"
    return f"{number(ece, digits)} ({number(low, digits)} to {number(high, digits)})"
