"""`calib run`, `backfill`, `sample`, `evaluate`, `relay`, `watchdog`: the cycle from a shell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Channel, Config, Json, StreamName

if TYPE_CHECKING:
    from calib.wiring import Deployment

AnyStream = Annotated[str | None, typer.Argument(metavar="[STREAM]", help="One stream; default: all.")]
PeriodName = Annotated[str, typer.Option("--period", help="The period to watch, like 2026-10.")]


def run(
    stream: StreamName,
    period: PeriodName,
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """The whole cycle for one window, as far as its labels allow; running it again changes nothing.

    Samples the period's traffic, collects labels, measures, decides, refits, publishes and alerts. Where
    labels are still missing it says how many and stops there: run it again when they have come.
    """
    from calib import cycle
    from calib.period import Period
    from calib.wiring import Deployment

    opened = Deployment.open(config)
    watch, ports = opened.watch(stream), opened.ports(stream)
    with output.progress(f"{stream} {period}", total=3) as step:
        step("sample")
        window = cycle.open_window(
            watch, ports, Period.parse(period, watch.kind), channel=channel, allow_empty=False
        )
        step("evaluate")
        window = cycle.advance(window, ports)
        step("alerts")
        _deliver(opened)
        result = cycle.account(window, ports)
    _show(result, as_json=json)
    if result["state"] == "insufficient":
        raise typer.Exit(output.NOT_ENOUGH)


def backfill(
    stream: StreamName,
    first: Annotated[str, typer.Option("--from", help="The first period, like 2025-01.")],
    last: Annotated[str, typer.Option("--to", help="The last period, included.")],
    config: Config = CONFIG,
    channel: Annotated[
        str | None,
        typer.Option("--channel", help="Default: production while that is empty, else backfill-<from>."),
    ] = None,
    json: Json = False,
) -> None:
    """The cycle for a range of past periods, oldest first, each served by what its channel named then."""
    from calib import cycle
    from calib.period import Period
    from calib.wiring import Deployment

    opened = Deployment.open(config)
    watch, ports = opened.watch(stream), opened.ports(stream)
    begin, end = Period.parse(first, watch.kind), Period.parse(last, watch.kind)
    span = cycle.range_of(watch, ports, begin, end)
    channel = channel or cycle.backfill_channel(watch, ports, begin)
    closed = []
    with output.progress(f"{stream} on {channel}", total=len(span)) as step:
        for period in span:
            window = cycle.open_window(watch, ports, period, channel=channel, replay=True)
            window = cycle.advance(window, ports)
            closed.append(window)
            step(f"{period.name} {window.state}")
        _deliver(opened)
        results = [cycle.account(window, ports) for window in closed]
    if json:
        output.emit({"windows": results})
        return
    from calib.cli.tables import windows_table

    windows_table(results)


def sample(
    stream: AnyStream = None,
    period: Annotated[str | None, typer.Option("--period", help="Default: the latest that is due.")] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Open windows: survey, design, draw, and put the sample up for review. Default: all streams."""
    from calib import cycle
    from calib.period import Period
    from calib.wiring import Deployment

    opened = Deployment.open(config)
    results = []
    for name in opened.streams(stream):
        watch, ports = opened.watch(name), opened.ports(name)
        if period is None:
            result = cycle.open_due(watch, ports)
        else:
            wanted = Period.parse(period, watch.kind)
            window = cycle.open_window(watch, ports, wanted, channel=cycle.PRODUCTION, allow_empty=False)
            result = cycle.account(window, ports)
        results += [result] if result else []
    _show_all(results, "no window is due that is not open already", as_json=json)


def evaluate(stream: AnyStream = None, config: Config = CONFIG, json: Json = False) -> None:
    """Take open windows as far as their labels allow. Default: those of all streams."""
    from calib import cycle
    from calib.wiring import Deployment

    opened = Deployment.open(config)
    results = []
    for name in opened.streams(stream):
        results += cycle.evaluate_open(opened.watch(name), opened.ports(name))
    _show_all(results, "no window is open", as_json=json)


def relay(config: Config = CONFIG, json: Json = False) -> None:
    """Deliver the alerts that wait: to Slack where SLACK_BOT_TOKEN is set, else to the terminal."""
    from calib.wiring import Deployment

    report = _deliver(Deployment.open(config))
    if json:
        output.emit(report)
    else:
        sys.stdout.write("delivered {delivered}, to retry {retried}, parked {parked}\n".format(**report))
    if report["retried"] or report["parked"]:
        raise typer.Exit(output.OUTSIDE)


def watchdog(
    stream: AnyStream = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Find what did not happen: missed periods, late cohorts, mappings about to expire. For plain cron."""
    from calib import cycle
    from calib.wiring import Deployment

    opened = Deployment.open(config)
    found = [
        item
        for name in opened.streams(stream)
        for item in cycle.watch_over(opened.watch(name), opened.ports(name))
    ]
    report = _deliver(opened)
    if json:
        output.emit({"findings": found, "relay": report})
        return
    for item in found:
        sys.stdout.write(f"{item['stream']} {item['period']}: {item['kind'].replace('_', ' ')}\n")
    if not found:
        sys.stdout.write("nothing is missing\n")


def _deliver(opened: Deployment) -> dict[str, int]:
    from calib import cycle

    return cycle.deliver(opened.engine, opened.sender(), now=opened.now)


def _show_all(results: list[dict[str, Any]], none: str, *, as_json: bool) -> None:
    if as_json:
        output.emit({"windows": results})
        return
    if not results:
        sys.stdout.write(f"{none}\n")
        return
    from calib.cli.tables import window_panel

    for result in results:
        window_panel(result)


def _show(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.emit(result)
        return
    from calib.cli.tables import window_panel

    window_panel(result)
