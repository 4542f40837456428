"""`calib alerts`: the episodes that alerts belong to, and how a person ends one."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, cast

import typer

from calib.cli import exit_codes, output
from calib.cli.options import CONFIG, Config, Json, StreamName
from calib.wording.episodes import how_it_ended

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from calib.alerts.episodes import Episode
    from calib.results.episodes import EpisodeResult, Said

app = typer.Typer(
    no_args_is_help=True, help="Alerts: what was said, what waits, what is parked and why; and episodes."
)


@app.command("episodes")
def episodes(stream: StreamName, config: Config = CONFIG, json: Json = False) -> None:
    """The stream's episodes, oldest first: what opened each, its windows, and how it ended.

    An episode begins with an early warning or a degradation. It ends when the warning is not confirmed, with
    a recovery, a newer degradation, another scope, a withdrawal, or by hand (`calib alerts close`).
    """
    from calib.app import App
    from calib.db import episodes as stored
    from calib.results.episodes import EpisodeList

    opened = App.open(config)
    opened.settings.stream(stream)
    with opened.engine.connect() as conn:
        listing = EpisodeList(stream=stream, episodes=results_of(conn, stored.all_of(conn, stream)))
    if json:
        output.emit(listing.to_json())
        return
    if not listing.episodes:
        sys.stdout.write(f"{stream} has had no episode\n")
    for episode in listing.episodes:
        began = f"{episode.opened_in}  {episode.opened_by.replace('_', ' ')}"
        how = "OPEN" if episode.ended_by is None else how_it_ended(episode.ended_by)
        when = "" if episode.ended_at is None else f", {episode.ended_in or episode.ended_at[:10]}"
        who = "" if episode.by is None else f" by {episode.by}: {episode.reason}"
        sys.stdout.write(output.printable(f"{began}: {how}{when}{who}\n"))
        for part in episode.windows:
            sys.stdout.write(output.printable(f"  {part.period}  {part.said.replace('_', ' ')}\n"))


@app.command("close")
def close(
    stream: StreamName,
    reason: Annotated[str, typer.Option("--reason", help="Why it is over; it stays with the episode.")],
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """End the stream's open episodes by hand. Nothing is published, and the baseline stays.

    For what the labels cannot show: the cause is known and mended, or it does not matter. The next
    degradation begins a new episode. Exit code 1: the stream has no open episode.
    """
    from calib.app import App
    from calib.cycle.thread_notes import tell_of_closing
    from calib.db import episodes as stored
    from calib.results.episodes import EpisodeList

    opened = App.open(config)
    opened.settings.stream(stream)
    with opened.engine.begin() as conn:
        by = getpass.getuser()
        ended = stored.end_open(conn, stream, "person", by=by, reason=reason, now=opened.now())
        tell_of_closing(conn, ended, by=by, reason=reason, now=opened.now())
        results = results_of(conn, ended)
    if json:
        output.emit(EpisodeList(stream=stream, episodes=results).to_json())
    else:
        for episode in results:
            sys.stdout.write(f"ended: the episode of {episode.opened_in}\n")
        if not results:
            sys.stdout.write(f"{stream} has no open episode\n")
    if not results:
        raise typer.Exit(exit_codes.FAILED)


def results_of(conn: Connection, of_stream: list[Episode]) -> tuple[EpisodeResult, ...]:
    """Episodes with what their windows said, as results."""
    from calib.db import episodes as stored
    from calib.results.episodes import EpisodeResult, EpisodeWindow
    from calib.times import timestamp

    words_by_episode = stored.said_in(conn, [episode.id for episode in of_stream])
    return tuple(
        EpisodeResult(
            id=episode.id,
            stream=episode.stream,
            opened_by=episode.opened_by,
            opened_in=episode.opened_in,
            opened_at=timestamp(episode.opened_at),
            degraded_in=episode.degraded_in,
            ended_by=episode.ended_by,
            ended_in=episode.ended_in,
            ended_at=None if episode.ended_at is None else timestamp(episode.ended_at),
            by=episode.by,
            reason=episode.reason,
            windows=tuple(
                EpisodeWindow(period=period, said=cast("Said", words))
                for period, words in words_by_episode[episode.id]
            ),
        )
        for episode in of_stream
    )
