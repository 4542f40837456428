"""`calib history` and `calib status`: what a stream cost and brought, and every stream in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from calib.cli import exit_codes, output
from calib.cli.options import CONFIG, Config, Json, StreamName

if TYPE_CHECKING:
    from calib.results.history import HistoryResult, StatusResult, StreamStatus


def history(stream: StreamName, config: Config = CONFIG, json: Json = False) -> None:
    """A stream's periods with their labels, verdicts and mappings, and what they cost and brought.

    Exit code 3: no period was opened yet.
    """
    from calib.app import App
    from calib.cycle.status import stream_history

    opened = App.open(config)
    opened.settings.stream(stream)
    result = stream_history(stream, opened.ports(stream))
    if json:
        output.emit(result.to_json())
    else:
        _show_history(result)
    if not result.windows:
        raise typer.Exit(exit_codes.NOT_ENOUGH)


def status(config: Config = CONFIG, json: Json = False) -> None:
    """Every stream in a line: its latest period, its labels, its mapping, and when the next run is due."""
    from calib.app import App
    from calib.cycle.status import stream_status
    from calib.results.history import StatusResult
    from calib.times import timestamp

    opened = App.open(config)
    result = StatusResult(
        streams=tuple(
            stream_status(opened.watch(name), opened.ports(name)) for name in opened.settings.streams
        )
    )
    if json:
        output.emit(result.to_json())
    else:
        _show_status(result, timestamp(opened.now()))


def _show_history(result: HistoryResult) -> None:
    from calib.cli.page import Page
    from calib.cli.tables import windows_table
    from calib.cli.terminal_picture import windows_picture
    from calib.wording.ledger import ledger_sentences

    page = Page()
    if not result.windows:
        page.say(
            f"{result.stream}: no period was opened yet; `calib run {result.stream} --period …` opens one"
        )
        return
    windows_table(result.windows)
    standing = [window for window in result.windows if window.standing]
    page.picture(windows_picture(standing, width=page.width))
    for sentence in ledger_sentences(result.ledger):
        page.say(sentence)
    page.say("The report with all pictures:")
    page.command(f"calib report {result.stream} --open")


def _show_status(result: StatusResult, now: str) -> None:
    from calib.cli.page import Page

    rows: list[tuple[str, ...]] = []
    for stream in result.streams:
        state = "no period yet" if stream.state is None else stream.state.replace("_", " ")
        verdict = "–" if stream.verdict is None else stream.verdict.replace("_", " ")
        verdict = "DEGRADED" if stream.verdict == "degraded" else verdict
        waiting = f"{stream.labels.n:,} ({stream.labels.missing:,} missing)" if stream.period else "–"
        rows.append((stream.stream, stream.period or "–", state, verdict, waiting))
        more = [_mapping(stream, now)]
        if stream.alerts.waiting or stream.alerts.parked:
            more.append(f"alerts: {stream.alerts.waiting} waiting, {stream.alerts.parked} parked")
        more.append(f"next run from {stream.next_run[:10]}")
        rows.append(("; ".join(more),))
    Page().table(("stream", "period", "state", "change", "labels"), rows, left=(0, 1, 2, 3), indent=0)


def _mapping(stream: StreamStatus, now: str) -> str:
    """What is served, and until when; times written alike sort as text."""
    if stream.mapping is None:
        return "no mapping, the raw confidence is served"
    words, until = f"mapping {stream.mapping[:8]}", stream.mapping_expires_at
    if until is None:
        return words
    return f"{words} EXPIRED on {until[:10]}" if until <= now else f"{words} until {until[:10]}"
