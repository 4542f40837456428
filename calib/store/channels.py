"""Channels: an append-only log of entries, each created once, each naming the digest of the one before.

Publishing is creating the mapping and then the next entry. A rollback is a new entry that names an old
mapping. Two publishers race for one key; the loser reads again and decides again. Where a log can no longer
be followed a person opens a new epoch, and readers go on there.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import Enum

from calib.channel import LAST_EPOCH, Entry, hint_key, key_of, mapping_key, newest_epoch, timestamp
from calib.errors import ArtifactError, Conflict, InvalidInput
from calib.mapping import NAME, Mapping
from calib.store.log import history, read_mapping, readable
from calib.store.objects import Store

LONGEST_TEXT = 2000  # characters of who and why: readers refuse an entry of more than 1 MiB
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
    channel. Raises `Conflict` where the head is another, `ArtifactError` where the log forked or other bytes
    lie under the mapping's name, and what `Store.create` raises.
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
    """Store a mapping under its digest.

    Raises `ArtifactError` for what readers would refuse, and where other bytes lie there: nobody can have won
    that name fairly.
    """
    Mapping.from_bytes(mapping.to_bytes())
    key = mapping_key(mapping.stream, mapping.digest)
    try:
        store.create(key, mapping.to_bytes())
    except Conflict as error:
        raise ArtifactError(
            f"{key} holds other bytes than its name promises: the store was damaged or tampered with; "
            f"`calib mapping verify {mapping.stream}` looks for more. Nothing was overwritten"
        ) from error


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
            return _add(store, entry)
        except Conflict:
            continue  # another publisher won this generation
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


def open_epoch(
    store: Store,
    *,
    stream: str,
    channel: str,
    digest: str,
    publish_id: str,
    at: datetime,
    by: str,
    reason: str,
    expires_at: datetime | None,
) -> Entry:
    """Begin a new epoch, whose first entry names a mapping: a person's way out of a log that forked.

    Whatever the newest epoch holds is left as it lies; readers leave it for the new one, and nothing is
    deleted. Done twice it is done once. Raises `InvalidInput` for an empty channel, which needs no epoch, or
    a mapping that is not stored, and `Conflict` where somebody else opened one meanwhile.
    """
    read_mapping(store, stream=stream, digest=digest)
    epoch = newest_epoch(store.get, stream, channel)
    for entry in readable(store, stream, channel, epoch):
        if entry.publish_id == publish_id:
            return entry
    if epoch == 1 and store.get(key_of(stream, channel, 1, 1)) is None:
        raise InvalidInput(f"{stream}/{channel} has no entry yet: promote a mapping instead")
    if epoch == LAST_EPOCH:
        raise InvalidInput(f"{stream}/{channel} has had {LAST_EPOCH} epochs: use another channel")
    entry = Entry(
        stream=stream,
        channel=channel,
        epoch=epoch + 1,
        generation=1,
        previous=None,
        mapping=digest,
        publish_id=publish_id,
        at=timestamp(at),
        by=by,
        reason=reason,
        expires_at=None if expires_at is None else timestamp(expires_at),
    )
    try:
        return _add(store, entry)
    except Conflict as error:
        raise Conflict(
            f"somebody else opened epoch {epoch + 1} of {stream}/{channel}; read again and decide again"
        ) from error


def _add(store: Store, entry: Entry) -> Entry:
    for name in ("publish_id", "by", "reason"):
        if len(getattr(entry, name)) > LONGEST_TEXT:
            raise InvalidInput(f"{name} has more than {LONGEST_TEXT} characters; a log is no place for more")
    store.create(key_of(entry.stream, entry.channel, *entry.position), entry.to_bytes())
    hint = json.dumps({"epoch": entry.epoch, "generation": entry.generation})
    store.hint(hint_key(entry.stream, entry.channel), hint.encode())
    return entry
