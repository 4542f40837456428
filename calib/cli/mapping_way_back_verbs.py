"""`calib mapping withdraw` and `publish`: no mapping at all, or one that somebody made elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.mapping_verbs import entry_result, intent_of_a_person, open_app, show_entry, tell_thread
from calib.cli.options import CONFIG, Channel, Config, Json, StreamName

if TYPE_CHECKING:
    from calib.format import Mapping

Reason = Annotated[str, typer.Option("--reason", help="Why; it stays in the history.")]


def withdraw(
    stream: StreamName,
    reason: Reason,
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """Go back to the raw confidence: clients say UNCALIBRATED and act on nothing.

    It lasts until a person promotes a mapping or rolls back. Until then the schedules go on measuring, and
    what they fit goes to the channel `candidate`. An open episode of the stream ends. Adds an entry, deletes
    nothing.
    """
    from calib.cycle import by_hand
    from calib.redaction import reason as in_a_line

    opened = open_app(config, stream)
    withdrawal = by_hand.withdraw(
        opened.store,
        lambda: opened.engine,
        stream=stream,
        channel=channel,
        intent=intent_of_a_person(opened, stream, reason),
    )
    if withdrawal.episodes_open is not None:
        sys.stderr.write(
            f"calib: the mapping is withdrawn. Open episodes of {stream} could not be ended, and are ended "
            f"with the next window that closes: {in_a_line(withdrawal.episodes_open)}\n"
        )
    show_entry(withdrawal.entry, as_json=json)


def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A mapping file: docs/mapping-format.md.")],
    stream: StreamName,
    reason: Reason,
    config: Config = CONFIG,
    channel: Channel = "production",
    json: Json = False,
) -> None:
    """Put a mapping that you made yourself on a channel, once it is found to be one that clients take.

    The file is checked as clients check it: its format, its curves, its stream, and that its scope is not
    another one than in the settings. What it states as its evidence is shown, and is not measured anew. Its
    bytes are stored as they are.
    """
    from calib import store

    opened = open_app(config, stream)
    mapping = read_file(file, stream, scope=opened.watch(stream).scope)
    entry = store.publish(
        opened.store, mapping, channel=channel, intent=intent_of_a_person(opened, stream, reason)
    )
    tell_thread(opened, "publish", entry)
    if json:
        from dataclasses import asdict

        from calib.results.mappings import PublishedMapping

        result = PublishedMapping(
            **asdict(entry_result(entry)),
            method=mapping.method,
            scope=dict(mapping.scope),
            certificates=mapping.certificates,
            evidence=dict(mapping.evidence),
        )
        output.emit(result.to_json())
        return
    _show(mapping)
    show_entry(entry, as_json=False)


def read_file(file: Path, stream: str, *, scope: dict[str, str]) -> Mapping:
    """The mapping in a file; `InvalidInput` where it is none, or none that the stream's clients would use."""
    from calib.cycle.by_hand import differing_scope
    from calib.errors import ArtifactError, InvalidInput
    from calib.format import Mapping
    from calib.format.document import LARGEST

    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
        mapping = Mapping.from_bytes(content)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}") from None
    except ArtifactError as error:
        raise InvalidInput(
            f"{file} is no mapping: {error}. docs/mapping-format.md describes the file"
        ) from None
    if (key := _key_written_twice(content)) is not None:
        raise InvalidInput(
            f"{file} has {key!r:.40} twice in one object, of which clients in other languages may take the "
            "other one: keep one of them"
        )
    if mapping.stream != stream:
        raise InvalidInput(f"{file} was made for the stream {mapping.stream}, not for {stream}")
    evidence = mapping.evidence
    kinds = {"labels": int, "period": str, "periods": list}
    wrong = [name for name, kind in kinds.items() if not isinstance(evidence.get(name, kind()), kind)]
    if wrong:
        raise InvalidInput(
            f"{file}: evidence.{wrong[0]} must be {'a number' if wrong[0] == 'labels' else 'text'}, as "
            "docs/mapping-format.md says; leave it out where it is not known"
        )
    if differs := differing_scope(mapping, scope):
        raise InvalidInput(
            f"{file} is {differs}: clients would not apply it. Correct the file, or `scope` of {stream} in "
            "calib.toml"
        )
    return mapping


def _key_written_twice(content: bytes) -> str | None:
    """A key that an object of a JSON document has more than once."""
    import json

    twice: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        values = dict(pairs)
        if len(values) < len(pairs):
            keys = [key for key, _ in pairs]
            twice.append(next(key for key in keys if keys.count(key) > 1))
        return values

    json.loads(content, object_pairs_hook=look)
    return twice[0] if twice else None


def _show(mapping: Mapping) -> None:
    """What a mapping states of itself."""
    evidence = mapping.evidence
    sys.stdout.write(
        output.printable(f"{mapping.digest[:12]}  {mapping.method}, made {mapping.created_at}\n")
    )
    period, labels = evidence.get("period"), evidence.get("labels")
    if period is None and labels is None:
        sys.stdout.write("  it states no evidence: nothing says that it is better than what is served\n")
    else:
        lines = [f"  it states: {labels if labels is not None else 'an unknown number of'} labels, {period}"]
        lines += [
            f"ECE {when} {ece.get('ece')} ({ece.get('low')} to {ece.get('high')})"
            for when in ("before", "after")
            if isinstance(ece := evidence.get(f"ece_{when}"), dict)
        ]
        sys.stdout.write(output.printable("; ".join(lines) + "\n"))
    proven = ", ".join(f"{target:g} from {cut:g} on" for target, cut in mapping.cuts) or "none"
    sys.stdout.write(output.printable(f"  certificates: {proven}\n"))
