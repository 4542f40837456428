"""`calib check` and `calib demo`: does it work here, and what does it look like at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calib.cli import exit_codes, output
from calib.cli.options import CONFIG, Config, Json

if TYPE_CHECKING:
    from calib.results.setup import TrafficChecked


def check(config: Config = CONFIG, json: Json = False) -> None:
    """Try every connection and setting, one line each.

    Reads the newest period of each stream as a run would: the rows that count, those that do not by kind,
    and the first of each kind with its place. Fails where a run would.
    """
    from calib.cli.page import Page
    from calib.cli.studio_check import label_studio_line
    from calib.cycle.checking import CheckFailed
    from calib.results.setup import CheckLine, CheckResult
    from calib.settings import load

    settings = load(config)
    page = Page()
    lines: list[CheckLine] = []

    def attempt(what: str, try_it: Callable[[], str | tuple[str, TrafficChecked]]) -> None:
        from calib.errors import CalibError

        step(what)
        try:
            answer = try_it()
            says, checked = (answer, None) if isinstance(answer, str) else answer
            lines.append(CheckLine(what=what, ok=True, says=says, traffic=checked))
        except CalibError as error:
            says = output.message(error)
            code = exit_codes.of_error(error)
            checked = error.checked if isinstance(error, CheckFailed) else None
            lines.append(CheckLine(what=what, ok=False, says=says, exit_code=code, traffic=checked))
        if not json:
            mark = "ok  " if lines[-1].ok else "FAIL"
            page.say(f"{mark} {what}: {lines[-1].says}", hanging=5)

    tables = sum(stream.review.source is not None for stream in settings.streams.values())
    guided = sum(stream.guidelines is not None for stream in settings.streams.values())
    total = 4 + (settings.notify.webhook is not None) + len(settings.streams)
    total += tables + guided + len(settings.probes)
    total += sum(stream.review.kind == "label-studio" for stream in settings.streams.values())
    with output.progress("check", total=total, bar=json) as step:
        attempt("settings", lambda: f"{config}, {len(settings.streams)} streams")
        attempt("database", lambda: _database(settings))
        attempt("store", lambda: _store(settings))
        attempt("slack", lambda: _slack(settings))
        if settings.notify.webhook is not None:
            attempt("webhook", lambda: _webhook(settings))
        for name, stream in settings.streams.items():
            attempt(f"traffic of {name}", partial(_traffic, name, stream, settings))
            if stream.review.source is not None:
                attempt(f"outcomes of {name}", partial(_outcomes, name, stream, settings.folder))
            if stream.review.kind == "label-studio":
                attempt(f"Label Studio of {name}", partial(label_studio_line, settings, name))
            if stream.guidelines is not None:
                attempt(f"guidelines of {name}", partial(_guidelines, name, stream, settings.folder))
        for name in settings.probes:
            attempt(f"probe {name}", partial(_probe, settings, name))
    worst = max(line.exit_code or exit_codes.DONE for line in lines)
    if json:
        output.emit(CheckResult(ok=worst == exit_codes.DONE, checks=tuple(lines)).to_json())
    if worst:
        raise typer.Exit(worst)


def demo(
    into: Annotated[Path, typer.Option("--into", help="The folder to work in.")] = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another year of another model.")] = 0,
    json: Json = False,
) -> None:
    """Run the whole job on this machine: a year of a real classifier's traffic, month by month.

    Trains a digit reader that is overconfident, lets its camera slip in the ninth month, and runs the real
    flows over it: sampling, review, measuring, refitting, publishing, alerting. Takes about a minute.
    """
    from calib.demo import run_demo

    with output.progress("starting a Prefect server of its own", total=12) as step:
        year = run_demo(into, seed=seed, heard=lambda window: step(window.period))
    if json:
        output.emit(year.to_json())
        return
    from calib.cli.tables import demo_year
    from calib.init.steps import program

    demo_year(year, calib=program("calib"))


def _database(settings: Any) -> str:
    from calib.db.schema import check as stands

    return stands(settings.database_url, schema=settings.database_schema)


def _store(settings: Any) -> str:
    from calib.errors import Overwrites, StoreError
    from calib.object_credentials import credentials
    from calib.redaction import shown
    from calib.store import open_store
    from calib.store.safety import KEY, refuses_second_creation

    store = open_store(settings.store, base=settings.folder)
    place, signed_in = shown(settings.store), credentials(settings.store, os.environ)
    also = "" if signed_in is None else f"; {signed_in}"
    try:
        safe = refuses_second_creation(store)
        store.keys("")
    except StoreError as error:
        raise type(error)(f"{error}{also}") from None
    if not safe:
        raise Overwrites(
            f"{place} took other bytes for {KEY}, which was there already: two runs that publish at once "
            "could both believe that they won. Use a store that honours If-None-Match, or a newer version "
            "of its server"
        )
    return f"{place}, readable and writable, and refuses to create an object twice{also}"


def _slack(settings: Any) -> str:
    from calib.alert_places import slack_place, slack_webhook_place

    if settings.slack_token is None and settings.slack_webhook is not None:
        return slack_webhook_place(settings).check()
    if settings.slack_token is None:
        ways = ["to the webhook"] if settings.notify.webhook is not None else []
        ways += ["to standard error of every run"] if settings.notify.terminal else []
        if not ways:
            ways = ["to the terminal of who runs a verb, and nowhere from a schedule"]
        return f"no SLACK_BOT_TOKEN: alerts go {' and '.join(ways)}"
    place = slack_place(settings)
    says = place.check()
    for owner in sorted({s.owner for s in settings.streams.values() if s.owner is not None}):
        place.owner(owner)
        says += f"; {owner} can be mentioned"
    if settings.slack_webhook is not None:
        says += "; SLACK_WEBHOOK_URL is not used beside SLACK_BOT_TOKEN"
    return says


def _webhook(settings: Any) -> str:
    from calib.alert_places import webhook_place
    from calib.app import utc_now

    return webhook_place(settings, utc_now).check()


def _probe(settings: Any, name: str) -> str:
    import anyio

    from calib.connections import endpoint_of, probe_of

    probe = probe_of(name, settings)
    listed = anyio.run(endpoint_of(name, settings).check)
    return f"{len(probe.questions):,} questions; {probe.endpoint} {listed}"


def _outcomes(name: str, stream: Any, folder: Path) -> str:
    from calib.connections import label_table

    table = label_table(name, stream, folder)
    if table is None:
        return "in the traffic's own table"
    report = table.check()
    columns = ", ".join(
        f"{key.removeprefix('review.')} = {column}" for key, column in report["columns"].items()
    )
    says = f"{report['correct']:,} correct, {report['incorrect']:,} incorrect"
    if strange := report["unknown_words"]:
        says += f"; {strange:,} say neither right nor wrong and are left out"
    return f"{columns}; {report['rows']:,} rows: {says}"


def _guidelines(name: str, stream: Any, folder: Path) -> str:
    from calib.review.guidelines import read_guidelines

    text = read_guidelines(stream.guidelines, base=folder, stream=name)
    return f"{stream.guidelines}, {len((text or '').split()):,} words"


def _traffic(name: str, stream: Any, settings: Any) -> tuple[str, TrafficChecked]:
    from calib.app import utc_now
    from calib.connections import traffic
    from calib.cycle.checking import check_traffic, words

    _kept_periods(name, stream, settings)
    checked = check_traffic(
        traffic(name, stream, settings.folder, places=True),
        stream=name,
        kind=stream.period,
        timezone=stream.timezone,
        limit=stream.max_rejected,
        scale=stream.scale,
        outcomes=stream.review.column is not None and stream.review.source is None,
        now=utc_now(),
    )
    return words(checked), checked


def _kept_periods(name: str, stream: Any, settings: Any) -> None:
    """Refuse periods that every run refuses; a database that cannot be read has its own line."""
    from calib.cycle.kinds import refuse_kind
    from calib.db.schema import open_to_read
    from calib.errors import CalibError

    try:
        engine = open_to_read(settings.database_url, schema=settings.database_schema)
    except CalibError:
        return
    if engine is not None:
        with engine.connect() as conn:
            refuse_kind(conn, name, stream.period, timezone=stream.timezone)
        engine.dispose()
