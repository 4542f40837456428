"""`calib probe`: has the model changed since its answers were accepted?"""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import exit_codes, failures, output
from calib.cli.options import CONFIG, Config, Json

if TYPE_CHECKING:
    from calib.app import App
    from calib.json_object import Json as JsonObject
    from calib.results.probe import ProbeResult


def probe(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A probe that calib.toml names; default: all.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Compare with these answers from now on; a person decides that.")
    ] = False,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Ask a probe's fixed questions, and compare the answers with those that were accepted last.

    Asks once in each period (`every`); called again it asks what got no reply, or shows what was found. The
    first time, look at the accuracy and --accept. Exits 1 where the model has become worse, 3 where too
    little could be read to say, 4 where the endpoint gave no reply at all. --accept exits 0. Without NAME all
    probes are asked: an error in one does not stop the others, and the worst exit code counts.
    """
    from calib import cycle
    from calib.app import App
    from calib.errors import InvalidInput

    if accept and name is None:
        raise InvalidInput("--accept needs the NAME of one probe: look at its answers, then accept them")
    opened = App.open(config)
    names = opened.probes(name)
    _ = opened.engine  # where the database is down the verb fails as a whole, not probe by probe
    fleet = cycle.each(names, lambda probe_name: [_ask(opened, probe_name, accept=accept)])
    if not accept:
        failures.record(opened, "probe", fleet.failures, whole=name is None)
    if name is None:
        opened.record_run("probe")
    opened.deliver()
    results = [_with_alerts(opened, result) for result in fleet.done]
    if name is not None and fleet.failures:
        raise fleet.failures[0].error
    if json:
        from calib.results.probe import ProbesResult

        everything = ProbesResult(probes=tuple(results), failures=failures.results(fleet.failures))
        output.emit(everything.to_json() if name is None else results[0].to_json())
    else:
        for result in results:
            _show(result)
        if not names:
            sys.stdout.write("calib.toml names no probe\n")
    worst = failures.report(fleet.failures)
    if not accept:
        worst = max([worst, *(exit_codes.of_probe(result) for result in results)])
    if worst:
        raise typer.Exit(worst)


def _ask(opened: App, name: str, *, accept: bool) -> JsonObject:
    from calib.probe import accept_run, run_probe

    chosen_probe, asks = opened.probe(name), opened.endpoint(name)
    engine, period = opened.engine, chosen_probe.period(opened.now())
    with output.progress(f"{name}: {len(chosen_probe.questions)} questions", total=1) as step:
        step("ask")
        result = run_probe(chosen_probe, asks=asks, now=opened.now, engine=engine, period=period)
        if accept:
            result = accept_run(
                chosen_probe, by=getpass.getuser(), now=opened.now, engine=engine, period=period
            )
    return result


def _with_alerts(opened: App, run: JsonObject) -> ProbeResult:
    """The run with its alerts as they stand after the delivery."""
    from calib.outbox import queue as outbox
    from calib.results.probe import ProbeResult

    with opened.engine.connect() as conn:
        return ProbeResult.from_json(run | {"alerts": outbox.of_window(conn, run["probe"], run["period"])})


def _show(result: ProbeResult) -> None:
    from rich.console import Console
    from rich.markup import escape

    from calib.wording.change import STATES, change_words
    from calib.wording.numbers import difference

    def say(line: str) -> None:
        console.print(escape(output.printable(line)))

    console = Console(highlight=False, soft_wrap=True)
    n = output.number
    first = "accepted" if result.accepted_at else "nothing is accepted yet"
    state = (STATES | {"first": first, "cannot_see": "CANNOT SEE"})[result.state]
    served = ", ".join(f"{model} ({count:,})" for model, count in result.served.items()) or "none"
    say(f"{result.probe} {result.period}  {state}")
    say(f"  model      {result.model}, served by {served}")
    replies = result.replies
    lost = [*replies.failed.items(), *replies.unread.items()]
    because = ", ".join(f"{count:,} {why.replace('_', ' ')}" for why, count in lost)
    say(
        f"  read       {result.readable:,} of {result.questions:,} questions"
        + (f"  (replies of no use: {because})" if because else "")
    )
    if result.now is not None:
        now = result.now
        say(
            f"  accuracy   {n(now.accuracy)} ({n(now.accuracy_low)} to {n(now.accuracy_high)}), "
            f"stated {n(now.mean_confidence)}, ECE {output.interval(now)}"
        )
    if result.paired is not None and result.change is not None:
        pair, change = result.paired, result.change
        say(
            f"  paired     {pair.lost} turned wrong, {pair.gained} right; "
            f"Brier {difference(pair.brier_rise, pair.brier_rise_low, pair.brier_rise_high)}, "
            f"{output.p_value(pair.p)}"
        )
        say(f"  by stratum {change_words(change)}")
    if result.served_new:
        say(f"  not served when accepted: {', '.join(result.served_new)}")
    if result.setup_changed:
        say(f"  asked otherwise than when accepted: {', '.join(result.setup_changed)}")
    if result.why:
        say(f"  why        {result.why}")
    for alert in result.alerts:
        say(f"  alert      {alert.kind.replace('_', ' ')}{'' if alert.delivered else ' (waiting)'}")
    if result.accepted_at:
        say(f"Accepted by {result.accepted_by}: later runs are compared with this one")
    else:
        say(f"Next: `calib probe {result.probe} --accept` makes these answers the ones to compare with")
