"""`calib check` and `calib demo`: does it work here, and what does it look like at work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from calib.cli import exit_codes, output
from calib.cli.options import CONFIG, Config, Json


def check(config: Config = CONFIG, json: Json = False) -> None:
    """Try every connection and setting, one line each."""
    from calib.app import traffic
    from calib.cli.page import Page
    from calib.results.setup import CheckLine, CheckResult
    from calib.settings import load

    settings = load(config)
    page = Page()
    lines: list[CheckLine] = []

    def attempt(what: str, try_it: Callable[[], str]) -> None:
        from calib.errors import CalibError

        step(what)
        try:
            lines.append(CheckLine(what=what, ok=True, says=try_it()))
        except CalibError as error:
            says = output.message(error)
            code = exit_codes.of_error(error)
            lines.append(CheckLine(what=what, ok=False, says=says, exit_code=code))
        if not json:
            mark = "ok  " if lines[-1].ok else "FAIL"
            page.say(f"{mark} {what}: {lines[-1].says}", hanging=5)

    tables = sum(stream.review.source is not None for stream in settings.streams.values())
    total = 4 + len(settings.streams) + tables + len(settings.probes)
    with output.progress("check", total=total, bar=json) as step:
        attempt("settings", lambda: f"{config}, {len(settings.streams)} streams")
        attempt("database", lambda: _database(settings))
        attempt("store", lambda: _store(settings))
        attempt("slack", lambda: _slack(settings))
        for name, stream in settings.streams.items():
            reads = partial(traffic, name, stream, settings.folder)
            attempt(f"traffic of {name}", lambda reads=reads: _span(reads().check()))  # type: ignore[misc]
            if stream.review.source is not None:
                attempt(f"outcomes of {name}", partial(_outcomes, name, stream, settings.folder))
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

    demo_year(year)


def _database(settings: Any) -> str:
    from calib.db.schema import check as stands

    return stands(settings.database_url, schema=settings.database_schema)


def _store(settings: Any) -> str:
    from calib.store import open_store

    store = open_store(settings.store, base=settings.folder)
    probe = "calibwatch-check.json"
    store.create(probe, b'{"format":"calibwatch.check/1"}')
    store.keys("")
    return f"{settings.store}, readable and writable"


def _slack(settings: Any) -> str:
    if settings.slack_token is None:
        return "no SLACK_BOT_TOKEN: alerts go to the terminal"
    from calib.outbox.slack import SlackSender

    slack = settings.slack
    sender = SlackSender(
        settings.slack_token.get_secret_value(), channel=slack.channel, base_url=slack.base_url
    )
    return f"signed in as {sender.check()}, alerts go to {slack.channel}"


def _probe(settings: Any, name: str) -> str:
    import anyio

    from calib.app import endpoint_of, probe_of

    probe = probe_of(name, settings)
    listed = anyio.run(endpoint_of(name, settings).check)
    return f"{len(probe.questions):,} questions; {probe.endpoint} {listed}"


def _outcomes(name: str, stream: Any, folder: Path) -> str:
    from calib.app import label_table

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


def _span(span: dict[str, Any]) -> str:
    columns = ", ".join(f"{key.removeprefix('columns.')} = {name}" for key, name in span["columns"].items())
    if span["first"] is None:
        return f"{columns}; the table is empty, or no row has a time that can be read"
    return f"{columns}; rows from {span['first']} to {span['last']}"
