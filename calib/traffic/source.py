"""The traffic of a stream: one Ibis expression, whatever the engine behind it."""

from __future__ import annotations

import glob
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calib.errors import InvalidInput
from calib.redaction import shown
from calib.rejects import UNREADABLE
from calib.tabular.rules import CANNOT_KEEP
from calib.traffic.drift_values import refused_column
from calib.traffic.label_table import LabelTable
from calib.traffic.table import SourceTable
from calib.traffic.values import Columns, Draw, Drawn, Interval, Offending, Outcomes, Survey

if TYPE_CHECKING:
    from calib.measure import Strata
    from calib.traffic.values import Ints

LOG = logging.getLogger(__name__)
SPARE_SIGMAS, SPARE_ROWS, WIDEN = 6, 20, 4
SCOPES_NAMED, WORDS_READ = 5, 10_000


@dataclass(frozen=True, slots=True)
class _Opened:
    """The open table with its clock; where it is not `whole`, it holds the rows of `interval` alone.

    `rejected`: the lines of its files that are no rows, by kind. `lacking`: the files without
    the column of confidences.
    """

    table: Any
    clock: Any
    whole: bool
    interval: Interval | None
    rejected: Mapping[str, int]
    lacking: Sequence[Path | str]


class Traffic(SourceTable):
    """The predictions of one stream; opened lazily, read only.

    Every method raises `InvalidInput` for a missing column or file, naming the stream, the column and the
    remedy, and `SourceError` where the engine fails. `late`: how long after its time a row may have been put
    into a partition that is named by a date. `labels`: where outcomes are in a table of their own. `places`:
    whether the file and the line of a row can be told, which takes longer.
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
        places: bool = False,
    ) -> None:
        super().__init__(url, timezone=timezone, base=base, stream=stream)
        self._columns, self._where, self._scope = columns, dict(where or {}), dict(scope or {})
        self._labels = labels
        self._late, self._places = late, places
        self._opened: _Opened | None = None

    def survey(self, interval: Interval, *, eras: Sequence[datetime] = ()) -> Survey:
        """One aggregate pass over the window's rows.

        `eras`: moments inside the interval at which another mapping began to serve; they split the cells.
        Rows without a readable time belong to no period, and lines of files that are no rows to none either:
        those of the whole table, or of the partitions that are read, are counted beside every window. A
        served value that is not a confidence counts as the raw one.
        """
        from calib.traffic.survey import expression, survey_of

        table, clock = self._table(interval)
        query = expression(table, clock, self._columns, self._scope, interval, eras)
        beside = dict(self._opened.rejected) if self._opened else {}
        if not clock.text:
            beside |= self._without_time(table, clock)
        survey = survey_of(self._run(query.to_pandas), self._columns, beside=beside)
        if rounded := survey.rejected.get("rounded_id"):
            raise InvalidInput(f"{self._stream}: {self._columns.id!r}: each of {rounded:,} ids {CANNOT_KEEP}")
        if survey.rejected.get("missing"):
            self._refuse_lacking(interval)
        return survey

    def _refuse_lacking(self, interval: Interval) -> None:
        """Raise `InvalidInput` for a file with rows of the interval that lacks the column of confidences.

        Files of other times may be older than the column.
        """
        c = self._columns
        for file in self._opened.lacking if self._opened else ():
            kind = self._url.partition(":")[0]
            name = glob.escape(str(file)) if isinstance(file, Path) else file
            part = Traffic(
                f"{kind}:{name}",
                columns=Columns(id=c.id, ts=c.ts, confidence=c.ts),
                where=self._where,
                timezone=self._timezone,
                base=self._base,
                stream=self._stream,
            )
            table, clock = part._table()
            inside = table.filter(clock.within(interval.start, interval.end).fill_null(False))
            if n := self._run(inside.count().to_pandas):
                raise self._lacks(file, c.confidence, f", and {int(n):,} rows of this period")

    def _lacks(self, file: Path | str, column: str, rows: str = "") -> InvalidInput:
        name = str(file).removeprefix(f"{self._base}/")
        return InvalidInput(
            f"{self._stream}: {shown(name)} has no column {column!r}, which other files of the traffic have"
            f"{rows}: write the column there, or keep the file out of the pattern"
        )

    def _without_time(self, table: Any, clock: Any) -> dict[str, int]:
        """The rows of a whole table whose column of times holds none, by why they do not count."""
        from calib.traffic.expressions import REJECTS, without_time

        rows = without_time(table, clock, self._columns, self._scope)
        counted = self._run(rows.group_by("code").agg(n=rows.count()).to_pandas)
        return {REJECTS[code - 1]: int(n) for code, n in zip(counted["code"], counted["n"], strict=True)}

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
        from calib.traffic.rules import answer

        if self._labels is not None:
            return self._labels.outcomes(ids, known_by=known_by)
        table, clock = self._table(interval)
        c = self._columns
        if c.outcome is None:
            raise InvalidInput(
                f"{self._stream}: no outcome column is set: add column to review in calib.toml"
            )
        at = None if c.outcome_at is None else self._clock(table, c.outcome_at, "review.at")
        all_ids = set(ids)
        rows = fetch(
            table.filter(clock.within(interval.start, interval.end)),
            id_column=c.id,
            ids=sorted(all_ids),
            selected={"answer": answer(table[c.outcome])}
            | clock.selected("ts")
            | ({} if at is None else at.selected("at")),
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
        outcomes = answers(known, known_by=known_by, counts="first")
        return replace(outcomes, not_found=len(all_ids - {row["id"] for row in rows}))

    def drift_values(self, ids: Iterable[str], interval: Interval) -> dict[str, dict[str, str | None]]:
        """By id what the drift columns hold, as text of at most 65 characters, None for nothing.

        Ids that the traffic holds no more are left out; of several rows of one id the first by time counts.
        """
        from calib.traffic import drift_values
        from calib.traffic.expressions import usable

        table, clock = self._table(interval)
        inside = clock.within(interval.start, interval.end) & usable(table, self._columns, self._scope)
        return drift_values.read(
            table.filter(inside),
            self._columns,
            sorted(set(ids)),
            times=clock.selected("ts"),
            rank=lambda row: clock.read(row, "ts"),
            records=self._records,
        )

    def offending(self, interval: Interval, rejected: Iterable[str]) -> list[Offending]:
        """The first row of each of these kinds that does not count, in their order."""
        from calib.traffic import offending

        table, clock = self._table(interval)
        rows = []
        for kind in rejected:
            query = offending.expression(table, clock, self._columns, self._scope, interval, kind)
            for record in self._records(query):
                row = partial(offending.row_of, record, table, self._columns, kind, base=self._base)
                rows.append(self._run(row))
        return rows

    def looks(self, interval: Interval, rejected: Mapping[str, int]) -> dict[str, str]:
        """By kind of row that cannot be read what the first of them holds instead: never the value itself."""
        return {
            row.kind: row.looks
            for row in self.offending(interval, [kind for kind in UNREADABLE if rejected.get(kind)])
        }

    def scope_values(self, interval: Interval) -> dict[str, dict[str, int]]:
        """For each key of the scope its most frequent values in an interval, "" for none, with their rows."""
        from calib.traffic import offending

        table, clock = self._table(interval)
        values = {}
        for key, name in self._columns.scope.items():
            rows = self._records(offending.values(table, clock, name, interval, most=SCOPES_NAMED))
            values[key] = {offending.short(row["word"]): int(row["n"]) for row in rows}
        return values

    def answers(self, interval: Interval) -> tuple[dict[str, int], str | None]:
        """The rows of an interval by what their outcome says, and the first word that says nothing known.

        Of very many different words the most frequent ones are counted.
        """
        from calib.traffic import offending

        table, clock = self._table(interval)
        if self._columns.outcome is None:
            raise InvalidInput(f"{self._stream}: no outcome column is set")
        rows = self._records(offending.values(table, clock, self._columns.outcome, interval, most=WORDS_READ))
        return offending.by_meaning(rows)

    def check(self, *, until: datetime | None = None) -> dict[str, Any]:
        """Open the table and look its columns up: their types, and the times that the rows run over.

        `newest`: the last of the times before `until`, None where there is none.
        """
        table, clock = self._table()
        schema = table.schema()
        columns = {key: f"{name} ({schema[name]})" for key, name in self._columns.named().items()}
        first, last = self._ends(table, clock)
        newest = last
        if until is not None and last is not None and last >= until:
            _, newest = self._ends(table.filter(~clock.reached(until)), clock)
        times = {"first": first, "last": last, "newest": newest}
        return {"columns": columns, **{key: time and time.isoformat() for key, time in times.items()}}

    def _ends(self, table: Any, clock: Any) -> tuple[datetime | None, datetime | None]:
        """The first and the last time of the rows; None where no row has one."""
        selected = clock.selected("ts")
        times = table.select(**selected)
        # of no rows the ends are null, even where the column may not be
        ends = {
            f"{name}__{which}": getattr(times[name].cast(times[name].type().copy(nullable=True)), which)()
            for name in selected
            for which in ("min", "max")
        }
        row = self._records(times.aggregate(**ends))[0]
        span: list[datetime | None] = []
        for which, choose in (("min", min), ("max", max)):
            moments = [clock.read({name: row[f"{name}__{which}"]}, "ts") for name in selected]
            span.append(choose((moment for moment in moments if moment is not None), default=None))
        return span[0], span[1]

    def _table(self, interval: Interval | None = None) -> tuple[Any, Any]:
        """The table with its equality filters and checked columns, and the clock of its times.

        With `interval` without the files of other times. A table that needed all its files is opened once.
        """
        if self._opened is None or not (self._opened.whole or self._opened.interval == interval):
            from calib.traffic.expressions import equals

            named = self._columns.named() | {f"where.{name}": name for name in self._where}
            opened = self._open(
                named,
                numbers=self._columns.numbers(),
                interval=interval,
                late=self._late,
                places=self._places,
            )
            for name in (self._columns.id, self._columns.ts):
                for file in opened.lacking.get(name, ()):
                    raise self._lacks(file, name)
            table = opened.table
            if wrong := refused_column(table.schema(), self._columns):
                raise InvalidInput(f"{self._stream}: {wrong}")
            for name, value in self._where.items():
                try:
                    table = table.filter(equals(table[name], value))
                except TypeError as error:
                    raise InvalidInput(
                        f"{self._stream}: where.{name}: {error}; write a value that the column holds"
                    ) from None
            clock = self._run(lambda: self._clock(table, self._columns.ts, "columns.ts"))
            lacking = opened.lacking.get(self._columns.confidence, ())
            self._opened = _Opened(table, clock, opened.whole, interval, opened.rejected, lacking)
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
