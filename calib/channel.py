"""One entry of a channel's log: which mapping the channel names from then on, and who says so."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from calib.errors import ArtifactError, InvalidInput
from calib.mapping import DIGEST, NAME, canonical, parse

FORMAT = "calibwatch.channel/1"
LAST_EPOCH, LAST_GENERATION = 9999, 10**12 - 1  # what the keys have digits for


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An immutable entry; `previous` is the digest of the one before it, null for the first of an epoch."""

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

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.stream) or not NAME.fullmatch(self.channel):
            raise ArtifactError(
                f"{self.stream!r:.80} / {self.channel!r:.80}: not the names of a stream and channel"
            )
        if not (1 <= self.epoch <= LAST_EPOCH and 1 <= self.generation <= LAST_GENERATION):
            raise ArtifactError(f"epoch {self.epoch}, generation {self.generation} are out of range")
        if not DIGEST.fullmatch(self.mapping):
            raise ArtifactError(f"{self.mapping!r:.80} is not the digest of a mapping")
        if (self.previous is None) != (self.generation == 1):
            raise ArtifactError("the first entry of an epoch, and no other, has no previous one")
        if self.previous is not None and not DIGEST.fullmatch(self.previous):
            raise ArtifactError(f"{self.previous!r:.80} is not the digest of an entry")
        moment(self.at)
        if self.expires_at is not None:
            moment(self.expires_at)

    @property
    def position(self) -> tuple[int, int]:
        """Epoch and generation: what only grows."""
        return self.epoch, self.generation

    def to_bytes(self) -> bytes:
        """The bytes it was read from; those of a new one are canonical JSON."""
        return self._bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self._bytes).hexdigest()

    @cached_property
    def _bytes(self) -> bytes:
        return canonical({"format": FORMAT} | asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Entry:
        """Read an entry; `ArtifactError` says what is wrong with it. Unknown keys are ignored."""
        values = parse(data, FORMAT)
        kinds: dict[str, Any] = {field.name: str for field in fields(cls)} | {
            "epoch": int,
            "generation": int,
            "previous": (str, type(None)),
            "expires_at": (str, type(None)),
        }
        for name, kind in kinds.items():
            if not isinstance(values.get(name), kind) or isinstance(values.get(name), bool):
                raise ArtifactError(f"a channel entry's {name} is missing or of the wrong type")
        entry = cls(**{name: values[name] for name in kinds})
        entry.__dict__["_bytes"] = bytes(data)
        return entry


def key_of(stream: str, channel: str, epoch: int, generation: int) -> str:
    """Where an entry is stored."""
    return f"{stream}/channels/{channel}/{epoch:04d}-{generation:012d}.json"


def timestamp(when: datetime) -> str:
    """An aware time as entries and mappings write it: UTC, whole seconds."""
    if when.tzinfo is None:
        raise InvalidInput(f"{when} has no time zone")
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str) -> datetime:
    """The aware time that an entry states."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArtifactError(f"{text!r:.60} is not a time") from None
    if found.tzinfo is None:
        raise ArtifactError(f"{text!r} has no time zone")
    return found


def hint_key(stream: str, channel: str) -> str:
    """Where readers look first, and what they never believe."""
    return f"{stream}/channels/{channel}/latest.json"


def mapping_key(stream: str, digest: str) -> str:
    """Where a mapping is stored."""
    return f"{stream}/mappings/{digest}.json"


def newest_epoch(get: Callable[[str], bytes | None], stream: str, channel: str, start: int = 1) -> int:
    """The last epoch that was opened, going forward from `start` one at a time, whatever was put there.

    An entry that lies beyond a gap is never seen.
    """
    epoch = start
    while epoch < LAST_EPOCH and get(key_of(stream, channel, epoch + 1, 1)) is not None:
        epoch += 1
    return epoch
