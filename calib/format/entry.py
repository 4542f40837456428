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
OPTIONAL = {"withdrawn": False, "returns_to": None}  # keys since 0.2.0, with what their absence means


class Link(NamedTuple):
    """A known entry, as its successor is verified against it: its numbers and the digest of its bytes."""

    epoch: int
    generation: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An immutable entry.

    `previous` is the digest of the entry before it, None for the first of an epoch. `at` and `expires_at` are
    times as `calib.times` writes them; None: it does not expire. `withdrawn`: nothing is calibrated any more;
    the mapping that is named is the identity, for readers that do not know the key. `returns_to`: epoch and
    generation of the earlier entry that a rollback went back to. Raises `ArtifactError` for values that the
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
    withdrawn: bool = False
    returns_to: tuple[int, int] | None = None

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
        if self.returns_to is not None and not (
            min(self.returns_to) >= 1 and self.returns_to < self.position
        ):
            raise ArtifactError(f"an entry returns to an earlier one, not to {self.returns_to}")
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
        values = asdict(self)
        for name, usual in OPTIONAL.items():  # an entry without them is written as version 0.1.0 wrote it
            if values[name] == usual:
                del values[name]
        return canonical({"format": FORMAT} | values)

    @classmethod
    def from_bytes(cls, data: bytes) -> Entry:
        """Read an entry. Unknown keys are ignored; `ArtifactError` says what is wrong with the rest."""
        values = parse(data, FORMAT)
        kinds: Json = {field.name: str for field in fields(cls) if field.name not in OPTIONAL} | {
            "epoch": int,
            "generation": int,
            "previous": (str, type(None)),
            "expires_at": (str, type(None)),
        }
        for name, kind in kinds.items():
            value = values.get(name)
            if name not in values or not isinstance(value, kind) or isinstance(value, bool):
                raise ArtifactError(f"a channel entry's {name} is missing or of the wrong type")
        withdrawn = values.get("withdrawn", False)
        if not isinstance(withdrawn, bool):
            raise ArtifactError("a channel entry's withdrawn must be true or false")
        entry = cls(
            **{name: values[name] for name in kinds},
            withdrawn=withdrawn,
            returns_to=_position(values.get("returns_to")),
        )
        entry.__dict__["_bytes"] = bytes(data)
        return entry


def _position(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or any(type(number) is not int for number in value):
        raise ArtifactError("a channel entry's returns_to must be an epoch and a generation, or null")
    return value[0], value[1]
