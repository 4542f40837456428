"""`calib run`, `backfill`, `sample`, `evaluate`, `relay`, `watchdog`, `erase`: the cycle from a shell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calib.cli import exit_codes, failures, output
from calib.cli.options import CONFIG, Channel, Config, Json, StreamName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calib.app import App
    from calib.cycle import Fleet, Ports
    from calib.results import WindowResult
    from calib.results.work import RelayResult

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

    Samples the period's traffic, collects labels, measures, decides, refits, publishes and alerts. If
    labels are still missing, it says how many and stops there: run it again when they have arrived.
    """
    from calib import cycle
    from calib.app import App
    from calib.period import Period

    opened = App.open(config)
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
        result = cycle.summary(window, ports)
    _show(result, report=_report_link(ports, result), as_json=json)
    if result.state == "insufficient":
        raise typer.Exit(exit_codes.NOT_ENOUGH)


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
    """The cycle for a range of past periods, oldest first, each served by what its channel named then.

    Begins at the first period with rows. Each window rests on what the ones before it published, so that a
    failed window ends the range. What was done is shown, and the same command goes on from there. One alert
    sums the range up, instead of one for each period without a verdict.
    """
    from calib import cycle
    from calib.app import App
    from calib.errors import InvalidInput
    from calib.period import Period

    opened = App.open(config)
    watch, ports = opened.watch(stream), opened.ports(stream)
    begin, end = Period.parse(first, watch.kind), Period.parse(last, watch.kind)
    if begin > end:
        raise InvalidInput(f"--from {begin.name} is after --to {end.name}")
    span = cycle.from_first_row(watch, ports, begin, end)
    if span[0] > begin:
        sys.stderr.write(f"calib: {stream} has no row before {span[0].name}: the backfill begins there\n")
    channel = channel or cycle.backfill_channel(watch, ports, begin, begins=span[0])
    with output.progress(f"{stream} on {channel}", total=len(span)) as step:
        done = cycle.backfill(
            watch,
            ports,
            span,
            channel=channel,
            step=lambda window: step(f"{window.period} {window.state}"),
        )
        _deliver(opened)
        results = [cycle.summary(window, ports) for window in done.windows]
    failed = [] if done.failure is None else [done.failure]
    if json:
        from calib.results.work import WindowsResult

        output.emit(WindowsResult(windows=tuple(results), failures=failures.results(failed)).to_json())
    else:
        from calib.cli.tables import windows_table

        windows_table(results)
        _say_channel(stream, channel, results)
    if worst := failures.report(failed):
        sys.stderr.write(
            f"calib: later periods were not tried; the same command goes on at {failed[0].period}\n"
        )
        raise typer.Exit(worst)


def _say_channel(stream: str, channel: str, results: Sequence[WindowResult]) -> None:
    """Where a backfill published, and how what it found is served."""
    from calib.alerts.backfill import publishes
    from calib.cycle import PRODUCTION

    published = [result.refit.mapping or "" for result in results if publishes(result)]
    if channel == PRODUCTION:
        sys.stdout.write(f"The backfill is on the channel {PRODUCTION}, which serves.\n")
        return
    sys.stdout.write(f"The backfill is on the channel {channel}, which nobody is served from.\n")
    if published:
        sys.stdout.write(
            f"To serve its newest mapping: `calib mapping promote {stream} {published[-1][:12]}`\n"
        )


def sample(
    stream: AnyStream = None,
    period: Annotated[str | None, typer.Option("--period", help="Default: the latest that is due.")] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Open windows: survey, design, draw, and put the sample up for review. Default: all streams.

    An error in one stream does not stop the others. The stream is named, and the exit code is
    that of the worst error.
    """
    from calib import cycle
    from calib.app import App
    from calib.period import Period

    opened = App.open(config)

    names = opened.streams(stream)

    def open_one(name: str) -> list[WindowResult]:
        step(name)
        watch, ports = opened.watch(name), opened.ports(name)
        if period is None:
            result = cycle.open_due(watch, ports)
            return [] if result is None else [result]
        chosen = Period.parse(period, watch.kind)
        window = cycle.open_window(watch, ports, chosen, channel=cycle.PRODUCTION, allow_empty=False)
        return [cycle.summary(window, ports)]

    _ = opened.engine  # where the database is down the verb fails as a whole, not stream by stream
    with output.progress("sample", total=len(names)) as step:
        fleet = cycle.each(names, open_one)
    # Whoever names a period is at the keyboard and reads the error: only a scheduled run needs an alert.
    if period is None:
        failures.record(opened, "sample", fleet.failures, whole=stream is None)
    if stream is None and period is None:
        opened.record_run("sample")
    _show_all(fleet, "no window is due that is not open already", as_json=json)


def evaluate(stream: AnyStream = None, config: Config = CONFIG, json: Json = False) -> None:
    """Take open windows as far as their labels allow. Default: those of all streams.

    An error in one window does not stop the other windows and streams. The window is named, and the exit
    code is that of the worst error.
    """
    from calib import cycle
    from calib.app import App

    opened = App.open(config)
    names = opened.streams(stream)

    def evaluate_one(name: str) -> list[WindowResult]:
        step(name)
        return cycle.evaluate_open(opened.watch(name), opened.ports(name))

    _ = opened.engine  # where the database is down the verb fails as a whole, not stream by stream
    with output.progress("evaluate", total=len(names)) as step:
        fleet = cycle.each(names, evaluate_one)
    failures.record(opened, "evaluate", fleet.failures, whole=stream is None)
    if stream is None:
        opened.record_run("evaluate")
    _show_all(fleet, "no window is open", as_json=json)


def relay(config: Config = CONFIG, json: Json = False) -> None:
    """Deliver the alerts that wait: to Slack, to the webhook, else to the terminal of who runs this.

    Alerts that were parked are tried again once their place works. Exit code 4: some are still to come, or
    are parked; then each is named, with the reason.
    """
    from calib.app import App

    opened = App.open(config)
    report = relay_result(opened.deliver())
    opened.record_run("relay")
    if json:
        output.emit(report.to_json())
    else:
        sys.stdout.write(f"delivered {report.delivered}, to retry {report.retried}, parked {report.parked}\n")
        for alert in report.kept:
            what = f"{alert.stream} {alert.period}: {alert.kind.replace('_', ' ')}"
            sys.stdout.write(output.printable(f"parked at {alert.place}: {what}: {alert.reason}\n"))
        if report.kept:
            sys.stdout.write(
                "They go out with the next relay once `calib check` says that the place works.\n"
            )
    say_unseen(report)
    if report.retried or report.kept:
        raise typer.Exit(exit_codes.OUTSIDE)


def watchdog(
    stream: AnyStream = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Find what did not happen: missed periods and jobs, late cohorts, mappings about to expire.

    Without STREAM it also looks at the scheduled jobs and probes, at alerts that reached nobody, and at the
    store. For plain cron, independent of Prefect. Delivers the alerts. Exits 1 where it found something, and
    with the code of the worst error where a stream could not be looked at; the others are looked at all the
    same. Where all is well it calls `ping` of [notify], if that is set.
    """
    from calib import cycle
    from calib.alerts import DEPLOYMENT
    from calib.app import App

    opened = App.open(config)
    _ = opened.engine  # where the database is down the verb fails as a whole, not stream by stream
    fleet = cycle.each(
        opened.streams(stream), lambda name: cycle.watch_over(opened.watch(name), opened.ports(name))
    )
    if stream is None:
        whole = cycle.each(
            [DEPLOYMENT], lambda _: cycle.watch_deployment(opened.deployment(), now=opened.now)
        )
        fleet = cycle.Fleet(done=fleet.done + whole.done, failures=fleet.failures + whole.failures)
    failures.record(opened, "watchdog", fleet.failures, whole=stream is None)
    report = _deliver(opened)
    ping = None
    if stream is None:
        opened.record_run("watchdog")
        if not (fleet.done or fleet.failures or report.parked):
            ping = opened.ping()
    if json:
        from calib.results.work import WatchdogFinding, WatchdogResult

        result = WatchdogResult(
            findings=tuple(WatchdogFinding(**item) for item in fleet.done),
            relay=report,
            failures=failures.results(fleet.failures),
            ping=ping,
        )
        output.emit(result.to_json())
    else:
        for item in fleet.done:
            sys.stdout.write(f"{item['stream']} {item['period']}: {item['kind'].replace('_', ' ')}\n")
        if not fleet.done and not fleet.failures:
            sys.stdout.write("nothing is missing\n")
    if ping not in (None, "answered"):
        sys.stderr.write(f"calib: nothing is missing, but the call of `ping` in [notify] failed: {ping}\n")
    worst = failures.report(fleet.failures)
    if worst or fleet.done:
        raise typer.Exit(worst or exit_codes.FAILED)


def erase(config: Config = CONFIG, json: Json = False) -> None:
    """Erase texts and results that were kept for long enough. Idempotent.

    `keep_context_days` of a stream counts from the closing of each window, `keep_replies_days` of a probe
    from each reply; labels and outcomes stay. After `keep_results_years`, where that is set, windows with
    their labels, alerts and runs of probes are deleted too. Streams and probes that calib.toml names no
    more are included. Schedule it daily: nothing else erases.
    """
    from calib.app import App

    opened = App.open(config)
    fleet = opened.erase()
    opened.record_run("erase")
    failures.record(opened, "erase", fleet.failures, whole=True)
    if json:
        from calib.results.work import ErasedTexts, EraseResult

        result = EraseResult(
            erased=tuple(ErasedTexts(**item) for item in fleet.done),
            failures=failures.results(fleet.failures),
        )
        output.emit(result.to_json())
    else:
        for item in fleet.done:
            count = f"of {output.counted(item['erased'], 'row')} "
            if item["what"] not in ("contexts", "replies"):
                count = f"{item['erased']:,} "
            sys.stdout.write(f"{item['stream']}: {item['what']} {count}erased\n")
        if not fleet.done and not fleet.failures:
            sys.stdout.write("no texts are kept\n")
    if worst := failures.report(fleet.failures):
        raise typer.Exit(worst)


def _deliver(opened: App) -> RelayResult:
    report = relay_result(opened.deliver())
    say_unseen(report)
    return report


def relay_result(report: dict[str, Any]) -> RelayResult:
    """What a run of the relay did, as the object that is printed."""
    from calib.results.work import ParkedAlert, RelayResult

    kept = tuple(ParkedAlert(**alert) for alert in report["kept"])
    return RelayResult(**report | {"kept": kept})


def say_unseen(report: RelayResult) -> None:
    """Name what waits because nobody would see it, on standard error."""
    if report.unseen:
        sys.stderr.write(
            f"calib: {output.counted(report.unseen, 'alert')} kept and not delivered: no place is set where "
            "anybody would see them. Set SLACK_BOT_TOKEN, SLACK_WEBHOOK_URL, or `webhook` or `terminal` in "
            "[notify] of calib.toml; `calib alerts list` shows them\n"
        )


def _show_all(fleet: Fleet[WindowResult], none: str, *, as_json: bool) -> None:
    """Show the windows that were done, name what failed, and leave with the worst code."""
    if as_json:
        from calib.results.work import WindowsResult

        failed = failures.results(fleet.failures)
        output.emit(WindowsResult(windows=tuple(fleet.done), failures=failed).to_json())
    else:
        if fleet.done:
            from calib.cli.tables import window_panel

            for result in fleet.done:
                window_panel(result)
        elif not fleet.failures:
            sys.stdout.write(f"{none}\n")
    if worst := failures.report(fleet.failures):
        raise typer.Exit(worst)


def _report_link(ports: Ports, result: WindowResult) -> str | None:
    """Where the report of a window is that is over; None where none is kept."""
    from calib.cycle.reporting import OVER

    if ports.reports is None or result.state not in OVER:
        return None
    return ports.reports.link(result.stream, result.period, result.revision)


def _show(result: WindowResult, *, report: str | None, as_json: bool) -> None:
    if as_json:
        output.emit(result.to_json())
        return
    from calib.cli.page import Page
    from calib.cli.tables import window_panel
    from calib.cli.terminal_picture import windows_picture

    window_panel(result)
    page = Page()
    page.picture(windows_picture([result], width=page.width))
    if report is not None:
        page.say("Report:")
        page.command(report)
