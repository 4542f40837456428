"""What a client believes: every rule, and no I/O. Bytes in, a new state or an `ArtifactError` out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as Dict
from dataclasses import dataclass

from calib.channel import Entry, moment
from calib.errors import ArtifactError
from calib.mapping import Mapping

REMEDY = "`calib mapping verify` says what happened; a person opens a new epoch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The newest entry that was verified, with the mapping that it names."""

    entry: Entry
    mapping: Mapping

    @property
    def expires(self) -> float:
        """When the publisher's own promise of freshness runs out, in POSIX seconds; infinity for never."""
        return float("inf") if self.entry.expires_at is None else moment(self.entry.expires_at).timestamp()


def follow(data: bytes, *, stream: str, channel: str, after: Entry | None, epoch: int) -> Entry:
    """Accept the bytes found where the next entry belongs.

    The next entry is generation 1 of `epoch` where that is a new one or nothing is known yet, else the one
    that names `after` as its predecessor. A reader goes forward one entry at a time and can neither be moved
    back nor made to skip. Raises `ArtifactError` for everything else.
    """
    entry = Entry.from_bytes(data)
    if after is not None and epoch < after.epoch:
        raise ArtifactError(f"epoch {epoch} is older than {after.epoch}, which is known already")
    start = after is None or epoch > after.epoch
    generation = 1 if start or after is None else after.generation + 1
    if (entry.stream, entry.channel) != (stream, channel):
        raise ArtifactError(f"the entry is for {entry.stream}/{entry.channel}, not for {stream}/{channel}")
    if entry.position != (epoch, generation):
        raise ArtifactError(f"the entry at {epoch}/{generation} says that it is {entry.position}")
    if not start and after is not None and entry.previous != after.digest:
        raise ArtifactError(
            f"entry {epoch}/{generation} does not follow the one before: the history forked; {REMEDY}"
        )
    return entry


def confirm(data: bytes | None, known: Entry) -> None:
    """Hold what the store has now where `known` was read against it; `ArtifactError` where it differs.

    A store restored from a backup has lost entries, or has others in their place. What is known is kept.
    """
    where = f"entry {known.epoch}/{known.generation}"
    if data is None:
        raise ArtifactError(f"{where} was read before and is gone: was the store restored? {REMEDY}")
    if hashlib.sha256(data).hexdigest() != known.digest:
        raise ArtifactError(f"{where} was read before with other bytes: the history forked; {REMEDY}")


def admit(data: bytes, entry: Entry) -> Trusted:
    """Accept a mapping's bytes for the entry that names it; `ArtifactError` where they are others."""
    mapping = Mapping.from_bytes(data)
    if mapping.digest != entry.mapping:
        raise ArtifactError(f"the mapping's bytes have the digest {mapping.digest}, not {entry.mapping}")
    if mapping.stream != entry.stream:
        raise ArtifactError(f"the mapping was made for {mapping.stream}, not for {entry.stream}")
    return Trusted(entry=entry, mapping=mapping)


def hinted(data: bytes | None, epoch: int) -> int:
    """The generation of `epoch` up to which it may be worth reading ahead; 0 for any hint that is no help.

    A hint is never believed: each entry is followed from the one before, hinted or not.
    """
    try:
        hint = json.loads(data or b"null")
        generation = hint["generation"] if hint["epoch"] == epoch else 0
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return generation if isinstance(generation, int) and generation > 0 else 0


def out_of_scope(mapping: Mapping, scope: Dict[str, str] | None) -> str | None:
    """Why a mapping is not valid for what the client serves, in words; None where it is.

    Only keys that both sides name are compared: a mapping without a scope is valid everywhere.
    """
    for key, wanted in (scope or {}).items():
        there = mapping.scope.get(key)
        if there is not None and there != wanted:
            return f"the mapping is for {key} {there!r}, this client serves {wanted!r}"
    return None


def cut_for(mapping: Mapping, needed: float, segment: str | None = None) -> float | None:
    """The raw confidence from which an accuracy of `needed` is certified; None where none is.

    Of the certificates whose target is at least `needed` the lowest counts. One that is malformed certifies
    nothing. A segment's own certificates count for it; where it has a curve of its own and no certificate,
    nothing does.
    """
    cuts = mapping.cuts
    if segment is not None and (segment in mapping.segment_cuts or segment in mapping.segments):
        cuts = mapping.segment_cuts.get(segment, ())
    for target, cut in cuts:
        if target >= needed - 1e-12:
            return cut
    return None
