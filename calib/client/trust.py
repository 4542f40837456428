"""What a client believes beyond the rules of `calib.format.chain`: no I/O, values in and values out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as Dict
from dataclasses import dataclass

from calib.errors import ArtifactError
from calib.format import Entry, Mapping
from calib.format.chain import accept_mapping
from calib.format.given import segment_name
from calib.times import moment

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


def confirm(data: bytes | None, known: Entry) -> None:
    """Compare `known` with what the store has now at its place; `ArtifactError` where they differ.

    A store restored from a backup has lost entries, or has others in their place. What is known is kept.
    """
    where = f"entry {known.epoch}/{known.generation}"
    if data is None:
        raise ArtifactError(f"{where} was read before and is gone: was the store restored? {REMEDY}")
    if hashlib.sha256(data).hexdigest() != known.digest:
        raise ArtifactError(f"{where} was read before with other bytes: the history forked; {REMEDY}")


def admit(data: bytes, entry: Entry) -> Trusted:
    """Accept a mapping's bytes for the entry that names it; `ArtifactError` where they are others."""
    return Trusted(entry=entry, mapping=accept_mapping(data, stream=entry.stream, digest=entry.mapping))


def out_of_scope(mapping: Mapping, scope: Dict[str, str] | None) -> str | None:
    """Why a mapping is not valid for what the client serves, in words; None where it is.

    Only keys that both sides name are compared: a mapping without a scope is valid everywhere. `unmatched`
    names the others.
    """
    for key, expected in (scope or {}).items():
        stated = mapping.scope.get(key)
        if stated is not None and stated != expected:
            return f"the mapping is for {key} {stated!r}, this client serves {expected!r}"
    return None


def unmatched(mapping: Mapping, scope: Dict[str, str] | None) -> str:
    """The keys of the scope that only one side names, in words; "" where there is none.

    A key that is misspelt is one of these, and compares nothing.
    """
    own = set(scope or {})
    sides = (("this client", own - set(mapping.scope)), ("the mapping", set(mapping.scope) - own))
    return "; ".join(
        f"only {side} names {', '.join(map(repr, sorted(keys)))} in its scope" for side, keys in sides if keys
    )


def certificate_for(
    mapping: Mapping, needed: float, segment: str | None = None
) -> tuple[float, float] | None:
    """The certificate that proves an accuracy of `needed`, as (target, cut); None where none does.

    Of the certificates whose target is at least `needed` the lowest counts. One that is malformed certifies
    nothing. A segment's own certificates count for it; where it has a curve of its own and no certificate,
    nothing does.
    """
    cuts = mapping.cuts
    if segment is not None:
        own = mapping.segment_cuts.keys() | mapping.segments.keys()
        spelt = segment_name(segment)
        name = segment if segment in own else spelt
        cuts = mapping.segment_cuts.get(name, ()) if name in own else cuts
    for target, cut in cuts:
        if target >= needed - 1e-12:
            return target, cut
    return None
