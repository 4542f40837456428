"""`calib window`: the revisions of a stream's windows; watch a period anew, or leave it out."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Config, Json, StreamName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from calib.app import App
    from calib.db.windows import Window
    from calib.results import WindowResult
    from calib.results.windows import WindowAction, WindowRevision

app = typer.Typer(no_args_is_help=True, help="The windows of a stream, one per period, and their revisions.")
PeriodName = Annotated[
    str, typer.Argument(metavar="PERIOD", help="A period that has a window, like 2026-10.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stays in the history.")]


@app.command("list")
def list_(stream: StreamName, config: Config = CONFIG, json: Json = False) -> None:
    """All revisions of the stream's windows, oldest period first, and which one stands for its period."""
    from datetime import UTC, datetime

    from calib.db import windows
    from calib.results.windows import WindowList

    opened = _open(config, stream)
    with opened.engine.connect() as conn:
        known = windows.earlier(conn, stream, before=datetime.max.replace(tzinfo=UTC))
    revisions = _revisions(sorted(known, key=lambda window: (window.ends_at, window.revision)))
    if json:
        output.emit(WindowList(windows=revisions).to_json())
        return
    if not revisions:
        sys.stdout.write(f"{stream} has no window yet: `calib run {stream} --period …` opens one\n")
        return
    _table(known, revisions)


@app.command("show")
def show(
    stream: StreamName,
    period: PeriodName,
    revision: Annotated[int | None, typer.Option("--revision", help="Default: the newest.", min=1)] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """One revision of a window with its result, and what people did with the period's windows."""
    from calib import cycle
    from calib.db import windows
    from calib.errors import InvalidInput

    opened = _open(config, stream)
    with opened.engine.connect() as conn:
        window = windows.find(conn, stream, period, revision=revision)
    if window is None:
        which = "" if revision is None else f"revision {revision} of "
        raise InvalidInput(
            f"{stream} has no {which}window {period}; `calib window list {stream}` shows what it has"
        )
    _show(opened, window, cycle.summary(window, opened.ports(stream)), as_json=json)


@app.command("reopen")
def reopen(
    stream: StreamName, period: PeriodName, reason: Reason, config: Config = CONFIG, json: Json = False
) -> None:
    """Watch a period anew: another revision, with a sample of its own, by the settings as they are now.

    Use it where the traffic or the settings were wrong, or where labels came after the window was closed.
    Equal rows draw the same sample, and labels of the same ids come along. The revision before stands until
    the new one is closed. What it published and reported stays.
    """
    from calib import cycle
    from calib.period import Period

    opened = _open(config, stream)
    watch, ports = opened.watch(stream), opened.ports(stream)
    with output.progress(f"{stream} {period}", total=1) as step:
        step("sample")
        window = cycle.reopen(watch, ports, Period.named(period), by=getpass.getuser(), reason=reason)
    _show(opened, window, cycle.summary(window, ports), as_json=json)


@app.command("discard")
def discard(
    stream: StreamName, period: PeriodName, reason: Reason, config: Config = CONFIG, json: Json = False
) -> None:
    """Leave a period out of all baselines: all its revisions, from now on.

    They stay in the history. What was published stays (`calib mapping rollback` takes a mapping back), and an
    episode that is open stays open. `calib window reopen` watches the period again.
    """
    from calib import cycle
    from calib.results.windows import DiscardedWindow

    opened = _open(config, stream)
    after = cycle.discard(
        opened.engine, stream, period, by=getpass.getuser(), reason=reason, now=opened.now()
    )
    with opened.engine.connect() as conn:
        actions = _actions(conn, stream, period)
    if json:
        result = DiscardedWindow(stream=stream, period=period, windows=_revisions(after), actions=actions)
        output.emit(result.to_json())
        return
    sys.stdout.write(f"{stream} {period} counts in no baseline any more; what it published stays\n")
    sys.stdout.write(f"Next: `calib window reopen {stream} {period} --reason …` watches it again\n")


def _open(config: Config, stream: str) -> App:
    from calib.app import App

    opened = App.open(config)
    opened.settings.stream(stream)
    return opened


def _revisions(known: Sequence[Window]) -> tuple[WindowRevision, ...]:
    from typing import cast

    from calib.results.window import WindowState
    from calib.results.windows import WindowRevision

    return tuple(
        WindowRevision(
            period=window.period,
            revision=window.revision,
            state=cast("WindowState", window.state),
            standing=window.standing,
        )
        for window in known
    )


def _actions(conn: Connection, stream: str, period: str) -> tuple[WindowAction, ...]:
    from calib.db import windows
    from calib.results.windows import WindowAction
    from calib.times import timestamp

    return tuple(
        WindowAction(
            revision=action.revision,
            action=action.action,
            by=action.by,
            at=timestamp(action.at),
            reason=action.reason,
        )
        for action in windows.actions(conn, stream, period)
    )


def _table(known: Sequence[Window], revisions: Sequence[WindowRevision]) -> None:
    from calib.cli.page import Page

    discarded = {(window.period, window.revision) for window in known if window.discarded_at is not None}
    rows = [
        (
            revision.period,
            str(revision.revision),
            revision.state.replace("_", " "),
            "yes"
            if revision.standing
            else "no (discarded)"
            if (revision.period, revision.revision) in discarded
            else "no",
        )
        for revision in revisions
    ]
    Page().table(("period", "revision", "state", "stands"), rows, left=(0, 2, 3), indent=0)


def _show(opened: App, window: Window, result: WindowResult, *, as_json: bool) -> None:
    from calib.results.windows import ShownWindow

    with opened.engine.connect() as conn:
        actions = _actions(conn, window.stream, window.period)
    if as_json:
        output.emit(ShownWindow.of(result, actions).to_json())
        return
    from calib.cli.page import Page
    from calib.cli.tables import window_panel

    window_panel(result)
    page = Page()
    if window.discarded_at is not None:
        page.say(f"Discarded at {window.discarded_at:%Y-%m-%d %H:%M} UTC: it counts in no baseline.")
    for action in actions:
        page.say(f"Revision {action.revision} {action.action} at {action.at} by {action.by}: {action.reason}")
