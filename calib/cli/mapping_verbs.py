"""`calib mapping`: the versions of a stream and its channels."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Channel, Config, Json, StreamName

if TYPE_CHECKING:
    from calib.app import App
    from calib.format import Entry, Mapping
    from calib.results.mappings import EntryResult
    from calib.store import Intent

app = typer.Typer(no_args_is_help=True, help="The versions of a stream's mapping, and its channels.")
Digest = Annotated[str, typer.Argument(help="The beginning of a mapping's digest, at least 6 hex digits.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stays in the history.")]


@app.command("list")
def list_(
    stream: StreamName, config: Config = CONFIG, channel: Channel = "production", json: Json = False
) -> None:
    """The stored versions, and when the channel last named each. `calib mapping history` has every entry."""
    from calib.errors import ArtifactError
    from calib.results.mappings import MappingList, MappingVersion
    from calib.store import channels, history, mappings, read_mapping

    opened = open_app(config, stream)
    log = history(opened.store, stream=stream, channel=channel)
    names = channels(opened.store, stream=stream)
    versions = []
    for digest in mappings(opened.store, stream=stream):
        named = [entry for entry in log if entry.mapping == digest]
        method = created_at = damage = None
        try:
            mapping = read_mapping(opened.store, stream=stream, digest=digest)
            method, created_at = mapping.method, mapping.created_at
        except ArtifactError as error:
            damage = str(error)
        versions.append(
            MappingVersion(
                digest=digest,
                last_named=entry_result(named[-1]) if named else None,
                method=method,
                created_at=created_at,
                damage=damage,
            )
        )
    versions.sort(key=lambda version: (version.created_at or "", version.digest))
    if json:
        result = MappingList(
            stream=stream,
            channel=channel,
            channels=tuple(names),
            mappings=tuple(versions),
            entries=tuple(entry_result(entry) for entry in log),
        )
        output.emit(result.to_json())
        return
    if not log:
        others = ", ".join(names) or "none"
        sys.stdout.write(f"{stream}/{channel} has no mapping yet; channels with one: {others}\n")
    for version in versions:
        last = version.last_named
        mark = "→" if last is not None and last.digest == log[-1].digest else " "
        when = f"never named by {channel}" if last is None else f"{last.at} {last.by}: {last.reason}"
        when += " (withdrawn: the raw confidence)" if last is not None and last.withdrawn else ""
        state = "DAMAGED: `calib mapping verify`" if version.damage else version.method
        sys.stdout.write(f"{mark} {version.digest[:12]}  {output.printable(f'{state}  {when}')}\n")


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

    opened = open_app(config, stream)
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
    """Show the calibrated confidence for raw confidences."""
    mapping = _mapping(open_app(config, stream), stream, digest, channel)
    values = [float(mapping.apply(value, segment)) for value in raw]
    if json:
        from calib.results.mappings import AppliedMapping

        result = AppliedMapping(mapping=mapping.digest, raw=tuple(raw), calibrated=tuple(values))
        output.emit(result.to_json())
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
    """Point a channel at an existing mapping."""
    from calib import store

    opened = open_app(config, stream)
    entry = store.promote(
        opened.store,
        stream=stream,
        digest=full_digest(opened, stream, digest),
        channel=channel,
        intent=intent_of_a_person(opened, stream, reason),
    )
    show_entry(entry, as_json=json)
    _warn_of_another_scope(opened, entry)
    tell_thread(opened, "promote", entry)


@app.command("rollback")
def rollback(
    stream: StreamName,
    to: Annotated[str | None, typer.Option("--to", help="A mapping; default: the one before.")] = None,
    reason: Reason = "rolled back by hand",
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """Point a channel at an earlier mapping again: adds an entry, and deletes nothing.

    Each further rollback goes one step further back; `calib mapping promote` goes forward again. Where there
    is nothing before the present mapping, `calib mapping withdraw` goes back to the raw confidence.
    """
    from calib import store

    opened = open_app(config, stream)
    entry = store.rollback(
        opened.store,
        stream=stream,
        channel=channel,
        to=None if to is None else full_digest(opened, stream, to),
        intent=intent_of_a_person(opened, stream, reason),
    )
    show_entry(entry, as_json=json)
    _warn_of_another_scope(opened, entry)
    tell_thread(opened, "rollback", entry)


def tell_thread(opened: App, what: str, entry: Entry) -> None:
    """Say in the threads of open episodes what was done; without a database there is none."""
    if not opened.has_database:
        return
    from calib.cycle.thread_notes import tell_of_move
    from calib.redaction import reason as in_a_line

    trouble = tell_of_move(lambda: opened.engine, what, entry, now=opened.now())
    if trouble is not None:
        sys.stderr.write(
            f"calib: the channel was moved. That could not be said in Slack: {in_a_line(trouble)}\n"
        )


def open_app(config: Any, stream: str) -> App:
    """The settings with their store, once the stream is known to be theirs; the database stays untouched."""
    from calib.app import App

    opened = App.open(config)
    opened.settings.stream(stream)
    return opened


def intent_of_a_person(opened: App, stream: str, reason: str) -> Intent:
    """A move that the user of this terminal asks for now."""
    from calib.cycle import by_hand

    policy = opened.watch(stream)
    return by_hand.intent_of_a_person(policy, by=getpass.getuser(), reason=reason, now=opened.now())


def full_digest(opened: App, stream: str, start: str) -> str:
    """The one digest that begins like this."""
    from calib.errors import InvalidInput
    from calib.store import mappings

    matching = [digest for digest in mappings(opened.store, stream=stream) if digest.startswith(start)]
    if len(start) < 6:
        raise InvalidInput(f"{start!r:.80} is too short to find a mapping by: give at least 6 hex digits")
    if len(matching) != 1:
        raise InvalidInput(
            f"{len(matching)} mappings of {stream} begin with {start!r:.80}; "
            f"`calib mapping list {stream}` shows them"
        )
    return matching[0]


def _mapping(opened: App, stream: str, digest: str | None, channel: str) -> Mapping:
    from calib.errors import InvalidInput
    from calib.store import head, read_mapping

    if digest is not None:
        return read_mapping(opened.store, stream=stream, digest=full_digest(opened, stream, digest))
    current = head(opened.store, stream=stream, channel=channel)
    if current is None:
        raise InvalidInput(
            f"{stream}/{channel} has no mapping yet: `calib run {stream} --period …` makes one"
        )
    if current.withdrawn:
        raise InvalidInput(
            f"{stream}/{channel} has been withdrawn since {current.at}: clients serve the raw confidence. "
            f"Name a mapping by its digest; `calib mapping list {stream}` shows them"
        )
    return read_mapping(opened.store, stream=stream, digest=current.mapping)


def _warn_of_another_scope(opened: App, entry: Entry) -> None:
    """A way back is never refused, but people must know when their clients would not apply the mapping."""
    from calib.cycle.by_hand import differing_scope
    from calib.store import read_mapping

    if entry.withdrawn:
        return
    mapping = read_mapping(opened.store, stream=entry.stream, digest=entry.mapping)
    if differs := differing_scope(mapping, opened.watch(entry.stream).scope):
        sys.stderr.write(
            output.printable(
                f"calib: mapping {entry.mapping[:12]} is {differs}: clients of that scope serve the "
                f"raw confidence and act on nothing. `calib mapping list {entry.stream}` shows the others\n"
            )
        )


def entry_result(entry: Entry) -> EntryResult:
    """An entry with its own digest, as every verb shows it."""
    from dataclasses import asdict

    from calib.results.mappings import EntryResult

    return EntryResult(**asdict(entry), digest=entry.digest)


def show_entry(entry: Entry, *, as_json: bool) -> None:
    """Say what the channel names from now on."""
    if as_json:
        output.emit(entry_result(entry).to_json())
        return
    if entry.withdrawn:
        where = "" if entry.channel == "production" else f" --channel {entry.channel}"
        sys.stdout.write(
            f"{entry.stream}/{entry.channel} is withdrawn as of {entry.epoch}/{entry.generation}: from their "
            "next poll on clients serve the raw confidence, say UNCALIBRATED, and act on nothing. New "
            "mappings go to the channel candidate until you name one:\n"
            f"  calib mapping promote {entry.stream} DIGEST{where}\n"
        )
        return
    sys.stdout.write(
        f"{entry.stream}/{entry.channel} names {entry.mapping[:12]} as of {entry.epoch}/{entry.generation}; "
        "clients follow at their next poll\n"
    )
