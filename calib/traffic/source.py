"""The traffic of a stream: one Ibis expression, whatever the engine behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from calib.errors import CalibError, InvalidInput, SourceError
from calib.measure import Strata
from calib.sampling.draw import HEX_DIGITS
from calib.traffic.connect import redacted, table_of
from calib.traffic.values import Cells, Columns, Draw, Drawn, Floats, Interval, Ints, Outcome, Survey

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
OUTCOMES = {
    **dict.fromkeys(("1", "1.0", "true", "t", "correct", "yes"), True),
    **dict.fromkeys(("0", "0.0", "false", "f", "incorrect", "no"), False),
}
IDS_AT_ONCE = 5_000
SPARE_SIGMAS, SPARE_ROWS, WIDEN = 6, 20, 4


class Traffic:
    """The predictions of one stream; opened lazily, read only.

    Every method raises `InvalidInput` for a missing column or file, naming the stream, the column and the
    remedy, and `SourceError` where the engine fails.
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
    ) -> None:
        self._url, self._columns, self._base, self._stream = url, columns, base, stream
        self._where, self._scope, self._timezone = dict(where or {}), dict(scope or {}), timezone
        self._opened: tuple[Any, Any] | None = None

    def survey(self, interval: Interval, *, eras: Sequence[datetime] = ()) -> Survey:
        """One aggregate pass over the window's rows.

        `eras`: moments inside the interval at which another mapping began to serve; they split the cells.
        """
        from calib.traffic import expressions as x

        table, clock = self._table()
        c = self._columns
        code = x.reject(table, c, self._scope)
        inside = clock.within(interval.start, interval.end)
        if clock.text:  # a text that is no time belongs to no period: counted here, for it may be any
            unreadable = clock.unreadable()
            code = unreadable.ifelse(1 + x.REJECTS.index("bad_timestamp"), code)
            inside = inside.fill_null(False) | unreadable
        value = x.number(table[c.confidence])
        counted = code == 0
        keys = {"key": counted.ifelse(x.grid_cell(value), -code)}
        if eras:
            keys["era"] = sum((clock.reached(moment).cast("int64") for moment in eras), start=0)
        if c.mapping:
            keys["mapping"] = table[c.mapping].cast("string")
        if c.segment:
            keys["segment"] = table[c.segment].cast("string")
        values = {"value": counted.ifelse(value, 0.0)}
        if c.served:
            values["served"] = x.number(table[c.served]).fill_null(values["value"])
        rows = table.filter(inside).select(**keys, **values)
        totals = {"n": rows.count(), "total": rows["value"].sum()}
        totals |= {"least": rows["value"].min(), "most": rows["value"].max()}
        if c.served:
            totals["served_total"] = rows["served"].sum()
        frame = self._run(lambda: rows.group_by(list(keys)).agg(**totals).to_pandas())
        return _survey(frame, served=bool(c.served))

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
        table, its files, its engine or the number of threads. Of rows with one id the first by time counts.
        """
        wanted = np.minimum(allocation, sizes).astype(np.int64)
        spare = wanted + SPARE_SIGMAS * np.sqrt(wanted) + SPARE_ROWS
        share = np.where(wanted > 0, spare / np.maximum(sizes, 1), 0.0)
        while True:
            share = np.where(share >= 0.5, 1.0, share)
            found, duplicates = self._first_rows(interval, strata, share, seed, period)
            short = np.array([len(rows) < k for rows, k in zip(found, wanted, strict=True)])
            if not (short & (share < 1)).any():
                break
            share = np.where(short, np.minimum(share * WIDEN, 1.0), share)
        estimate = np.array(
            [
                round(d / (d + len(rows)) * n) if rows else 0
                for d, rows, n in zip(duplicates, found, sizes, strict=True)
            ],
            dtype=np.int64,
        )
        drawn = []
        for b, rows in enumerate(found):
            taken = rows[: int(wanted[b])]
            probability = len(taken) / max(1, int(sizes[b] - estimate[b]))
            drawn += [self._drawn(row, b, min(1.0, probability)) for row in taken]
        return Draw(rows=tuple(drawn), duplicates=estimate)

    def outcomes(
        self, ids: Iterable[str], interval: Interval, *, known_by: datetime | None = None
    ) -> dict[str, Outcome]:
        """The answers that arrived by themselves for these ids, those known by a moment where it is given.

        An answer without a time counts as known; one that is neither right nor wrong is `InvalidInput`.
        """
        from calib.traffic import expressions as x

        table, clock = self._table()
        c = self._columns
        if c.outcome is None:
            raise InvalidInput(
                f"{self._stream}: no outcome column is set: add column to review in calib.toml"
            )
        at = None if c.outcome_at is None else x.Clock(table[c.outcome_at], self._timezone)
        columns = {"id": table[c.id].cast("string"), "answer": table[c.outcome].cast("string").lower()}
        columns |= clock.selected("ts") | ({} if at is None else at.selected("at"))
        rows = table.filter(clock.within(interval.start, interval.end)).select(**columns)
        wanted = list(ids)
        found: dict[str, Outcome] = {}
        for begin in range(0, len(wanted), IDS_AT_ONCE):
            chunk = rows.filter(
                rows["id"].isin(wanted[begin : begin + IDS_AT_ONCE]) & rows["answer"].notnull()
            )
            records = self._records(chunk)
            records.sort(key=lambda row: clock.read(row, "ts") or datetime.max.replace(tzinfo=UTC))
            for row in records:
                when = None if at is None else at.read(row, "at")
                if when is not None and known_by is not None and when > known_by:
                    continue
                if (answer := OUTCOMES.get(row["answer"].strip())) is None:
                    raise InvalidInput(
                        f"{self._stream}: {c.outcome!r} holds {row['answer']!r:.60}, which is neither right "
                        "nor wrong; write 1 or 0, true or false, correct or incorrect"
                    )
                found.setdefault(row["id"], Outcome(answer, when))
        return found

    def check(self) -> dict[str, Any]:
        """Open the table and look its columns up: their types, and the times that the rows run over."""
        table, clock = self._table()
        schema = table.schema()
        columns = {key: f"{name} ({schema[name]})" for key, name in self._columns.named().items()}
        picked = clock.selected("ts")
        times = table.select(**picked)
        ends = {
            f"{name}__{which}": getattr(times[name], which)() for name in picked for which in ("min", "max")
        }
        row = self._records(times.aggregate(**ends))[0]
        span = []
        for which in ("min", "max"):
            both = [clock.read({name: row[f"{name}__{which}"]}, "ts") for name in picked]
            known = [moment for moment in both if moment is not None]
            span.append((min if which == "min" else max)(known).isoformat() if known else None)
        return {"columns": columns, "first": span[0], "last": span[1]}

    def _table(self) -> tuple[Any, Any]:
        """The table with its equality filters and checked columns, and the clock of its times."""
        if self._opened is None:
            from calib.traffic.expressions import Clock

            named = self._columns.named() | {f"where.{name}": name for name in self._where}
            with self._engine_errors():
                table = table_of(
                    self._url, base=self._base, stream=self._stream, columns=tuple(named.values())
                )
                self._check_columns(list(table.columns), named)
                for name, value in self._where.items():
                    text = table[name].type().is_string()
                    table = table.filter(table[name] == (str(value) if text else value))
                try:
                    clock = Clock(table[self._columns.ts], self._timezone)
                except TypeError as error:
                    raise InvalidInput(
                        f"{self._stream}: columns.ts = {self._columns.ts!r}: {error}; name another column"
                    ) from None
            self._opened = table, clock
        return self._opened

    def _check_columns(self, there: list[str], named: Mapping[str, str]) -> None:
        for key, name in named.items():
            if name not in there:
                near = get_close_matches(name, there, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, there[:20]))}"
                raise InvalidInput(
                    f"{self._stream}: traffic {redacted(self._url)!r} has no column {name!r}, "
                    f"which {key} names; {hint}"
                )

    def _first_rows(
        self, interval: Interval, strata: Strata, share: Floats, seed: str, period: str
    ) -> tuple[list[list[dict[str, Any]]], list[int]]:
        """By stratum the rows in the first `share` of all orders, and how many more had their ids."""
        import ibis

        from calib.traffic import expressions as x

        table, clock = self._table()
        c = self._columns
        value = x.number(table[c.confidence])
        cell, order = x.grid_cell(value), x.order_of(table, c.id, seed, period)
        limits = [_threshold(part) for part in share]
        limit = (
            ibis.cases(
                *((cell <= upper, part) for upper, part in zip(strata.upper[:-1], limits, strict=False)),
                else_=limits[-1],
            )
            if len(limits) > 1
            else ibis.literal(limits[0])
        )
        inside = clock.within(interval.start, interval.end) & (x.reject(table, c, self._scope) == 0)
        columns = {"id": table[c.id].cast("string"), "raw": value, "cell": cell, "order": order}
        columns |= clock.selected("ts")
        for key in ("segment", "mapping", "cluster", "trace"):
            if getattr(c, key):
                columns[key] = table[getattr(c, key)].cast("string")
        for key in ("served", "judge"):
            if getattr(c, key):
                columns[key] = x.number(table[getattr(c, key)])
        columns |= {f"context_{i}": table[name].cast("string") for i, name in enumerate(c.context)}
        records = self._records(table.filter(inside & (order < limit)).select(**columns))

        for row in records:
            row["ts"] = clock.read(row, "ts")
        found: list[list[dict[str, Any]]] = [[] for _ in limits]
        duplicates = [0] * len(limits)
        seen: set[str] = set()
        rest = [key for key in columns if key not in ("id", "raw", "order")]
        records.sort(key=lambda row: (row["id"], row["ts"], row["raw"], [str(row[key]) for key in rest]))
        for row in records:
            b = int(strata.assign_cells(row["cell"]))
            if row["id"] in seen:
                duplicates[b] += 1
                continue
            seen.add(row["id"])
            found[b].append(row)
        for rows in found:
            rows.sort(key=lambda row: (row["order"], row["id"]))
        return found, duplicates

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

    def _records(self, expression: Any) -> list[dict[str, Any]]:
        """Few rows, as Python values with None for what is missing."""
        rows: list[dict[str, Any]] = self._run(lambda: expression.to_pyarrow().to_pylist())
        return rows

    def _run(self, ask: Callable[[], T]) -> T:
        with self._engine_errors():
            return ask()

    @contextmanager
    def _engine_errors(self) -> Iterator[None]:
        try:
            yield
        except CalibError:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise SourceError(
                f"{self._stream}: traffic {redacted(self._url)!r} cannot be read: {reason}"
            ) from error


def _threshold(share: float) -> str:
    """The order, in hex, below which a share of all rows lies; 'g' is above every hex digit."""
    return "g" if share >= 1 else f"{math.floor(share * 16**HEX_DIGITS):0{HEX_DIGITS}x}"


def _survey(frame: Any, *, served: bool) -> Survey:
    from calib.traffic.expressions import REJECTS

    key = frame["key"].to_numpy(dtype=np.int64)
    n = frame["n"].to_numpy(dtype=np.int64)
    rejected: dict[str, int] = {}
    for code, count in zip(key[key < 0].tolist(), n[key < 0].tolist(), strict=True):
        kind = REJECTS[-code - 1]
        rejected[kind] = rejected.get(kind, 0) + count
    good = frame[key >= 0].sort_values(
        [name for name in ("key", "era", "mapping", "segment") if name in frame]
    )
    cell = good["key"].to_numpy(dtype=np.int64)

    def texts(name: str) -> tuple[str | None, ...]:
        if name not in good:
            return (None,) * len(good)
        return tuple(None if value is None or value != value else str(value) for value in good[name])

    least, most = good["least"].to_numpy(dtype=np.float64), good["most"].to_numpy(dtype=np.float64)
    levels = set(zip(cell.tolist(), least.tolist(), strict=True))
    return Survey(
        population=int(n[key >= 0].sum()),
        rejected={kind: rejected[kind] for kind in REJECTS if kind in rejected},
        cells=Cells(
            cell=cell,
            era=good["era"].to_numpy(dtype=np.int64)
            if "era" in good
            else np.zeros(len(good), dtype=np.int64),
            mapping=texts("mapping"),
            segment=texts("segment"),
            n=good["n"].to_numpy(dtype=np.int64),
            raw_sum=good["total"].to_numpy(dtype=np.float64),
            served_sum=good["served_total"].to_numpy(dtype=np.float64) if served else None,
        ),
        distinct=bool((least == most).all()) and len(levels) == len(set(cell.tolist())),
    )
