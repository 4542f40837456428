"""The table of verbs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer
from typer.main import get_command

from calib import __version__
from calib.cli import exit_codes

app = typer.Typer(
    name="calib",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    help=f"""Keeps a model's stated confidence true.

Start with a file of (confidence, correct): `calib measure log.csv`. See a complete example: `calib demo`.
For production, make a folder with `calib init`; it prints the next steps.
`calib COMMAND --help` has examples.

\b
Exit codes:
{exit_codes.table()}
""",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"calibwatch {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the command itself."""
    del version


from calib.cli import (  # noqa: E402
    alert_handling_verbs,
    alert_list_verbs,
    alerts_verbs,
    chain_verb,
    cycle_verbs,
    db_verb,
    gate_verb,
    history_verbs,
    init_verb,
    labels_verbs,
    mapping_log_verbs,
    mapping_verbs,
    mapping_way_back_verbs,
    measure_verb,
    metrics_verb,
    plan_verb,
    probe_verb,
    report_verb,
    reviewers_verbs,
    routes_verb,
    setup_verbs,
    teaching,
    web_verb,
    window_verbs,
)

app.command("measure")(measure_verb.measure)
app.command("gate")(gate_verb.gate)
app.command("chain")(chain_verb.chain)
app.command("init")(init_verb.init)
app.command("check")(setup_verbs.check)
app.command("demo")(setup_verbs.demo)
app.command("plan")(plan_verb.plan)
app.command("run")(cycle_verbs.run)
app.command("backfill")(cycle_verbs.backfill)
app.command("sample")(cycle_verbs.sample)
app.command("evaluate")(cycle_verbs.evaluate)
app.command("probe")(probe_verb.probe)
app.command("relay")(cycle_verbs.relay)
app.command("watchdog")(cycle_verbs.watchdog)
app.command("erase")(cycle_verbs.erase)
app.command("report")(report_verb.report)
app.command("history")(history_verbs.history)
app.command("status")(history_verbs.status)
app.command("metrics")(metrics_verb.metrics)
app.command("routes")(routes_verb.routes)
app.command("web")(web_verb.web)
app.add_typer(reviewers_verbs.app, name="reviewers")
app.add_typer(window_verbs.app, name="window")
app.add_typer(labels_verbs.app, name="labels")
alerts_verbs.app.command("list")(alert_list_verbs.list_alerts)
alerts_verbs.app.command("show")(alert_list_verbs.show)
alerts_verbs.app.command("resend")(alert_handling_verbs.resend)
alerts_verbs.app.command("ack")(alert_handling_verbs.ack)
alerts_verbs.app.command("silence")(alert_handling_verbs.silence)
alerts_verbs.app.command("test")(alert_handling_verbs.try_places)
app.add_typer(alerts_verbs.app, name="alerts")
app.add_typer(db_verb.app, name="db")
mapping_verbs.app.command("publish")(mapping_way_back_verbs.publish)
mapping_verbs.app.command("withdraw")(mapping_way_back_verbs.withdraw)
mapping_verbs.app.command("history")(mapping_log_verbs.history)
mapping_verbs.app.command("verify")(mapping_log_verbs.verify)
mapping_verbs.app.command("open-epoch")(mapping_log_verbs.open_epoch)
app.add_typer(mapping_verbs.app, name="mapping")
teaching.teach(app)


@cache
def command() -> Callable[..., Any]:
    """All verbs as one command that can be called; it is put together once for a process."""
    return get_command(app)
