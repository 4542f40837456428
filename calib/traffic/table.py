"""One table of an engine or of files, with the checks and the errors that every reader of it shares."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from calib.errors import CalibError, InvalidInput, SourceError
from calib.redaction import reason, shown
from calib.text import did_you_mean
from calib.traffic.place import place_of
from calib.traffic.values import Interval

if TYPE_CHECKING:
    from calib.traffic.files import OpenedTable

T = TypeVar("T")
LOG = logging.getLogger(__name__)


class SourceTable:
    """A table of one stream; opened when it is first asked, read only.

    `what` is what it is called in errors: the traffic, or the outcomes. `timezone` is the one that naive
    times are read in.
    """

    what = "traffic"

    def __init__(self, url: str, *, timezone: str, base: Path, stream: str) -> None:
        self._url, self._timezone, self._base, self._stream = url, timezone, base, stream

    def _open(
        self,
        named: Mapping[str, str],
        *,
        numbers: tuple[str, ...] = (),
        interval: Interval | None = None,
        late: timedelta = timedelta(),
        places: bool = False,
    ) -> OpenedTable:
        """The table, which has to have each column of `named`: from a key of the settings to its name."""
        from calib.traffic.connect import open_table_of

        def opened() -> OpenedTable:
            table = open_table_of(
                self._url,
                base=self._base,
                stream=self._stream,
                what=self.what,
                columns=tuple(named.values()),
                numbers=numbers,
                timezone=self._timezone,
                interval=interval,
                late=late,
                places=places,
            )
            self._check_columns(list(table.table.columns), named)
            return table

        return self._run(opened)

    def _clock(self, table: Any, name: str, key: str) -> Any:
        from calib.traffic.rules import Clock

        try:
            return Clock(table[name], self._timezone)
        except TypeError as error:
            raise InvalidInput(f"{self._stream}: {key} = {name!r}: {error}; name another column") from None

    def _check_columns(self, columns: list[str], named: Mapping[str, str]) -> None:
        for key, name in named.items():
            if name not in columns:
                hint = did_you_mean(name, columns) or f"it has {', '.join(map(repr, columns[:20]))}"
                raise InvalidInput(
                    f"{self._stream}: {self.what} {shown(self._url)!r} has no column {name!r}, "
                    f"which {key} names; {hint}"
                )

    def _records(self, expression: Any) -> list[dict[str, Any]]:
        """Few rows, as Python values with None for what is missing."""
        rows: list[dict[str, Any]] = self._run(lambda: expression.to_pyarrow().to_pylist())
        return rows

    def _run(self, ask: Callable[[], T]) -> T:
        """What is asked of the engine; `SourceError` where it fails, with the reason."""
        try:
            return ask()
        except CalibError:
            raise
        except Exception as error:  # noqa: BLE001  every engine has errors of its own
            failure = error
        # Not where the error is handled: what a log says of its own failure would hold that error's text.
        keys = {"event": "engine_error", "stream": self._stream, "error": type(failure).__name__}
        LOG.info("%s: the engine failed with %s", self._stream, type(failure).__name__, extra=keys)
        why = reason(failure, self._url)
        raise SourceError(f"{self._stream}: {self.what} {shown(self._url)!r} cannot be read: {why}").at(
            place_of(self._url)
        )
