"""What is known of one stream from its windows: read once, and kept until one of them takes a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup
from sqlalchemy import Connection

from calib.cycle.design import Design
from calib.cycle.evaluation import stored_result
from calib.cycle.reporting import closed_months
from calib.db import windows
from calib.db.fingerprints import Fingerprint
from calib.db.windows import Window
from calib.measure import GRID
from calib.report import tables
from calib.report.figures.months import MonthsData, prepare_months
from calib.report.ledger import ledger_of
from calib.report.months import Month
from calib.report.notes import episode_notes
from calib.report.panels import reliability_panels
from calib.report.tables import Row
from calib.results import WindowResult
from calib.results.history import Ledger
from calib.web.streams import pictures

NOTHING = Markup("")
MOST_PERIODS = 60  # that a picture and a table show: the last ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A window whose labels still come in: its period, its deadline, and what its strata hold.

    `bounds`: the lower and the upper end of the raw confidences of each stratum.
    """

    id: int
    period: str
    revision: int
    state: str
    opened_at: datetime
    closes_at: datetime
    bounds: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStream:
    """A stream as its windows have it.

    `state`, `period` and `evaluated`: of the latest window, whose result is None while labels come in.
    `verdict`: the result of the last window that is over. `opened`: the periods that were opened. The rows
    are those of the report's tables, of the windows that are over.
    """

    stream: str
    fingerprint: Fingerprint | None
    state: str | None = None
    period: str | None = None
    evaluated: WindowResult | None = None
    opened: frozenset[str] = frozenset()
    waiting: tuple[Waiting, ...] = ()
    verdict: WindowResult | None = None
    months: Markup = NOTHING  # the pictures, drawn once
    spark: Markup = NOTHING
    dial: Markup = NOTHING
    month_rows: tuple[Row, ...] = ()
    version_rows: tuple[Row, ...] = ()
    effect_rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    revisions: tuple[tuple[str, int], ...] = ()  # of the windows that are over, the latest first
    ledger: Ledger = field(default_factory=Ledger)
    trouble: str | None = None  # why the windows cannot be read


def read_stream(
    conn: Connection, stream: str, fingerprint: Fingerprint | None, *, now: datetime
) -> KnownStream:
    """Read all of a stream's windows; `fingerprint`: what was found of them before."""
    if fingerprint is None:
        return KnownStream(stream=stream, fingerprint=None)
    latest = windows.latest(conn, stream)
    months = closed_months(conn, stream, now=now)
    shown = months[-MOST_PERIODS:]
    results = [month.result for month in shown]
    ledger = ledger_of(months)
    verdict = results[-1] if results else None
    data = _picture(shown) if shown else None
    evaluated = None
    if latest is not None and latest.result is not None:
        same = verdict is not None and (verdict.period, verdict.revision) == (latest.period, latest.revision)
        evaluated = verdict if same else stored_result(latest)
    return KnownStream(
        stream=stream,
        fingerprint=fingerprint,
        state=None if latest is None else latest.state,
        period=None if latest is None else latest.period,
        evaluated=evaluated,
        opened=frozenset(windows.periods_of(conn, stream)),
        waiting=tuple(waiting_window(window) for window in windows.unfinished(conn, stream) if window.waits),
        verdict=verdict,
        months=NOTHING if data is None else pictures.months(data),
        spark=NOTHING if data is None else pictures.spark(data),
        dial=NOTHING if verdict is None else _dial(verdict),
        month_rows=tuple(tables.month_rows(shown)),
        version_rows=tuple(tables.version_rows(shown)),
        effect_rows=tuple(tables.effect_rows(ledger)),
        notes=tuple(episode_notes(results)) if results else (),
        revisions=tuple((result.period, result.revision) for result in reversed(results)),
        ledger=ledger,
    )


def _picture(months: list[Month]) -> MonthsData:
    results = [month.result for month in months]
    moved = tables.moved(results)
    return prepare_months(results, title="", max_rise=months[-1].max_rise, moved=moved)


def _dial(window: WindowResult) -> Markup:
    served = [panel for panel in reliability_panels(window) if panel.role == "served"]
    return pictures.reliability(served[0], small=True) if served else NOTHING


def waiting_window(window: Window) -> Waiting:
    """What the pages need of a window whose labels still come in."""
    upper = Design.from_json(window.design).strata.upper
    lower = [0, *upper[:-1]]
    return Waiting(
        id=window.id,
        period=window.period,
        revision=window.revision,
        state=window.state,
        opened_at=window.opened_at,
        closes_at=window.closes_at,
        bounds=tuple((float(low / GRID), float(high / GRID)) for low, high in zip(lower, upper, strict=True)),
    )
