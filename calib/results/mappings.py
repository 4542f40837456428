"""The objects that the verbs of `calib mapping` print."""

from __future__ import annotations

from dataclasses import dataclass

from calib.json_object import Json
from calib.results.codec import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryResult:
    """One entry of a channel's log (docs/how-to/storage.md), with its own digest.

    `withdrawn`: clients serve the raw confidence from it on. `returns_to`: epoch and generation of the entry
    that a rollback went back to.
    """

    stream: str
    channel: str
    epoch: int
    generation: int
    previous: str | None
    mapping: str
    publish_id: str
    at: str
    by: str
    reason: str
    expires_at: str | None
    digest: str
    withdrawn: bool = False
    returns_to: tuple[int, int] | None = None

    def to_json(self) -> Json:
        """The object of `calib mapping promote`, `rollback`, `withdraw` and `open-epoch`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedMapping(EntryResult):
    """The entry that names a mapping from a file, with what that file states of itself."""

    method: str
    scope: dict[str, str]
    certificates: tuple[Json, ...]
    evidence: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingVersion:
    """A stored mapping, and the entry that last named it; `damage`: why it cannot be read, None if it can."""

    digest: str
    last_named: EntryResult | None
    method: str | None
    created_at: str | None
    damage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingList:
    """A stream's stored mappings, oldest first, its channels, and one channel's entries."""

    stream: str
    channel: str
    channels: tuple[str, ...]
    mappings: tuple[MappingVersion, ...]
    entries: tuple[EntryResult, ...]

    def to_json(self) -> Json:
        """The object of `calib mapping list`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingHistory:
    """Every entry of a channel, oldest first."""

    stream: str
    channel: str
    entries: tuple[EntryResult, ...]

    def to_json(self) -> Json:
        """The object of `calib mapping history`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMapping:
    """A mapping file (docs/mapping-format.md) with its digest."""

    digest: str
    format: str
    stream: str
    scope: dict[str, str]
    method: str
    default: Json
    segments: dict[str, Json]
    certificates: tuple[Json, ...]
    evidence: Json
    created_at: str
    parent: str | None
    producer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMapping:
    """What the mapping with this digest makes of raw confidences, in their order."""

    mapping: str
    raw: tuple[float, ...]
    calibrated: tuple[float, ...]

    def to_json(self) -> Json:
        """The object of `calib mapping apply`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFinding:
    """What is wrong, or worth knowing; `key` is the object's own name in the store."""

    kind: str
    key: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverNamed:
    """A stored mapping that no entry names, with its size in bytes."""

    digest: str
    created_at: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRetention:
    """What the stream's objects take, in bytes, and what could be deleted."""

    bytes: int
    never_named: tuple[NeverNamed, ...]
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was read of a stream, what is wrong (`problems`), and what is worth knowing (`notes`)."""

    stream: str
    ok: bool
    channels: tuple[str, ...]
    entries: int
    mappings: int
    problems: tuple[StoreFinding, ...]
    notes: tuple[StoreFinding, ...]
    retention: StoreRetention

    def to_json(self) -> Json:
        """The object of `calib mapping verify`."""
        return to_json(self)
