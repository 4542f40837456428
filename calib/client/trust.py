"""What a client believes: every rule, and no I/O. Bytes in, a new state or an `ArtifactError` out."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from datetime import datetime

from calib.channel import Entry, moment
from calib.errors import ArtifactError
from calib.mapping import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The newest entry that was verified, with the mapping that it names."""

    entry: Entry
    mapping: Mapping

    def expired(self, now: datetime) -> bool:
        """Whether the publisher's own promise of freshness has run out."""
        return self.entry.expires_at is not None and now >= moment(self.entry.expires_at)


def follow(data: bytes, *, stream: str, channel: str, after: Entry | None, epoch: int) -> Entry:
    """Accept the bytes found where the next entry belongs.

    The next entry is generation 1 of `epoch` where that is a new one or nothing is known yet, else the one
    that names `after` as its predecessor. A reader goes forward one entry at a time and can neither be moved
    back nor made to skip. Raises `ArtifactError` for everything else.
    """
    entry = Entry.from_bytes(data)
    start = after is None or epoch > after.epoch
    generation = 1 if start or after is None else after.generation + 1
    if (entry.stream, entry.channel) != (stream, channel):
        raise ArtifactError(f"the entry is for {entry.stream}/{entry.channel}, not for {stream}/{channel}")
    if entry.position != (epoch, generation):
        raise ArtifactError(f"the entry at {epoch}/{generation} says that it is {entry.position}")
    if not start and after is not None and entry.previous != after.digest:
        raise ArtifactError(f"entry {epoch}/{generation} does not follow the one before: the history forked")
    return entry


def admit(data: bytes, entry: Entry) -> Trusted:
    """Accept a mapping's bytes for the entry that names it; `ArtifactError` where they are others."""
    mapping = Mapping.from_bytes(data)
    if mapping.digest != entry.mapping:
        raise ArtifactError(f"the mapping's bytes have the digest {mapping.digest}, not {entry.mapping}")
    if mapping.stream != entry.stream:
        raise ArtifactError(f"the mapping was made for {mapping.stream}, not for {entry.stream}")
    return Trusted(entry=entry, mapping=mapping)


def out_of_scope(mapping: Mapping, scope: Dict[str, str] | None) -> str | None:
    """Why a mapping is not valid for what the client serves, in words; None where it is.

    Only keys that both sides name are compared: a mapping without a scope is valid everywhere.
    """
    for key, wanted in (scope or {}).items():
        there = mapping.scope.get(key)
        if there is not None and there != wanted:
            return f"the mapping is for {key} {there!r}, this client serves {wanted!r}"
    return None
