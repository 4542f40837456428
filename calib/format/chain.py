"""What a reader believes: which bytes are the next entry of a channel, and which the mapping that it names.

Every rule stands here once. Bytes and what is known go in; a verified value or `Refused` comes out. Nothing
here reads a store or a clock. Clients follow a log by these rules, publishers read it by them, and
`calib mapping verify` reports the objects that break them.

Rules for the next entry (`accept_next`); the word in brackets is the `kind` of the `Refused` that is raised:

1. The bytes are at most 1 MiB, one JSON object in UTF-8, of the format ``calibwatch.channel/1``, and every
   field is present, of the right type and in its range (`malformed_entry`).
2. The entry states the stream, channel, epoch and generation of the place where it lay (`wrong_place`).
3. That place is the next one. With nothing known, and in an epoch after the known one, it is generation 1. In
   the known epoch it is the known generation + 1. An earlier epoch is never the next one (`not_next`).
4. Within an epoch, `previous` is the SHA-256 of the known entry's bytes (`broken_chain`).

So a reader that goes forward one entry at a time can be moved neither back nor past an entry, and two readers
with the same digest in hand agree on every entry of that epoch before it.

A log of two entries, and a third that names the wrong predecessor:

>>> from dataclasses import replace
>>> first = Entry(stream="triage", channel="production", epoch=1, generation=1, previous=None,
...     mapping="ab" * 32, publish_id="p1", at="2026-11-03T06:00:00Z", by="calibwatch", reason="refit",
...     expires_at=None)
>>> second = replace(first, generation=2, previous=first.digest, publish_id="p2")
>>> known = accept_next(first.to_bytes(), None, Place("triage", "production", 1, 1))
>>> known = accept_next(second.to_bytes(), known.link, Place("triage", "production", 1, 2))
>>> known.position
(1, 2)
>>> forged = replace(second, generation=3, previous=first.digest)
>>> accept_next(forged.to_bytes(), known.link, Place("triage", "production", 1, 3))
Traceback (most recent call last):
    ...
calib.errors.Refused: triage/channels/production/0001-000000000003.json does not name the entry before it...
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple

from calib.errors import ArtifactError, Refused
from calib.format.entry import Entry, Link
from calib.format.keys import LAST_EPOCH, LAST_GENERATION, entry_key, mapping_key
from calib.format.mapping import Mapping


class Place(NamedTuple):
    """Where an entry lies: its channel and its numbers, as its key states them."""

    stream: str
    channel: str
    epoch: int
    generation: int

    @property
    def key(self) -> str:
        """The key of the object."""
        return entry_key(*self)


def next_place(stream: str, channel: str, epoch: int, after: Link | None) -> Place:
    """Where the entry of `epoch` belongs that follows what is known, by rule 3."""
    follows = after is not None and after.epoch == epoch
    return Place(stream, channel, epoch, after.generation + 1 if follows and after is not None else 1)


def accept_next(data: bytes, after: Link | None, place: Place) -> Entry:
    """The next entry of a log, from the bytes that lay at `place`; the module's docstring lists the rules.

    `after`: the link of the newest entry that is known, None for nothing. Raises `Refused`.
    """
    entry = accept_at(data, place)
    if after is not None and place.epoch < after.epoch:
        raise Refused("not_next", f"epoch {place.epoch} is older than {after.epoch}, which is known already")
    expected = next_place(place.stream, place.channel, place.epoch, after)
    if place != expected:
        raise Refused("not_next", f"{place.key} is not the next entry: that is {expected.key}")
    if after is not None and after.epoch == place.epoch and entry.previous != after.digest:
        raise _forked(place)
    return entry


def accept_at(data: bytes, place: Place) -> Entry:
    """An entry by rules 1 and 2 alone: well-formed, and of the place where it lay. Raises `Refused`.

    Nothing is said of what lies before it.
    """
    try:
        entry = Entry.from_bytes(data)
    except ArtifactError as error:
        raise Refused("malformed_entry", f"{place.key} is not an entry: {error}; {remedy(place)}") from error
    if (entry.stream, entry.channel, *entry.position) != place:
        stated = f"{entry.stream}/{entry.channel} {entry.epoch}/{entry.generation}"
        raise Refused(
            "wrong_place",
            f"{place.key} is an entry for another place, {stated}: it was copied or forged; {remedy(place)}",
        )
    return entry


def accept_previous(data: bytes | None, entry: Entry) -> Entry:
    """The entry before `entry` in its epoch, from the bytes at its place (None: nothing lay there).

    The digest in `entry.previous` verifies them, so that a verified entry verifies the whole epoch before it,
    read backwards. Raises `Refused`: `gap` for nothing, else what the rules above name.
    """
    place = Place(entry.stream, entry.channel, entry.epoch, entry.generation - 1)
    if data is None:
        raise Refused("gap", f"{place.key} is missing, and later entries are there; {remedy(place)}")
    if hashlib.sha256(data).hexdigest() != entry.previous:
        raise _forked(place._replace(generation=entry.generation))
    return accept_at(data, place)


def accept_mapping(data: bytes, *, stream: str, digest: str) -> Mapping:
    """The mapping of a stream that was asked for by its digest.

    Raises `Refused`: `wrong_digest` for bytes of another digest, `malformed_mapping` where they are not a
    mapping that this version reads, `wrong_stream` for the mapping of another stream.
    """
    key = mapping_key(stream, digest)
    actual = hashlib.sha256(data).hexdigest()
    if actual != digest:
        raise Refused(
            "wrong_digest",
            f"{key} does not hold the bytes that its name promises; theirs is {actual}: damaged or replaced",
        )
    try:
        mapping = Mapping.from_bytes(data)
    except ArtifactError as error:
        raise Refused("malformed_mapping", f"{key} is not a mapping: {error}") from error
    if mapping.stream != stream:
        raise Refused("wrong_stream", f"{digest} was made for {mapping.stream}, not for {stream}")
    return mapping


def newest_epoch(get: Callable[[str], bytes | None], stream: str, channel: str, start: int = 1) -> int:
    """The last epoch that was opened, looked for forward from `start`, one epoch at a time.

    An epoch is open as soon as an object lies at its generation 1, whatever its bytes. One that lies beyond a
    missing epoch is never seen.
    """
    epoch = start
    while epoch < LAST_EPOCH and get(entry_key(stream, channel, epoch + 1, 1)) is not None:
        epoch += 1
    return epoch


def read_hint(data: bytes | None) -> tuple[int, int] | None:
    """The epoch and generation that `latest.json` states; None if there is no hint or it cannot be used.

    It only says where to look first: what lies there is verified like anything else.
    """
    try:
        hint = json.loads(data or b"null")
        epoch, generation = hint["epoch"], hint["generation"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(epoch) is not int or type(generation) is not int:
        return None
    in_range = 1 <= epoch <= LAST_EPOCH and 1 <= generation <= LAST_GENERATION
    return (epoch, generation) if in_range else None


def remedy(place: Place) -> str:
    """What a person does about a log that cannot be followed."""
    return (
        f"`calib mapping verify {place.stream}` says what is wrong, and "
        f"`calib mapping open-epoch {place.stream} DIGEST --channel {place.channel}` is a person's way out"
    )


def _forked(place: Place) -> Refused:
    message = f"{place.key} does not name the entry before it: the history forked; {remedy(place)}"
    return Refused("broken_chain", message)
