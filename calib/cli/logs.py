"""The log of a command on standard error, as the environment variable CALIB_LOG asks for it.

Unset: warnings, as text; a command in which nothing went wrong writes none. `info` and `debug` say more.
`json` writes one JSON object per line, from `info` on; `json,debug` and `json,warning` choose another level.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from calib.errors import InvalidInput
from calib.redaction import redacted
from calib.text import one_line

VARIABLE = "CALIB_LOG"
LEVELS = {"warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """One JSON object per record, in ASCII: time (UTC), level, logger, message, and the record's own keys."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        return json.dumps(entry | keys_of(record))


class TextFormatter(logging.Formatter):
    """One line per record: `calib: warning: what happened (event=…, stream=…)`."""

    def format(self, record: logging.LogRecord) -> str:
        keys = ", ".join(f"{key}={value}" for key, value in keys_of(record).items())
        line = redacted(record.getMessage()) + (f" ({keys})" if keys else "")
        return one_line(f"calib: {record.levelname.lower()}: {line}")


def keys_of(record: logging.LogRecord) -> dict[str, object]:
    """What a record carries in `extra`, without what could be a secret and without empty values."""
    return {
        key: _shown(value) for key, value in vars(record).items() if key not in STANDARD and value is not None
    }


def _shown(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value]
    return value if isinstance(value, int | float) else redacted(str(value))


def set_up(setting: str | None, to: TextIO | None = None) -> None:
    """Send the records of `calib` to a stream, standard error by default, as `setting` says.

    Raises `InvalidInput` for a word other than warning, info, debug and json.
    """
    words = [word.strip().lower() for word in (setting or "").split(",") if word.strip()]
    unknown = [word for word in words if word not in (*LEVELS, "json")]
    levels = [word for word in words if word in LEVELS]
    if unknown or len(levels) > 1:
        raise InvalidInput(
            f"{VARIABLE} is {setting!r:.40}; set it to one of {', '.join(LEVELS)}, to json, or to json and "
            "one of them with a comma between"
        )
    as_json = "json" in words
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logger = logging.getLogger("calib")
    logger.setLevel(LEVELS[levels[0] if levels else "info" if as_json else "warning"])
    logger.addHandler(handler)
    logger.propagate = False  # or a library that sets the root logger up would write each record again
