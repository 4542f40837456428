"""Channels: an append-only log of entries, each created once, each naming the digest of the one before.

Publishing is creating the mapping and then the next entry. A rollback is a new entry that names an old
mapping. Two publishers race for one key; the loser reads again and decides again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from calib.channel import Entry, hint_key, key_of, mapping_key, moment, timestamp
from calib.errors import ArtifactError, Conflict, InvalidInput
from calib.mapping import DIGEST, NAME, Mapping
from calib.store.objects import Store

RACES = 16  # lost in a row before publishing without an expectation gives up


class AnyHead(Enum):
    """The type of `ANY`: whatever the channel names at the moment."""

    ANY = "any"


ANY = AnyHead.ANY


def publish(
    store: Store,
    mapping: Mapping,
    *,
    channel: str,
    publish_id: str,
    at: datetime,
    by: str,
    reason: str,
    expires_at: datetime | None,
    expected: Entry | AnyHead | None = ANY,
) -> Entry:
    """Create the mapping, then the channel's next entry; done twice it is done once.

    `publish_id` names the intent: where the log has it already, that entry is returned, though it may have
    been superseded since. `expected`: the head that the decision was made against, None for an empty
    channel. Raises `Conflict` where the head is another, and what `Store.create` raises.
    """
    create_mapping(store, mapping)
    return promote(
        store,
        stream=mapping.stream,
        digest=mapping.digest,
        channel=channel,
        publish_id=publish_id,
        at=at,
        by=by,
        reason=reason,
        expires_at=expires_at,
        expected=expected,
    )


def create_mapping(store: Store, mapping: Mapping) -> None:
    """Store a mapping under its digest."""
    store.create(mapping_key(mapping.stream, mapping.digest), mapping.to_bytes())


def promote(
    store: Store,
    *,
    stream: str,
    digest: str,
    channel: str,
    publish_id: str,
    at: datetime,
    by: str,
    reason: str,
    expires_at: datetime | None,
    expected: Entry | AnyHead | None = ANY,
) -> Entry:
    """Let the channel name a mapping that is stored already; `publish` says how this is done once."""
    if not NAME.fullmatch(channel):
        raise InvalidInput(f"{channel!r:.80} cannot name a channel: up to 63 of a-z 0-9 . _ -")
    read_mapping(store, stream=stream, digest=digest)
    for _ in range(RACES):
        log = history(store, stream=stream, channel=channel)
        for entry in log:
            if entry.publish_id == publish_id:
                return entry
        last = log[-1] if log else None
        if expected is not ANY and last != expected:
            there = f"{last.by} ({last.reason})" if last else "nobody"
            raise Conflict(
                f"{stream}/{channel} has been moved meanwhile by {there}; read again and decide again"
            )
        entry = Entry(
            stream=stream,
            channel=channel,
            epoch=last.epoch if last else 1,
            generation=last.generation + 1 if last else 1,
            previous=last.digest if last else None,
            mapping=digest,
            publish_id=publish_id,
            at=timestamp(at),
            by=by,
            reason=reason,
            expires_at=None if expires_at is None else timestamp(expires_at),
        )
        try:
            store.create(key_of(stream, channel, *entry.position), entry.to_bytes())
        except Conflict:
            continue  # another publisher won this generation
        hint = json.dumps({"epoch": entry.epoch, "generation": entry.generation})
        store.hint(hint_key(stream, channel), hint.encode())
        return entry
    raise Conflict(f"{stream}/{channel}: lost {RACES} races for the next generation; try again")


def rollback(
    store: Store,
    *,
    stream: str,
    channel: str,
    publish_id: str,
    at: datetime,
    by: str,
    reason: str,
    expires_at: datetime | None,
    to: str | None = None,
) -> Entry:
    """Let the channel name an earlier mapping again: `to`, or the one before the present one.

    Raises `InvalidInput` where there is none.
    """
    log = history(store, stream=stream, channel=channel)
    for entry in log:
        if entry.publish_id == publish_id:
            return entry
    if not log:
        raise InvalidInput(f"{stream}/{channel} names no mapping yet: there is nothing to roll back")
    if to is None:
        earlier = [entry.mapping for entry in log if entry.mapping != log[-1].mapping]
        if not earlier:
            raise InvalidInput(f"{stream}/{channel} has only ever named one mapping; promote another instead")
        to = earlier[-1]
    return promote(
        store,
        stream=stream,
        digest=to,
        channel=channel,
        publish_id=publish_id,
        at=at,
        by=by,
        reason=reason,
        expires_at=expires_at,
        expected=log[-1],
    )


def history(store: Store, *, stream: str, channel: str) -> list[Entry]:
    """The log of the channel's newest epoch, oldest entry first, its chain checked.

    Entries are read forward until one is missing. Raises `ArtifactError` where an entry is malformed, stands
    in the wrong place, or does not name the one before it: the history forked, as it does when a bucket is
    restored from a backup.
    """
    epoch = 1
    while store.get(key_of(stream, channel, epoch + 1, 1)) is not None:
        epoch += 1
    log: list[Entry] = []
    while True:
        key = key_of(stream, channel, epoch, len(log) + 1)
        data = store.get(key)
        if data is None:
            return log
        entry = Entry.from_bytes(data)
        if (entry.stream, entry.channel, *entry.position) != (stream, channel, epoch, len(log) + 1):
            raise ArtifactError(f"{key} is an entry for another place: somebody copied or forged it")
        if log and entry.previous != log[-1].digest:
            raise ArtifactError(f"{key} does not follow the entry before it: the history of {channel} forked")
        log.append(entry)


def head(store: Store, *, stream: str, channel: str) -> Entry | None:
    """The channel's last entry; None while it is empty."""
    log = history(store, stream=stream, channel=channel)
    return log[-1] if log else None


def active_at(log: Sequence[Entry], when: datetime) -> Entry | None:
    """The entry of a log that was in force at a moment."""
    found = None
    for entry in log:
        if moment(entry.at) <= when:
            found = entry
    return found


def read_mapping(store: Store, *, stream: str, digest: str) -> Mapping:
    """A stored mapping, its bytes checked against its name.

    Raises `InvalidInput` where there is none, `ArtifactError` where it is not what its name says.
    """
    if not DIGEST.fullmatch(digest):
        raise InvalidInput(f"{digest!r:.80} is not the digest of a mapping: 64 hex digits")
    data = store.get(mapping_key(stream, digest))
    if data is None:
        raise InvalidInput(f"{stream} has no mapping {digest}")
    mapping = Mapping.from_bytes(data)
    if mapping.digest != digest:
        raise ArtifactError(f"{mapping_key(stream, digest)} does not hold the bytes that its name promises")
    if mapping.stream != stream:
        raise ArtifactError(f"{digest} was made for {mapping.stream}, not for {stream}")
    return mapping


def mappings(store: Store, *, stream: str) -> list[str]:
    """The digests of all stored mappings of a stream."""
    keys = store.keys(f"{stream}/mappings/")
    return [name for key in keys if DIGEST.fullmatch(name := key.rpartition("/")[2].removesuffix(".json"))]


def channels(store: Store, *, stream: str) -> list[str]:
    """The names of a stream's channels."""
    return sorted({key.split("/")[-2] for key in store.keys(f"{stream}/channels/")})
