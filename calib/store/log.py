"""Reading channels and mappings: forward through the log, every link checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from calib.channel import Entry, key_of, mapping_key, moment, newest_epoch
from calib.errors import ArtifactError, InvalidInput
from calib.mapping import DIGEST, Mapping
from calib.store.objects import Store


def history(store: Store, *, stream: str, channel: str) -> list[Entry]:
    """The channel's log, oldest entry first, the chain of its newest epoch checked.

    Entries are read forward until one is missing. Those of earlier epochs come before, as far as they can be
    followed. Raises `ArtifactError` where an entry of the newest epoch is malformed, stands in the wrong
    place, or does not name the one before it: the history forked, as it does when a bucket is restored from
    a backup.
    """
    epoch = newest_epoch(store.get, stream, channel)
    log = [entry for earlier in range(1, epoch) for entry in readable(store, stream, channel, earlier)]
    log.extend(_followed(store, stream, channel, epoch))
    return log


def _followed(store: Store, stream: str, channel: str, epoch: int) -> Iterator[Entry]:
    last: Entry | None = None
    while True:
        generation = last.generation + 1 if last else 1
        key = key_of(stream, channel, epoch, generation)
        data = store.get(key)
        if data is None:
            return
        try:
            entry = Entry.from_bytes(data)
        except ArtifactError as error:
            raise ArtifactError(f"{key} is no entry: {error}; {_remedy(stream, channel)}") from error
        if (entry.stream, entry.channel, *entry.position) != (stream, channel, epoch, generation):
            raise ArtifactError(
                f"{key} is an entry for another place: somebody copied or forged it; "
                + _remedy(stream, channel)
            )
        if last is not None and entry.previous != last.digest:
            raise ArtifactError(
                f"{key} does not follow the entry before it: the history of {channel} forked; "
                + _remedy(stream, channel)
            )
        yield entry
        last = entry


def readable(store: Store, stream: str, channel: str, epoch: int) -> list[Entry]:
    """The entries of an epoch up to where it can no longer be followed."""
    found: list[Entry] = []
    try:
        for entry in _followed(store, stream, channel, epoch):
            found.append(entry)  # noqa: PERF402  what came before the error counts
    except ArtifactError:
        return found
    return found


def _remedy(stream: str, channel: str) -> str:
    return (
        f"`calib mapping verify {stream}` says what is wrong, and "
        f"`calib mapping open-epoch {stream} DIGEST --channel {channel}` is a person's way out"
    )


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
