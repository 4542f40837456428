"""The traffic of a stream: one Ibis expression, whatever the engine behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calib.errors import InvalidInput
from calib.tabular.rules import CANNOT_KEEP
from calib.traffic.label_table import LabelTable
from calib.traffic.table import SourceTable
from calib.traffic.values import Columns, Draw, Drawn, Interval, Outcomes, Survey

if TYPE_CHECKING:
    from calib.measure import Strata
    from calib.traffic.values import Ints

LOG = logging.getLogger(__name__)
SPARE_SIGMAS, SPARE_ROWS, WIDEN = 6, 20, 4


@dataclass(frozen=True, slots=True)
class _Opened:
    """The open table with its clock; where it is not `whole`, it holds the rows of `interval` alone."""

    table: Any
    clock: Any
    whole: bool
    interval: Interval | None


class Traffic(SourceTable):
    """The predictions of one stream; opened lazily, read only.

    Every method raises `InvalidInput` for a missing column or file, naming the stream, the column and the
    remedy, and `SourceError` where the engine fails. `late`: how long after its time a row may have been put
    into a partition that is named by a date. `labels`: where outcomes are in a table of their own.
    """

    def __init__(
        self,
        url: str,
        *,
        columns: Columns,
        where: Mapping[str, Any] | None = None,
        scope: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        base: Path = Path(),
        stream: str,
        late: timedelta = timedelta(),
        labels: LabelTable | None = None,
    ) -> None:
        super().__init__(url, timezone=timezone, base=base, stream=stream)
        self._columns, self._where, self._scope = columns, dict(where or {}), dict(scope or {})
        self._labels = labels
        self._late = late
        self._opened: _Opened | None = None

    def survey(self, interval: Interval, *, eras: Sequence[datetime] = ()) -> Survey:
        """One aggregate pass over the window's rows.

        `eras`: moments inside the interval at which another mapping began to serve; they split the cells.
        A text that is not a time is counted in every window, for it may belong to any; a row whose time is
        null in a column of times belongs to none. A served value that is not a confidence
        counts as the raw one.
        """
        from calib.traffic.survey import expression, survey_of

        table, clock = self._table(interval)
        query = expression(table, clock, self._columns, self._scope, interval, eras)
        survey = survey_of(
            self._run(query.to_pandas), served=bool(self._columns.served), judge=bool(self._columns.judge)
        )
        if rounded := survey.rejected.get("rounded_id"):
            raise InvalidInput(f"{self._stream}: {self._columns.id!r}: each of {rounded:,} ids {CANNOT_KEEP}")
        return survey

    def draw(
        self,
        interval: Interval,
        *,
        strata: Strata,
        allocation: Ints,
        sizes: Ints,
        seed: str,
        period: str,
    ) -> Draw:
        """The first `allocation` rows of each stratum in the order of md5(seed:period:id); all of shape (B,).

        `sizes` are the strata's rows in the population. The same rows come out whatever the order of the
        table, its files, its engine or the number of threads. Of rows with one id the first by time counts,
        as far as the strata's prefixes show them; none is drawn twice.
        """
        import numpy as np

        from calib.traffic import draw_query

        draws = np.minimum(allocation, sizes).astype(np.int64)
        table, clock = self._table(interval)
        spare = draws + SPARE_SIGMAS * np.sqrt(draws) + SPARE_ROWS
        share = np.where(draws > 0, spare / np.maximum(sizes, 1), 0.0)
        while True:
            share = np.where(share >= 0.5, 1.0, share)
            query = draw_query.expression(
                table,
                clock,
                self._columns,
                self._scope,
                interval,
                strata=strata,
                shares=share,
                seed=seed,
                period=period,
            )
            records = [row | {"ts": clock.read(row, "ts")} for row in self._records(query)]
            rows_by_stratum, duplicates = draw_query.first_of_each_id(records, strata)
            short = np.array([len(rows) < k for rows, k in zip(rows_by_stratum, draws, strict=True)])
            if not (short & (share < 1)).any():
                break
            share = np.where(short, np.minimum(share * WIDEN, 1.0), share)
            LOG.info(
                "%s: the draw of %s is made again from more rows: %d of %d strata were short",
                self._stream,
                period,
                int(short.sum()),
                len(short),
                extra={"event": "draw_widened", "stream": self._stream, "period": period},
            )
        estimate = np.array(
            [
                round(d / max(1, d + len(rows)) * n)
                for d, rows, n in zip(duplicates, rows_by_stratum, sizes, strict=True)
            ],
            dtype=np.int64,
        )
        drawn = []
        for b, rows in enumerate(rows_by_stratum):
            drawn_rows = rows[: int(draws[b])]
            probability = len(drawn_rows) / max(1, int(sizes[b] - estimate[b]))
            drawn += [self._drawn(row, b, min(1.0, probability)) for row in drawn_rows]
        return Draw(rows=tuple(drawn), duplicates=estimate)

    def outcomes(
        self, ids: Iterable[str], interval: Interval, *, known_by: datetime | None = None
    ) -> Outcomes:
        """The answers that arrived by themselves for these ids, those known by a moment where it is given.

        An answer without a time counts as known; one in a word that says neither right nor wrong is counted.
        Of several rows of one id the first by time counts. Where the outcomes are in a table of their own,
        what `calib.traffic.LabelTable.outcomes` promises.
        """
        from calib.traffic.outcomes import OutcomeRow, answers, fetch

        if self._labels is not None:
            return self._labels.outcomes(ids, known_by=known_by)
        table, clock = self._table(interval)
        c = self._columns
        if c.outcome is None:
            raise InvalidInput(
                f"{self._stream}: no outcome column is set: add column to review in calib.toml"
            )
        at = None if c.outcome_at is None else self._clock(table, c.outcome_at, "review.at")
        wanted = set(ids)
        rows = fetch(
            table.filter(clock.within(interval.start, interval.end)),
            id_column=c.id,
            column=c.outcome,
            ids=sorted(wanted),
            times=clock.selected("ts") | ({} if at is None else at.selected("at")),
            records=self._records,
        )
        known = [
            OutcomeRow(
                id=row["id"],
                said=row["answer"],
                at=None if at is None else at.read(row, "at"),
                rank=clock.read(row, "ts"),
            )
            for row in rows
        ]
        found = answers(known, known_by=known_by, counts="first")
        return replace(found, not_found=len(wanted - {row["id"] for row in rows}))

    def check(self) -> dict[str, Any]:
        """Open the table and look its columns up: their types, and the times that the rows run over."""
        table, clock = self._table()
        schema = table.schema()
        columns = {key: f"{name} ({schema[name]})" for key, name in self._columns.named().items()}
        picked = clock.selected("ts")
        times = table.select(**picked)
        # of no rows the ends are null, even where the column may not be
        ends = {
            f"{name}__{which}": getattr(times[name].cast(times[name].type().copy(nullable=True)), which)()
            for name in picked
            for which in ("min", "max")
        }
        row = self._records(times.aggregate(**ends))[0]
        span = []
        for which in ("min", "max"):
            moments = [clock.read({name: row[f"{name}__{which}"]}, "ts") for name in picked]
            known = [moment for moment in moments if moment is not None]
            span.append((min if which == "min" else max)(known).isoformat() if known else None)
        return {"columns": columns, "first": span[0], "last": span[1]}

    def _table(self, interval: Interval | None = None) -> tuple[Any, Any]:
        """The table with its equality filters and checked columns, and the clock of its times.

        With `interval` without the files of other times. A table that needed all its files is opened once.
        """
        if self._opened is None or not (self._opened.whole or self._opened.interval == interval):
            from calib.traffic.expressions import equals

            named = self._columns.named() | {f"where.{name}": name for name in self._where}
            opened = self._open(named, numbers=self._columns.numbers(), interval=interval, late=self._late)
            table = opened.table
            for name, value in self._where.items():
                try:
                    table = table.filter(equals(table[name], value))
                except TypeError as error:
                    raise InvalidInput(
                        f"{self._stream}: where.{name}: {error}; write a value that the column holds"
                    ) from None
            with self._engine_errors():
                clock = self._clock(table, self._columns.ts, "columns.ts")
            self._opened = _Opened(table, clock, opened.whole, interval)
        return self._opened.table, self._opened.clock

    def _drawn(self, row: dict[str, Any], stratum: int, probability: float) -> Drawn:
        return Drawn(
            id=row["id"],
            ts=row["ts"],
            raw=row["raw"],
            stratum=stratum,
            order=row["order"],
            inclusion_probability=probability,
            segment=row.get("segment"),
            served=row.get("served"),
            mapping=row.get("mapping"),
            cluster=row.get("cluster"),
            judge=row.get("judge"),
            trace=row.get("trace"),
            context={name: row[f"context_{i}"] for i, name in enumerate(self._columns.context)},
        )
