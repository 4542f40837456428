"""The objects of `calib report`: what was written, and the data of a report beside its page."""

from __future__ import annotations

from dataclasses import dataclass

from calib.json_object import Json
from calib.results.codec import to_json
from calib.results.history import Ledger
from calib.results.window import WindowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportVerdict:
    """The verdict in a word and in a sentence."""

    word: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """A report as data: its sentences, its window as `calib run --json` shows it, and the ledger up to it.

    `as_of`: when the window closed, in UTC.
    """

    stream: str
    period: str
    revision: int
    as_of: str
    verdict: ReportVerdict
    routing: tuple[str, ...]
    done: tuple[str, ...]
    notes: tuple[str, ...]
    window: WindowResult
    ledger: Ledger

    def to_json(self) -> Json:
        """The JSON file beside a report; its schema is `docs/reference/json/report-document.schema.json`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """Where a report was written: the page, its data and the schema of that.

    `html` is None where no period is closed yet; of the page of all streams the rest is None.
    """

    html: str | None = None
    data: str | None = None
    schema: str | None = None
    stream: str | None = None
    period: str | None = None
    revision: int | None = None
    verdict: ReportVerdict | None = None

    def to_json(self) -> Json:
        """The object of `calib report`; its schema is `docs/reference/json/report.schema.json`."""
        return to_json(self)
