"""`calib mapping`: the versions of a stream and its channels."""

from __future__ import annotations

import getpass
import sys
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Channel, Config, Json, StreamName

if TYPE_CHECKING:
    from calib.mapping import Mapping
    from calib.wiring import Deployment

app = typer.Typer(no_args_is_help=True, help="The versions of a stream's mapping, and who named them when.")
Digest = Annotated[str, typer.Argument(help="The beginning of a mapping's digest, at least 6 hex digits.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stays in the history.")]


@app.command("list")
def list_(
    stream: StreamName, config: Config = CONFIG, channel: Channel = "production", json: Json = False
) -> None:
    """The channel's history: every entry, who made it, when and why."""
    from calib.store import channels, history

    opened = _open(config, stream)
    log = history(opened.store, stream=stream, channel=channel)
    entries = [_entry(entry) for entry in log]
    if json:
        names = channels(opened.store, stream=stream)
        output.emit({"stream": stream, "channel": channel, "channels": names, "entries": entries})
        return
    if not log:
        others = ", ".join(channels(opened.store, stream=stream)) or "none"
        sys.stdout.write(f"{stream}/{channel} names no mapping yet; channels with one: {others}\n")
    for entry in log:
        sys.stdout.write(
            f"{entry.epoch}/{entry.generation:<4} {entry.mapping[:12]}  {entry.at}  "
            f"{output.printable(entry.by)}: {output.printable(entry.reason)}\n"
        )


@app.command("show")
def show(
    stream: StreamName,
    digest: Annotated[str | None, typer.Argument(help="Default: what the channel names.")] = None,
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """One mapping: its curve, scope, evidence and certificates."""
    import json as json_

    opened = _open(config, stream)
    mapping = _mapping(opened, stream, digest, channel)
    content = json_.loads(mapping.to_bytes())
    if json:
        output.emit({"digest": mapping.digest, **content})
        return
    sys.stdout.write(f"{mapping.digest}\n{json_.dumps(content, indent=2, ensure_ascii=False)}\n")


@app.command("apply")
def apply(
    stream: StreamName,
    raw: Annotated[list[float], typer.Argument(help="Raw confidences in [0, 1].")],
    segment: Annotated[str | None, typer.Option(help="A segment of the stream.")] = None,
    digest: Annotated[str | None, typer.Option(help="A mapping; default: what the channel names.")] = None,
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """What a mapping makes of raw confidences."""
    mapping = _mapping(_open(config, stream), stream, digest, channel)
    values = [float(mapping.apply(value, segment)) for value in raw]
    if json:
        output.emit({"mapping": mapping.digest, "raw": raw, "calibrated": values})
        return
    for before, after in zip(raw, values, strict=True):
        sys.stdout.write(f"{before:g} -> {after:.4f}\n")


@app.command("promote")
def promote(
    stream: StreamName,
    digest: Digest,
    reason: Reason = "promoted by hand",
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """Let a channel name a mapping that is stored already."""
    from calib import store

    opened = _open(config, stream)
    now = opened.now()
    entry = store.promote(
        opened.store,
        stream=stream,
        digest=_full(opened, stream, digest),
        channel=channel,
        publish_id=str(uuid.uuid4()),
        at=now,
        by=getpass.getuser(),
        reason=reason,
        expires_at=opened.watch(stream).expiry(now),
    )
    _done(entry, as_json=json)


@app.command("rollback")
def rollback(
    stream: StreamName,
    to: Annotated[str | None, typer.Option("--to", help="A mapping; default: the one before.")] = None,
    reason: Reason = "rolled back by hand",
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """Name an earlier mapping again, as a new entry: nothing is deleted, and it can itself be undone."""
    from calib import store

    opened = _open(config, stream)
    now = opened.now()
    entry = store.rollback(
        opened.store,
        stream=stream,
        channel=channel,
        to=None if to is None else _full(opened, stream, to),
        publish_id=str(uuid.uuid4()),
        at=now,
        by=getpass.getuser(),
        reason=reason,
        expires_at=opened.watch(stream).expiry(now),
    )
    _done(entry, as_json=json)


def _open(config: Any, stream: str) -> Deployment:
    from calib.wiring import Deployment

    opened = Deployment.open(config)
    opened.settings.stream(stream)
    return opened


def _full(opened: Deployment, stream: str, start: str) -> str:
    """The one digest that begins like this."""
    from calib.errors import InvalidInput
    from calib.store import mappings

    found = [digest for digest in mappings(opened.store, stream=stream) if digest.startswith(start)]
    if len(start) < 6:
        raise InvalidInput(f"{start!r:.80} is too short to find a mapping by: give at least 6 hex digits")
    if len(found) != 1:
        raise InvalidInput(
            f"{len(found)} mappings of {stream} begin with {start!r:.80}; "
            f"`calib mapping list {stream}` shows them"
        )
    return found[0]


def _mapping(opened: Deployment, stream: str, digest: str | None, channel: str) -> Mapping:
    from calib.errors import InvalidInput
    from calib.store import head, read_mapping

    if digest is not None:
        return read_mapping(opened.store, stream=stream, digest=_full(opened, stream, digest))
    current = head(opened.store, stream=stream, channel=channel)
    if current is None:
        raise InvalidInput(
            f"{stream}/{channel} names no mapping yet: `calib run {stream} --period …` makes one"
        )
    return read_mapping(opened.store, stream=stream, digest=current.mapping)


def _entry(entry: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(entry)


def _done(entry: Any, *, as_json: bool) -> None:
    if as_json:
        output.emit(_entry(entry))
        return
    sys.stdout.write(
        f"{entry.stream}/{entry.channel} names {entry.mapping[:12]} as of generation {entry.generation}; "
        "clients follow at their next poll\n"
    )
