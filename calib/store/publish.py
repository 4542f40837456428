"""Moving a channel: each move is a new entry, created once, that names the digest of the one before it.

Publishing is creating the mapping and then the next entry. A rollback is a new entry that names an earlier
mapping. Two publishers race for one key; the loser reads again and decides again. Where a log can no longer
be followed a person opens a new epoch, and readers go on there.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from calib.errors import ArtifactError, Conflict, InvalidInput
from calib.format import Entry, Mapping
from calib.format.chain import newest_epoch
from calib.format.keys import LAST_EPOCH, NAME, entry_key, hint_key, mapping_key
from calib.store.objects import Store
from calib.store.read import history, read_mapping, readable, recent
from calib.times import timestamp

LOG = logging.getLogger(__name__)
LONGEST_TEXT = 2000  # characters of who and why: readers refuse an entry of more than 1 MiB
RACES = 16  # lost in a row before publishing without an expectation gives up
CLOCKS = timedelta(days=1)  # by how much the clocks of two publishers may differ
PUBLISHER = "calibwatch"  # who an entry is by that a schedule published
WITHDRAWN = "withdrawn"  # the method of the identity that an entry names where a channel is withdrawn


class AnyHead(Enum):
    """The type of `ANY`: whatever the channel names at the moment."""

    ANY = "any"


ANY = AnyHead.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Who wants to move a channel, why, and as of when; carried out twice, it is done once.

    `publish_id` names the intent: a log that has it already is not written to again. `at` and `expires_at`
    are aware times; `expires_at=None` does not expire. `by` and `reason` have at most 2,000 characters.
    `since`: a time before which nobody can have acted on this intent, such as the end of the window that it
    comes from; the log is searched for `publish_id` back to a day before that (clocks differ). With None,
    the default, the whole log is read.
    """

    publish_id: str
    at: datetime
    by: str
    reason: str
    expires_at: datetime | None
    since: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("publish_id", "by", "reason"):
            if len(getattr(self, name)) > LONGEST_TEXT:
                raise InvalidInput(f"{name} has more than {LONGEST_TEXT} characters; write a shorter one")


def publish(
    store: Store,
    mapping: Mapping,
    *,
    channel: str,
    intent: Intent,
    expected: Entry | AnyHead | None = ANY,
) -> Entry:
    """Create the mapping, then the channel's next entry; done twice it is done once.

    Where the log has the intent already, its entry is returned, though it may have been superseded since.
    `expected`: the head that the decision was made against, None for an empty channel. Raises `Conflict`
    where the head is another, `ArtifactError` where the log forked or other bytes lie under the mapping's
    name, and what `Store.create` raises.
    """
    create_mapping(store, mapping)
    return promote(
        store,
        stream=mapping.stream,
        digest=mapping.digest,
        channel=channel,
        intent=intent,
        expected=expected,
    )


def create_mapping(store: Store, mapping: Mapping) -> None:
    """Store a mapping under its digest.

    Raises `ArtifactError` for what readers would refuse, and where other bytes lie under that name, which
    happens only to a store that was damaged or tampered with.
    """
    Mapping.from_bytes(mapping.to_bytes())
    key = mapping_key(mapping.stream, mapping.digest)
    try:
        store.create(key, mapping.to_bytes())
    except Conflict as error:
        LOG.error(
            "%s holds other bytes than its name promises",
            key,
            extra={"event": "damaged", "stream": mapping.stream, "key": key},
        )
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
    intent: Intent,
    expected: Entry | AnyHead | None = ANY,
    returns_to: tuple[int, int] | None = None,
) -> Entry:
    """Point the channel at a mapping that is stored already; `publish` says how this is done once.

    `returns_to`: epoch and generation of the entry that a rollback goes back to. Raises `InvalidInput` where
    the mapping is not stored, stands for a withdrawal, or the channel's name is not allowed, and what
    `publish` raises.
    """
    if not NAME.fullmatch(channel):
        raise InvalidInput(f"{channel!r:.80} cannot name a channel: up to 63 of a-z 0-9 . _ -")
    if read_mapping(store, stream=stream, digest=digest).method == WITHDRAWN:
        raise InvalidInput(
            f"{digest[:12]} is the raw confidence of a withdrawn channel, and no mapping to serve: "
            f"`calib mapping withdraw {stream} --reason …` withdraws"
        )
    return move(store, stream, channel, digest, intent, expected, returns_to=returns_to)


def move(
    store: Store,
    stream: str,
    channel: str,
    digest: str,
    intent: Intent,
    expected: Entry | AnyHead | None,
    *,
    withdrawn: bool = False,
    returns_to: tuple[int, int] | None = None,
) -> Entry:
    """Add the next entry, which names the mapping, once."""
    for race in range(RACES):
        log = log_since(store, stream, channel, intent)
        landed = landed_entry(log, intent)
        if landed is not None:
            LOG.info(
                "%s/%s: this was published before, as generation %d",
                stream,
                channel,
                landed.generation,
                extra={
                    "event": "published_before",
                    "stream": stream,
                    "channel": channel,
                    "generation": landed.generation,
                },
            )
            return landed
        last = log[-1] if log else None
        if expected is not ANY and last != expected:
            mover = f"{last.by} ({last.reason})" if last else "nobody"
            LOG.info(
                "%s/%s has been moved meanwhile: not published",
                stream,
                channel,
                extra={
                    "event": "moved_meanwhile",
                    "stream": stream,
                    "channel": channel,
                    "generation": last.generation if last else 0,
                },
            )
            raise Conflict(
                f"{stream}/{channel} has been moved meanwhile by {mover}; read again and decide again"
            )
        epoch, generation = (last.epoch, last.generation + 1) if last else (1, 1)
        try:
            entry = _entry(stream, channel, epoch, generation, last, digest, intent)
            return _add(store, replace(entry, withdrawn=withdrawn, returns_to=returns_to))
        except Conflict:
            LOG.info(
                "%s/%s: another publisher was faster with generation %d; reading again",
                stream,
                channel,
                generation,
                extra={
                    "event": "race_lost",
                    "stream": stream,
                    "channel": channel,
                    "generation": generation,
                    "attempt": race + 1,
                },
            )
    raise Conflict(f"{stream}/{channel}: lost {RACES} races for the next generation; try again")


def open_epoch(store: Store, *, stream: str, channel: str, digest: str, intent: Intent) -> Entry:
    """Begin a new epoch, whose first entry names a mapping: a person's way out of a log that forked.

    Whatever the newest epoch holds stays as it is; readers leave it for the new one, and nothing is deleted.
    Done twice it is done once. Raises `InvalidInput` for an empty channel, which needs no epoch, or a mapping
    that is not stored, and `Conflict` where somebody else opened one meanwhile.
    """
    read_mapping(store, stream=stream, digest=digest)
    epoch = newest_epoch(store.get, stream, channel)
    landed = landed_entry(readable(store, stream, channel, epoch), intent)
    if landed is not None:
        return landed
    if epoch == 1 and store.get(entry_key(stream, channel, 1, 1)) is None:
        raise InvalidInput(f"{stream}/{channel} has no entry yet: promote a mapping instead")
    if epoch == LAST_EPOCH:
        raise InvalidInput(f"{stream}/{channel} has had {LAST_EPOCH} epochs: use another channel")
    try:
        return _add(store, _entry(stream, channel, epoch + 1, 1, None, digest, intent))
    except Conflict as error:
        raise Conflict(
            f"somebody else opened epoch {epoch + 1} of {stream}/{channel}; read again and decide again"
        ) from error


def log_since(store: Store, stream: str, channel: str, intent: Intent) -> list[Entry]:
    """The end of the log, as much of it as can hold the intent."""
    if intent.since is None:
        return history(store, stream=stream, channel=channel)
    return recent(store, stream=stream, channel=channel, since=intent.since - CLOCKS)


def landed_entry(log: list[Entry], intent: Intent) -> Entry | None:
    """The entry of an intent that was carried out already."""
    return next((entry for entry in log if entry.publish_id == intent.publish_id), None)


def _entry(
    stream: str,
    channel: str,
    epoch: int,
    generation: int,
    previous: Entry | None,
    digest: str,
    intent: Intent,
) -> Entry:
    return Entry(
        stream=stream,
        channel=channel,
        epoch=epoch,
        generation=generation,
        previous=None if previous is None else previous.digest,
        mapping=digest,
        publish_id=intent.publish_id,
        at=timestamp(intent.at),
        by=intent.by,
        reason=intent.reason,
        expires_at=None if intent.expires_at is None else timestamp(intent.expires_at),
    )


def _add(store: Store, entry: Entry) -> Entry:
    """Create the entry, then point the hint at it; a process that dies in between leaves an old hint."""
    store.create(entry_key(entry.stream, entry.channel, *entry.position), entry.to_bytes())
    hint = json.dumps({"epoch": entry.epoch, "generation": entry.generation})
    store.hint(hint_key(entry.stream, entry.channel), hint.encode())
    LOG.info(
        "%s/%s: generation %d of epoch %d names %s",
        entry.stream,
        entry.channel,
        entry.generation,
        entry.epoch,
        entry.mapping[:12],
        extra={
            "event": "published",
            "stream": entry.stream,
            "channel": entry.channel,
            "epoch": entry.epoch,
            "generation": entry.generation,
            "mapping": entry.mapping,
        },
    )
    return entry
