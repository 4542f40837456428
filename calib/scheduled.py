"""What the scheduled flows share: opening the app, the work of a run, its name, and how it ends.

The files in `flows/` are decorators and log lines around this. State lives in the project's own database
under its own keys, so a flow that is killed, repeated, late or doubled changes nothing.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calib.app import App, utc_now
from calib.cycle import Failure, Fleet, latest_due, record_failures, worth_retrying
from calib.db import windows
from calib.errors import CalibError, StreamsFailed
from calib.json_object import Json
from calib.period import Period
from calib.redaction import redacted
from calib.results import WindowResult
from calib.wording.verdict_table import verdict_table

LOG = logging.getLogger(__name__)


def open_app(config: str | None, now: datetime | None, *, migrates: bool = False) -> App:
    """Open the settings with their store: the path given, else `CALIB_CONFIG`, else ./calib.toml.

    `now` replaces the wall clock, for replays and tests. `migrates`: whether an older schema of the database
    is brought up to date, or refused. Raises `InvalidInput` for the settings and
    `SourceError` or `StoreError` for what cannot be reached.
    """
    path = Path(config or os.environ.get("CALIB_CONFIG") or "calib.toml")
    return App.open(path, now=utc_now if now is None else lambda: now, migrates=migrates)


def open_and_migrate(config: str | None, now: datetime | None) -> App:
    """Open the settings with their store, and migrate the database: the start of every flow."""
    opened = open_app(config, now, migrates=True)
    _ = opened.engine  # it is opened, and migrated, when it is first asked for
    return opened


def streams_to_open(config: str | None, stream: str | None, now: datetime | None) -> dict[str, str]:
    """For each stream (or the one asked for) the latest period that has ended and settled."""
    opened = open_and_migrate(config, now)
    return {name: latest_due(opened.watch(name), opened.now()).name for name in opened.streams(stream)}


def streams_to_evaluate(config: str | None, stream: str | None, now: datetime | None) -> dict[str, str]:
    """For each stream (or the one asked for) that has unfinished windows their periods, oldest first."""
    opened = open_and_migrate(config, now)
    with opened.engine.connect() as conn:
        periods = {
            name: ", ".join(window.period for window in windows.unfinished(conn, name))
            for name in opened.streams(stream)
        }
    return {name: unfinished for name, unfinished in periods.items() if unfinished}


def streams_to_watch(config: str | None, stream: str | None, now: datetime | None) -> list[str]:
    """The streams that the watchdog looks over: all, or the one asked for."""
    return open_and_migrate(config, now).streams(stream)


def probes_to_run(config: str | None, name: str | None, now: datetime | None) -> dict[str, str]:
    """For each probe (or the one asked for) the period in which its questions are asked now."""
    opened = open_and_migrate(config, now)
    periods = {}
    for probe in opened.probes(name):
        settings = opened.settings.probe(probe)
        periods[probe] = Period.containing(opened.now(), settings.every, settings.timezone).name
    return periods


def run_name(flow: str) -> Callable[[], str]:
    """A callable that names a run of this flow by the stream or probe that was asked for and by its time."""

    def name() -> str:
        from prefect.runtime import flow_run

        parameters = flow_run.parameters
        at = parameters.get("now") or flow_run.scheduled_start_time or datetime.now(UTC)
        words = (flow, parameters.get("stream") or parameters.get("name"), f"{at:%Y-%m-%d %H:%M}")
        return " ".join(word for word in words if word)

    return name


def verdict_page(opened: App, stream: str, results: Sequence[WindowResult]) -> tuple[str, str]:
    """The key and the text of Prefect's artifact about a stream: the verdicts, with links to the reports."""
    from calib.cycle.reporting import OVER

    reports = opened.reports()

    def link(result: WindowResult) -> str | None:
        if reports is None or result.state not in OVER:
            return None
        return reports.link(stream, result.period, result.revision)

    key = f"verdicts-{re.sub('[^a-z0-9-]+', '-', stream)}"  # all that Prefect takes
    return key, f"## {stream}\n\n{verdict_table(results, link=link)}"


def retry_if_outside(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether Prefect should try a failed task again: not where the input or the settings are wrong."""
    error = state.data
    return worth_retrying(error) if isinstance(error, BaseException) else True


def finish(
    flow: str,
    verb: str,
    states: Mapping[str, Any],
    *,
    config: str | None,
    now: datetime | None,
    only: str | None = None,
) -> Json:
    """What the completed streams returned, once all were tried.

    `verb` is the command that does the same, `states` the final Prefect states by stream, `only` the one
    stream that was asked for, if one was. What failed is put into the outbox as `record_failures` does; then
    `StreamsFailed` names the streams, so that the run fails too.
    """
    if only is None:
        _record_run(verb, config=config, now=now)
    failures = [
        Failure(stream=name, period=None, error=state.result(raise_on_failure=False))
        for name, state in states.items()
        if not state.is_completed()
    ]
    _tell(flow, verb, failures, config=config, now=now, whole=only is None)
    return {name: state.result() for name, state in states.items()}


def finish_fleet(
    flow: str, verb: str, fleet: Fleet[Json], *, config: str | None, now: datetime | None
) -> list[Json]:
    """What was done for a whole fleet at once; ends as `finish` does where some of it failed."""
    _record_run(verb, config=config, now=now)
    _tell(flow, verb, fleet.failures, config=config, now=now, whole=True)
    return fleet.done


def _record_run(verb: str, *, config: str | None, now: datetime | None) -> None:
    """Put down that the job came to its end; where that fails, what its streams say is still to be heard."""
    try:
        open_app(config, now).record_run(verb)
    except CalibError as trouble:
        LOG.warning("the end of the job could not be put down: %s", redacted(str(trouble)))


def _tell(
    flow: str,
    verb: str,
    failures: Sequence[Failure],
    *,
    config: str | None,
    now: datetime | None,
    whole: bool,
) -> None:
    """Put alerts about what failed, or works again, into the outbox; raise where any stream failed."""
    try:
        opened = open_app(config, now)
        record_failures(opened.engine, failures, now=opened.now, verb=verb, whole=whole)
    except CalibError as trouble:  # what failed first is what has to be seen
        LOG.warning("no alert of the failure could be stored: %s", redacted(str(trouble)))
    if not failures:
        return
    failed = {failure.stream: failure.error for failure in failures}
    reasons = "; ".join(f"{name}: {redacted(str(error))}" for name, error in failed.items())
    raise StreamsFailed(f"{flow}: failed for {len(failed)}, the others are done. {reasons}")
