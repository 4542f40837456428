"""The objects of `calib history` and `calib status`: what a stream cost, and what it brought."""

from __future__ import annotations

from dataclasses import dataclass

from calib.json_object import Json
from calib.results.codec import to_json
from calib.results.pictures import Acting, Amount
from calib.results.window import WindowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChange:
    """A confirmed change: the period, what was said of it, and how long after the change that was.

    The change lies somewhere in the period, so that the delay in days has two ends; both are None in a
    backfill.
    """

    period: str
    state: str
    days_low: float | None
    days_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingEffect:
    """What the threshold acted on before a mapping and under it.

    `before`: in the period on which it was fitted, by what served then; `after`: in the first period that
    it served for the most part, None where there is none yet.
    """

    mapping: str
    fitted_on: str
    served_first: str | None
    before: Acting | None
    after: Acting | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What was spent on a stream, and what it brought.

    `labels`: rows with a label; `answers`: those that people gave one by one, of which
    `seconds_per_label` is the median time, None where nobody's time is known; `hours`: that time for all
    labels. `changes`, `versions`: how many changes were confirmed and how many mappings were published.
    `wrong_avoided` and `right_given_up` are means per period over the `periods_compared` that a mapping
    served; `threshold` is that of the last of them.
    """

    windows: int = 0
    labels: int = 0
    answers: int = 0
    seconds_per_label: float | None = None
    hours: float | None = None
    changes: int = 0
    versions: int = 0
    found: tuple[FoundChange, ...] = ()
    mappings: tuple[MappingEffect, ...] = ()
    threshold: float | None = None
    periods_compared: int = 0
    wrong_avoided: Amount | None = None
    right_given_up: Amount | None = None
    assumption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryResult:
    """A stream's windows, oldest first, and its ledger."""

    stream: str
    windows: tuple[WindowResult, ...]
    ledger: Ledger

    def to_json(self) -> Json:
        """The object of `calib history`; its schema is `docs/reference/json/history.schema.json`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsOpen:
    """Labels that the latest window has, and those that are missing."""

    n: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsOpen:
    """Alerts that wait for their delivery, and those that could not be delivered."""

    waiting: int
    parked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """A stream in a line.

    `state` and `period`: of its latest window, None before the first. `verdict`: the state of the latest
    change test. `mapping`: the digest that `production` names, and when that expires; None where the raw
    confidence is served, before the first one and after it was withdrawn. `next_run`: from when on the next
    window can be opened. Times are in UTC, as `2026-11-02T00:00:00Z`.
    """

    stream: str
    state: str | None
    period: str | None
    verdict: str | None
    labels: LabelsOpen
    mapping: str | None
    mapping_expires_at: str | None
    alerts: AlertsOpen
    next_run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """Every stream in a line."""

    streams: tuple[StreamStatus, ...]

    def to_json(self) -> Json:
        """The object of `calib status`; its schema is `docs/reference/json/status.schema.json`."""
        return to_json(self)
