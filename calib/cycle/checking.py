"""A look at a stream's traffic before anything depends on it: its newest period, read as a run would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from calib.cycle.readable import look_of_numbers, rows_unreadable
from calib.errors import InvalidInput
from calib.period import Kind, Period
from calib.policy import MAX_REJECTED
from calib.rejects import OF_NO_PERIOD
from calib.results.setup import FirstReject, TrafficChecked
from calib.tabular.rules import TIME_FORM
from calib.traffic import Interval, Offending, Traffic
from calib.vocabulary import HOW


class CheckFailed(InvalidInput):
    """A run on this traffic would give no verdict; `checked` is what was found."""

    def __init__(self, message: str, checked: TrafficChecked) -> None:
        super().__init__(message)
        self.checked = checked


def check_traffic(
    traffic: Traffic,
    *,
    stream: str,
    kind: Kind,
    timezone: str,
    limit: float,
    scale: float,
    outcomes: bool,
    now: datetime,
) -> TrafficChecked:
    """Read the newest period that holds a row, one that has begun if there is one.

    `limit` and `scale` are the stream's settings; `outcomes`: whether its labels arrive in the traffic.
    Raises `CheckFailed` where no time can be read, no row of the period counts, more rows or outcomes cannot
    be read than a run allows, and `InvalidInput` and `SourceError` for a table that cannot be read.
    """
    facts = traffic.check(until=now)
    checked = TrafficChecked(
        columns={key.removeprefix("columns."): name for key, name in facts["columns"].items()},
        first_time=facts["first"],
        last_time=facts["last"],
        period=None,
    )
    newest = facts["newest"] or facts["last"]
    at = now if newest is None else datetime.fromisoformat(newest)
    period = Period.containing(at, kind, timezone)
    interval = Interval(*period.interval(timezone))
    survey = traffic.survey(interval)
    first = tuple(
        FirstReject(**asdict(row)) for row in traffic.offending(interval, _of_rows(survey.rejected))
    )
    checked = replace(checked, rejected=survey.rejected, first=first, rounded=survey.rounded)
    if newest is None:
        if not survey.rejected:
            return checked
        raise CheckFailed(f"{stream}: no time can be read{_first(first)}; {TIME_FORM}", checked)
    checked = replace(
        checked,
        period=period.name,
        population=survey.population,
        scope=traffic.scope_values(interval),
    )
    looks = {row.kind: row.looks for row in first} | look_of_numbers(survey)
    looks = {each: look for each, look in looks.items() if each in ("not_a_number", "out_of_range")}
    why = rows_unreadable(survey.population, survey.rejected, survey, limit=limit, scale=scale, looks=looks)
    if why is not None:
        raise CheckFailed(f"{stream}: in {period.name} {why.sentence}{_first(first)}", checked)
    if not survey.population:
        raise CheckFailed(
            f"{stream}: no row of {period.name} counts{_first(first)}{_scopes(checked)}", checked
        )
    return _with_outcomes(traffic, checked, interval, stream) if outcomes else checked


def words(checked: TrafficChecked) -> str:
    """What was found, in one line."""
    columns = ", ".join(f"{key} = {name}" for key, name in checked.columns.items())
    if checked.period is None:
        return f"{columns}; the table is empty"
    rejected = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in checked.rejected.items())
    parts = [
        f"{columns}; rows from {checked.first_time} to {checked.last_time}",
        f"in {checked.period} {checked.population:,} count",
        f"not counted: {rejected}{_first(checked.first)}" if rejected else "",
        f"{checked.rounded:,} just beyond 0 or 1 were taken as the end" if checked.rounded else "",
        _scopes(checked).removeprefix("; "),
        _outcomes(checked),
    ]
    return "; ".join(filter(None, parts))


def _with_outcomes(
    traffic: Traffic, checked: TrafficChecked, interval: Interval, stream: str
) -> TrafficChecked:
    counts, word = traffic.answers(interval)
    checked = replace(checked, outcomes=counts)
    unknown = counts["not_an_answer"]
    if unknown > MAX_REJECTED * (unknown + counts["correct"] + counts["incorrect"]):
        raise CheckFailed(
            f"{stream}: in {checked.period} {unknown:,} outcomes such as {word} say neither right nor wrong, "
            f"beside {counts['correct']:,} right and {counts['incorrect']:,} wrong ones; {HOW}",
            checked,
        )
    return checked


def _of_rows(rejected: dict[str, int]) -> list[str]:
    """The kinds of which a row can be shown: not those of lines that are no rows."""
    return [kind for kind in rejected if kind == "bad_timestamp" or kind not in OF_NO_PERIOD]


def _first(rows: Sequence[FirstReject | Offending]) -> str:
    """The first row of each kind, in brackets."""
    parts = []
    for row in rows:
        value = "" if row.value is None else f" {row.value} in {row.column!r}"
        where = row.where or (f"id {row.id}" if row.id else "")
        parts.append(f"{row.kind.replace('_', ' ')}:{value}{',' if value and where else ''} {where}".rstrip())
    return f" (the first {'; '.join(parts)})" if parts else ""


def _scopes(checked: TrafficChecked) -> str:
    keys = [
        f"{key} holds {', '.join(f'{value!r} in {n:,}' for value, n in values.items())}"
        for key, values in checked.scope.items()
    ]
    return f"; scope: {'; '.join(keys)}" if keys else ""


def _outcomes(checked: TrafficChecked) -> str:
    counts = checked.outcomes
    if counts is None:
        return ""
    return "outcomes: " + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items() if n)
