"""How every verb speaks: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from calib import errors
from calib.cli import exit_codes
from calib.cli.progress import progress as progress
from calib.json_object import Json as JsonObject
from calib.redaction import redacted
from calib.text import printable as printable
from calib.wording.numbers import counted as counted
from calib.wording.numbers import interval as interval
from calib.wording.numbers import number as number
from calib.wording.numbers import p_value as p_value


def emit(value: JsonObject) -> None:
    """One JSON object on standard output, nothing else."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def described(error: BaseException) -> tuple[int, str]:
    """The exit code of an error, and what people read of it, without a secret."""
    code = exit_codes.of_error(error)
    if isinstance(error, errors.CalibError):
        return code, message(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = "standard output" if error.filename is None else error.filename
        return code, f"{place} cannot be written: {error.strerror}. Make room there, then run it again"
    return code, f"{type(error).__name__}: {message(error)}\n(unexpected: CALIB_DEBUG=1 shows where)"


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


def writable(path: Path, what: str, *, reads: Iterable[Path | None] = (), ending: str = "") -> None:
    """Refuse a file that cannot be written before anything is computed for it.

    `reads`: the files that are read, which are never overwritten. `ending`: how the name has to end, if it
    matters. Raises `InvalidInput` for these, and where the folder is not there, is not writable, or the path
    is a folder itself.
    """
    if any(file is not None and same_file(path, file) for file in reads):
        raise errors.InvalidInput(
            f"{what} would overwrite {path}, which is read: name another file for {what}"
        )
    folder = path.parent
    if not folder.is_dir():
        raise errors.InvalidInput(
            f"{what} cannot be written to {path}: there is no folder {folder}. Make it, or name another path"
        )
    if path.is_dir():
        raise errors.InvalidInput(f"{what} cannot be written to {path}: it is a folder. Name a file in it")
    if not path.name.lower().endswith(ending):
        raise errors.InvalidInput(
            f"{what} cannot be written to {path}: end its name in {ending}, which it is"
        )
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise errors.InvalidInput(
            f"{what} cannot be written to {path}: permission is denied. Name another path"
        )


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths are one file, by whatever way they lead to it."""
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return one.absolute() == other.absolute()


def write_page(path: Path, html: str) -> None:
    """Write a page; `InvalidInput` where the disk does not take it."""
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise errors.InvalidInput(f"the page cannot be written to {path}: {error.strerror}") from None


def refuse(message: str, *, as_json: bool) -> NoReturn:
    """Leave with code 2 and one line that says what to do."""
    if as_json:
        emit({"error": {"kind": "MissingExtra", "message": message, "exit_code": exit_codes.BAD_INPUT}})
    sys.stderr.write(f"{message}\n")
    raise SystemExit(exit_codes.BAD_INPUT)
