"""`calib routes`: where to cut so that an accuracy is proven, and what today's threshold achieves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import exit_codes, output
from calib.cli.options import CONFIG, Config, Json, StreamName

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from calib.cli.page import Page
    from calib.db.windows import Window
    from calib.results.routes import AchievedResult, KeptInPeriod, RoutesPart, RoutesResult


def routes(
    stream: StreamName,
    period: Annotated[
        str | None, typer.Option("--period", help="Default: the latest that is closed.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", help="Targets: finance (0.90, 0.95), customer-service (0.80, 0.85)."),
    ] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """For each target: the confidence from which on it is proven, and the share of traffic there.

    Rests on the labels of one closed window. A certificate holds with probability 0.95, whatever the design
    of the sample; if nothing is proven, it says whether more labels would help. Each later window holds it
    against its own labels, and the record says whether it was kept. For the `threshold` in the
    settings it says how much passes, what that stated and how much of it was really right. Exit code 3: no
    window is closed yet.
    """
    from dataclasses import replace

    from calib.app import App
    from calib.cycle.load import load_window
    from calib.results.routes import RoutesResult
    from calib.routing import preset as targets_of
    from calib.routing.report import routes_report

    opened = App.open(config)
    policy = opened.watch(stream)
    targets = targets_of(preset) if preset else policy.targets
    result = RoutesResult(stream=stream, targets=tuple(targets))
    with output.progress(stream, total=1) as step:
        with opened.engine.connect() as conn:
            window = _window(conn, stream, period)
            record = () if window is None else _record(conn, stream, window)
        if window is not None:
            step("certifying")
            report = routes_report(
                load_window(window, engine=opened.engine, store=opened.store).routing,
                stream=stream,
                period=window.period,
                targets=targets,
                threshold=policy.threshold,
            )
            result = replace(report, record=record)
    if json:
        output.emit(result.to_json())
    else:
        _show(result)
    if window is None:
        raise typer.Exit(exit_codes.NOT_ENOUGH)


def _window(conn: Connection, stream: str, period: str | None) -> Window | None:
    """The closed window of a period, or the latest one; `InvalidInput` where the period's is not closed."""
    from datetime import UTC, datetime

    from calib.db import windows
    from calib.errors import InvalidInput

    if period is None:
        windows_of_stream = windows.earlier(conn, stream, before=datetime.max.replace(tzinfo=UTC))
        return next((w for w in windows_of_stream if w.standing and w.state == "closed"), None)
    stored_window = windows.find_standing(conn, stream, period)
    if stored_window is None or stored_window.state != "closed":
        state = (
            "is not there, or was discarded"
            if stored_window is None
            else f"is {stored_window.state.replace('_', ' ')}"
        )
        raise InvalidInput(
            f"{stream}: the window of {period} {state}; `calib run` takes it on until it is closed"
        )
    return stored_window


def _record(conn: Connection, stream: str, until: Window) -> tuple[KeptInPeriod, ...]:
    """What each closed window up to this one said of the certificates before it, oldest first."""
    from calib.cycle.evaluation import stored_result
    from calib.db import windows
    from calib.results.routes import KeptInPeriod

    closed = [
        w for w in windows.earlier(conn, stream, before=until.ends_at) if w.state == "closed" and w.result
    ]
    record = [(w.period, stored_result(w).certificates_kept) for w in reversed(closed)]
    return tuple(
        KeptInPeriod(period=period, certificates=certificates)
        for period, certificates in record
        if certificates
    )


def _show(result: RoutesResult) -> None:
    from calib.cli.page import Page

    page, stream = Page(), result.stream
    if result.period is None:
        page.say(f"{stream}: no window is closed yet; take one on until it is:")
        page.command(f"calib run {stream} --period …")
        return
    page.title(stream, f"by the {result.labels:,} labels of {result.period}")
    _show_part(page, result)
    for name, part in result.segments.items():
        page.title(name.replace("\n", " "), f"{part.labels:,} labels")
        _show_part(page, part)
    if result.chain:
        page.say("A chain of such steps, each acted on at the threshold, failing independently:")
        rows = [
            (
                str(row.steps),
                f"{row.claimed:.2f}",
                f"{row.delivered:.2f} ({row.low:.2f} to {row.high:.2f})",
            )
            for row in result.chain
        ]
        page.table(("steps", "claims", "delivers (95%)"), rows, left=())
    if result.record:
        page.say("Were earlier certificates kept?")
        words = {"yes": "kept", "no": "BROKEN", "unknown": "unknown"}
        kept_rows = [
            (
                period.period,
                f"{certificate.target:.1%} ≥ {certificate.cut:.4g}",
                certificate.from_,
                "–"
                if certificate.accuracy is None
                else f"{certificate.accuracy:.1%} ({certificate.low:.0%}–{certificate.high:.0%})",
                f"{certificate.share:.1%}",
                words[certificate.kept],
            )
            for period in result.record
            for certificate in period.certificates
        ]
        heads = ("period", "certificate", "proven by", "right (95%)", "share", "kept")
        page.table(heads, kept_rows, left=(0, 1, 2, 5))


def _show_part(page: Page, part: RoutesPart) -> None:
    from calib.results.window import NoCut

    for item in part.certificates:
        if isinstance(item, NoCut):
            page.say(f"{item.target:.1%} right: no cut, {item.reason}", indent=2)
        else:
            page.say(
                f"{item.target:.1%} right: at or above {item.cut:g}, {item.share:.1%} of the "
                f"traffic; accuracy there at least {item.accuracy_low:.1%}",
                indent=2,
            )
    if part.threshold is not None:
        _show_passing(page, "raw", part.threshold.raw)
        _show_passing(page, "served", part.threshold.served)


def _show_passing(page: Page, kind: str, passing: AchievedResult) -> None:
    what = f"threshold {passing.threshold:g} on {kind} confidence"
    if passing.accuracy is None:
        page.say(f"{what}: nothing passes", indent=2)
    else:
        page.say(
            f"{what}: {passing.share:.1%} pass, stated {passing.stated:.3f}, "
            f"right {passing.accuracy:.3f} ({passing.low:.3f} to {passing.high:.3f})",
            indent=2,
        )
