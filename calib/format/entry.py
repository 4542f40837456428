"""One entry of a channel's log: the mapping that the channel names from then on, who decided it, and why."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import NamedTuple

from calib.errors import ArtifactError
from calib.format.document import canonical, parse
from calib.format.keys import DIGEST, LAST_EPOCH, LAST_GENERATION, NAME
from calib.json_object import Json
from calib.times import moment

FORMAT = "calibwatch.channel/1"


class Link(NamedTuple):
    """A known entry, as its successor is verified against it: its numbers and the digest of its bytes."""

    epoch: int
    generation: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An immutable entry.

    `previous` is the digest of the entry before it, None for the first of an epoch. `at` and `expires_at` are
    times as `calib.times` writes them; None: it does not expire. Raises `ArtifactError` for values that the
    format does not allow.
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
        """Epoch and generation. Along a log they only grow."""
        return self.epoch, self.generation

    @property
    def link(self) -> Link:
        """What the next entry is verified against."""
        return Link(self.epoch, self.generation, self.digest)

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
        """Read an entry. Unknown keys are ignored; `ArtifactError` says what is wrong with the rest."""
        values = parse(data, FORMAT)
        kinds: Json = {field.name: str for field in fields(cls)} | {
            "epoch": int,
            "generation": int,
            "previous": (str, type(None)),
            "expires_at": (str, type(None)),
        }
        for name, kind in kinds.items():
            value = values.get(name)
            if name not in values or not isinstance(value, kind) or isinstance(value, bool):
                raise ArtifactError(f"a channel entry's {name} is missing or of the wrong type")
        entry = cls(**{name: values[name] for name in kinds})
        entry.__dict__["_bytes"] = bytes(data)
        return entry
