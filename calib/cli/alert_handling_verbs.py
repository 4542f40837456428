"""`calib alerts resend`, `ack`, `silence` and `test`: what a person does about alerts themselves."""

from __future__ import annotations

import getpass
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import exit_codes, output
from calib.cli.options import CONFIG, Config, Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calib.outbox.silences import Silence
    from calib.results.alerts import SilenceResult

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of alerts, or how they begin.")]
SPAN = re.compile(r"(\d{1,4})([hd])")


def resend(
    alerts: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Ids of alerts, or how they begin.")
    ] = None,
    parked: Annotated[bool, typer.Option("--parked", help="Everything that is parked.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stays with the alert.")] = "sent again",
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Let alerts go out with the next relay: parked or silenced ones, and those that wait for their turn.

    `calib relay` then sends them. What a place has already is not sent there twice.
    """
    from calib.app import App
    from calib.errors import InvalidInput
    from calib.outbox import handling
    from calib.results.alerts import AlertsChanged

    if bool(alerts) == parked:
        raise InvalidInput("name the alerts to send, by their ids, or write --parked for all that are parked")
    opened = App.open(config)
    how = {"by": getpass.getuser(), "reason": reason}
    with opened.engine.begin() as conn:
        if parked:
            ids = handling.resend_parked(conn, **how, now=opened.now())
        else:
            ids = handling.resend(conn, alerts or [], **how, now=opened.now())
    if json:
        output.emit(AlertsChanged(alerts=tuple(ids)).to_json())
        return
    if not ids:
        sys.stdout.write("nothing is parked\n")
        return
    sys.stdout.write(f"{output.counted(len(ids), 'alert')} will go out with the next relay: `calib relay`\n")


def ack(
    alerts: Ids,
    reason: Annotated[str, typer.Option("--reason", help="What you do about it.")] = "",
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Say that you have seen alerts and take care of them: the thread in Slack says so.

    What was not delivered yet is not sent any more, because somebody has it. Where you have acknowledged an
    alert already, nothing is said again. Whoever takes over from somebody else is named in the thread too.
    """
    from calib.app import App
    from calib.outbox.handling import acknowledge
    from calib.results.alerts import Acknowledgement, AlertsAcknowledged
    from calib.times import timestamp

    opened = App.open(config)
    with opened.engine.begin() as conn:
        done = acknowledge(conn, alerts, by=getpass.getuser(), reason=reason, now=opened.now())
    if json:
        acknowledgements = tuple(
            Acknowledgement(id=one.id, by=one.by, at=timestamp(one.at), reason=one.reason, new=one.new)
            for one in done
        )
        ids = tuple(one.id for one in done)
        output.emit(AlertsAcknowledged(alerts=ids, acknowledgements=acknowledgements).to_json())
        return
    for one in done:
        why = f": {one.reason}" if one.reason else ""
        if not one.new:
            line = f"{one.id[:8]} was acknowledged already, by {one.by} at {one.at:%Y-%m-%d %H:%M} UTC{why}"
            sys.stdout.write(output.printable(f"{line}; nothing new was said\n"))
            continue
        earlier = ""
        if one.before is not None:
            earlier = f", after {one.before.by} at {one.before.at:%Y-%m-%d %H:%M} UTC"
        sys.stdout.write(output.printable(f"{one.id[:8]} acknowledged by {one.by}{earlier}\n"))


def silence(
    stream: Annotated[
        str | None, typer.Argument(metavar="[STREAM]", help="The stream; see --every-stream.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", help="When it ends: 8h, 2d, 2026-12-01, or 2026-12-01T08:00 (UTC)."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why; it stays with each alert that it covers.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="One kind of alert; default: every kind.")
    ] = None,
    every_stream: Annotated[bool, typer.Option("--every-stream", help="In the place of a stream.")] = False,
    end: Annotated[bool, typer.Option("--end", help="End the silence now.")] = False,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Hear nothing of a stream for a while. What is raised meanwhile is kept, and listed as silenced.

    It covers alerts that wait already. When it is over nothing is sent by itself: `calib alerts list --state
    silenced` shows what it covered, `calib alerts resend` sends it. Without any argument: the silences that
    hold now.
    """
    from calib.alerts.kinds import KINDS
    from calib.app import App
    from calib.errors import InvalidInput
    from calib.outbox import silences
    from calib.results.alerts import SilenceList
    from calib.text import did_you_mean

    opened = App.open(config)
    now = opened.now()
    if stream is None and not every_stream:
        if until or reason or kind or end:
            raise InvalidInput("name the STREAM that is silenced, or write --every-stream")
        with opened.engine.connect() as conn:
            held = silences.in_force(conn, at=now)
        _say_silences(held, 0, as_json=json, none="no silence holds")
        return
    if stream is not None:
        if every_stream:
            raise InvalidInput("STREAM and --every-stream exclude each other")
        if stream not in opened.settings.probes:
            opened.settings.stream(stream)
    if kind is not None and kind not in KINDS:
        raise InvalidInput(
            f"{kind!r:.80} is no kind of alert; {did_you_mean(kind, KINDS) or 'see the runbook'}"
        )
    by = getpass.getuser()
    if end:
        with opened.engine.begin() as conn:
            ended = silences.end(conn, stream, by=by, reason=reason or "ended by hand", now=now)
        _say_silences(ended, 0, as_json=json, none="no silence of it holds", word="ended")
        if not ended:
            raise typer.Exit(exit_codes.FAILED)
        return
    if not until or not (reason or "").strip():
        raise InvalidInput("a silence needs its end and its reason: write --until and --reason")
    ends = moment_of(until, now=now)
    with opened.engine.begin() as conn:
        begun, covered = silences.silence(
            conn, stream=stream, kind=kind, until=ends, by=by, reason=str(reason).strip(), now=now
        )
    if json:
        output.emit(SilenceList(silences=(_silence_result(begun),), covered=covered).to_json())
        return
    _say_silences([begun], covered, as_json=False, none="", word="silenced")


def moment_of(text: str, *, now: datetime) -> datetime:
    """The end of a silence; `InvalidInput` for what is no moment, and for one that is over.

    >>> moment_of("8h", now=datetime(2026, 11, 28, tzinfo=UTC)).isoformat()
    '2026-11-28T08:00:00+00:00'
    """
    from calib.errors import InvalidInput

    span = SPAN.fullmatch(text)
    if span:
        length = timedelta(hours=int(span[1])) if span[2] == "h" else timedelta(days=int(span[1]))
        ends = now + length
    else:
        try:
            ends = datetime.fromisoformat(text)
        except ValueError:
            raise InvalidInput(
                f"--until {text!r:.80} is no moment: write 8h, 2d, 2026-12-01 or 2026-12-01T08:00"
            ) from None
        ends = ends.replace(tzinfo=UTC) if ends.tzinfo is None else ends
    if ends <= now:
        raise InvalidInput(f"--until {ends:%Y-%m-%d %H:%M} UTC is over: it is {now:%Y-%m-%d %H:%M} UTC")
    return ends


def try_places(config: Config = CONFIG, json: Json = False) -> None:
    """Send an alert that means nothing to each place, and read it back where the place can be asked.

    Exit code 4: one did not take it. Exit code 1: there is no place where anybody would see an alert.
    """
    from calib.app import App
    from calib.outbox.trial import try_place
    from calib.results.alerts import AlertsTested, PlaceTested

    opened = App.open(config)
    places = opened.places()
    tested = [PlaceTested(**try_place(opened.engine, place, now=opened.now())) for place in places]
    ok = bool(tested) and all(one.ok for one in tested)
    if json:
        output.emit(AlertsTested(ok=ok, places=tuple(tested)).to_json())
    else:
        for one in tested:
            sys.stdout.write(output.printable(f"{'ok  ' if one.ok else 'FAIL'} {one.place}: {one.says}\n"))
        if not tested:
            sys.stdout.write(
                "there is no place where anybody would see an alert: set SLACK_BOT_TOKEN, "
                "SLACK_WEBHOOK_URL, or "
                "`webhook` in [notify] of calib.toml\n"
            )
    if not ok:
        raise typer.Exit(exit_codes.OUTSIDE if tested else exit_codes.FAILED)


def _silence_result(silence: Silence) -> SilenceResult:
    from calib.results.alerts import SilenceResult
    from calib.times import timestamp

    return SilenceResult(
        stream=silence.stream,
        kind=silence.kind,
        since=timestamp(silence.since),
        until=timestamp(silence.until),
        by=silence.by,
        reason=silence.reason,
    )


def _say_silences(
    held: Sequence[Silence], covered: int, *, as_json: bool, none: str, word: str = "silenced"
) -> None:
    from calib.results.alerts import SilenceList

    if as_json:
        output.emit(SilenceList(silences=tuple(map(_silence_result, held)), covered=covered).to_json())
        return
    for one in held:
        whose = one.stream or "every stream"
        what = f" ({one.kind.replace('_', ' ')})" if one.kind else ""
        until = "" if word == "ended" else f" until {one.until:%Y-%m-%d %H:%M} UTC"
        sys.stdout.write(output.printable(f"{word}: {whose}{what}{until}, by {one.by}: {one.reason}\n"))
    if covered:
        sys.stdout.write(f"{output.counted(covered, 'alert')} that waited will not be sent\n")
    if not held and none:
        sys.stdout.write(f"{none}\n")
