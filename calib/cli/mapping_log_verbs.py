"""`calib mapping history`, `verify`, `open-epoch`: who moved a channel, whether its log holds."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import Annotated

import typer

from calib.cli import exit_codes, output
from calib.cli.mapping_verbs import (
    Digest,
    entry_result,
    full_digest,
    intent_of_a_person,
    open_app,
    show_entry,
)
from calib.cli.options import CONFIG, Channel, Config, Json, StreamName


def history(
    stream: StreamName, config: Config = CONFIG, channel: Channel = "production", json: Json = False
) -> None:
    """Every entry of a channel, through all its epochs: what it named, since when, who did it, and why."""
    from calib.store import history as read

    log = read(open_app(config, stream).store, stream=stream, channel=channel)
    if json:
        from calib.results.mappings import MappingHistory

        entries = tuple(entry_result(entry) for entry in log)
        output.emit(MappingHistory(stream=stream, channel=channel, entries=entries).to_json())
        return
    if not log:
        sys.stdout.write(f"{stream}/{channel} has no mapping yet\n")
    width = max(40, shutil.get_terminal_size().columns)
    for entry in log:
        until = f" (until {entry.expires_at})" if entry.expires_at else ""
        place = f"{entry.epoch}/{entry.generation:<4} {entry.at}  {entry.mapping[:12]}"
        state = "withdrawn" if entry.withdrawn else ""
        state = f"back to {entry.returns_to[0]}/{entry.returns_to[1]}" if entry.returns_to else state
        line = output.printable(f"{place}  {entry.by}: {entry.reason}{until}{state and f' [{state}]'}")
        wrapped = textwrap.wrap(line, width, subsequent_indent=" " * 7, break_long_words=False)
        sys.stdout.write("\n".join(wrapped) + "\n")


def verify(stream: StreamName, config: Config = CONFIG, json: Json = False) -> None:
    """Read all that a stream has stored: every digest, chain, schema and gap. Exit code 1 if one is wrong.

    Nothing is changed. `notes` do not count as wrong: they are what happens to every store in time, such as a
    mapping that no channel ever named, or damage in an epoch that a later one has replaced.
    """
    from calib.store import verify as check

    store = open_app(config, stream).store
    with output.progress(f"reading {stream}") as step:
        checked = check(store, stream=stream, step=step)
    if json:
        output.emit(checked.to_json())
    else:
        for word, findings in (("WRONG", checked.problems), ("note", checked.notes)):
            for finding in findings:
                line = f"{word}: {finding.kind}: {finding.key}\n  {finding.message}\n"
                sys.stdout.write(output.printable(line))
        for mapping in checked.retention.never_named:
            line = f"note: never named: {mapping.digest}, made {mapping.created_at}\n"
            sys.stdout.write(output.printable(line))
        sys.stdout.write(
            f"{stream}: {output.counted(checked.entries, 'entry', 'entries')} in "
            f"{output.counted(len(checked.channels), 'channel')} and "
            f"{output.counted(checked.mappings, 'mapping')}, {checked.retention.bytes / 1000:.1f} kB: "
            f"{'as it should be' if checked.ok else 'see above'}\n"
        )
        if checked.retention.never_named:
            sys.stdout.write(f"{checked.retention.advice}\n")
    if not checked.ok:
        raise SystemExit(exit_codes.FAILED)


def open_epoch(
    stream: StreamName,
    digest: Digest,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stays in the history.")],
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """Begin a new epoch that names DIGEST: the way out of a log that forked or was damaged.

    A bucket that was restored from a backup has lost entries that clients know; they refuse what follows, and
    keep serving. In a new epoch every client follows again, from its first entry. Nothing is deleted, and an
    epoch cannot be closed again: look at `calib mapping verify` first, and choose a mapping by
    `calib mapping list`.
    """
    from calib import store

    opened = open_app(config, stream)
    entry = store.open_epoch(
        opened.store,
        stream=stream,
        channel=channel,
        digest=full_digest(opened, stream, digest),
        intent=intent_of_a_person(opened, stream, reason),
    )
    show_entry(entry, as_json=json)
