"""The database's errors as ours: what failed, where, and what to do, without a statement or a row.

A driver's own text may quote what people wrote ("Failing row contains …"), a statement's parameters do. So
no text of a driver goes out, except that of errors which cannot know a row.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from calib.errors import ConstraintViolated, SourceError
from calib.redaction import reason, shown

LOG = logging.getLogger(__name__)
FULL = "the disk is full. Make room there, then run it again"
READ_ONLY = "it is read-only: a standby, or a file without write permission. Name the primary in `database`"
LOST = "the connection was lost. What was not committed is undone: run it again"
LOCKED = "another process holds what this one waits for. Run it again"
NO_TABLE = "it lacks a table or a column. Run `calib db migrate`"
DENIED = "its user may not do that. Grant it the right to create and change tables there"
BUSY = "it accepts no more connections. Run it again later, or raise its limit"
CHECK = "Check `database` in calib.toml, and that the server runs or the folder can be written"

OF_A_VALUE = "22"
# By PostgreSQL's code, or the beginning of one.
CODES = {
    "53100": FULL,
    "53300": BUSY,
    "53": "it has run out of a resource. Look into the server's log",
    "25006": READ_ONLY,
    "55P03": LOCKED,
    "40": LOCKED,
    "57014": "a statement took longer than the server allows. Run it again, or raise statement_timeout",
    "57P": LOST,
    "08": LOST,
    "42P01": NO_TABLE,
    "42703": NO_TABLE,
    "42501": DENIED,
    "58": "the server cannot use its files. Look into its log",
    OF_A_VALUE: "a value has a form that it cannot store, such as the character NUL in a text",
}
# The beginnings of codes whose texts are about the server, the sign-in or the statement, and never about a
# row: without a code, as all of SQLite's and those of the connection; sign-in; no such database; syntax.
SPEAKING = ("", "28", "3D", "42")
# By what SQLite says.
SAYINGS = (
    ("disk is full", FULL),
    ("disk i/o error", "the disk failed. Look at the disk, and whether it is full, then run it again"),
    ("readonly", READ_ONLY),
    ("is locked", LOCKED),
    ("no such table", NO_TABLE),
    ("no such column", NO_TABLE),
    ("has no column", NO_TABLE),
)


def speak_as_ours(engine: Engine, url: str) -> None:
    """From now on every error of the engine is a `SourceError`, that of a constraint a `ConstraintViolated`.

    The driver's own error, which Python keeps as the cause, loses its text too. Nothing of the password in
    `url` is shown.
    """

    def translate(context: ExceptionContext) -> None:
        error = context.original_exception
        if context.is_pre_ping and isinstance(error, Exception):
            keys = {"event": "reconnected", "error": type(error).__name__}
            LOG.warning("a connection to the database was lost; the pool connects anew", extra=keys)
            return
        if not isinstance(error, Exception):
            return  # an interruption stays one
        ours = translated(error, context, url)
        keys = {"event": "database_error", "error": type(error).__name__}
        # two who store one thing at once meet a constraint: that is how the second one learns of the first
        level = logging.DEBUG if isinstance(ours, ConstraintViolated) else logging.INFO
        LOG.log(level, "the database failed with %s", type(error).__name__, extra=keys)
        error.args = ("its text may quote rows or the password; what matters of it is said above or below",)
        raise ours

    event.listen(engine, "handle_error", translate)


def translated(error: Exception, context: ExceptionContext, url: str) -> SourceError:
    """The error in our own words."""
    where = f"database {shown(url)}"
    if not isinstance(context.sqlalchemy_exception, DBAPIError):
        return SourceError(f"{where}: a value cannot be stored or read ({type(error).__name__})")
    kind = type(context.sqlalchemy_exception).__name__
    if kind == "IntegrityError":
        return ConstraintViolated(f"{where}: refused by {_constraint(error)}; nothing was changed")
    code = getattr(error, "sqlstate", None)
    known = _known(error, connected=context.connection is not None, lost=context.is_disconnect)
    if known is not None and str(code or "").startswith(OF_A_VALUE):
        return SourceError(f"{where}: {known}")
    return _of_the_server(error, known, url, kind=kind, code=code).at(shown(url))


def _of_the_server(
    error: Exception, known: str | None, url: str, *, kind: str, code: str | None
) -> SourceError:
    """An error that any statement would have met, whatever it stores or reads."""
    where = f"database {shown(url)}"
    if known is not None:
        return SourceError(f"{where}: {known}")
    if kind in ("OperationalError", "ProgrammingError", "DatabaseError") and str(code or "")[:2] in SPEAKING:
        return SourceError(f"{where} cannot be used: {reason(error, url)}. {CHECK}")
    return SourceError(f"{where} failed: {type(error).__name__}{f' ({code})' if code else ''}. {CHECK}")


def _known(error: Exception, *, connected: bool, lost: bool) -> str | None:
    code = str(getattr(error, "sqlstate", None) or "")
    for start in (code, code[:3], code[:2]):
        if start and start in CODES:
            return CODES[start]
    message = str(error).lower()
    for part, word in SAYINGS:
        if part in message:
            return word
    return LOST if lost and connected else None


def _constraint(error: Any) -> str:
    """The constraint's name from PostgreSQL, the columns from SQLite; neither says what a row holds."""
    diagnosis = getattr(error, "diag", None)
    if diagnosis is not None:
        name = diagnosis.constraint_name or f"column {diagnosis.column_name}"
        return f"{name} of table {diagnosis.table_name}"
    match = re.match(r"(\w+(?: \w+)* constraint) failed(?:: ([\w., ]+))?", str(error))
    return f"{match[1]}{f' on {match[2]}' if match[2] else ''}" if match else "a constraint"
