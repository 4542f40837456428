"""A plain model of a channel's log, and of the clients that follow it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from calib.client import MappingClient
from calib.errors import Unavailable
from calib.testing.store import FaultyStore


@dataclass(frozen=True)
class Row:
    """What the model knows of an entry. Two rows are the same entry only if they are the same object."""

    intent: str
    number: int  # of its mapping; 0 for the identity of a withdrawal
    expires: float
    before: Row | None  # what was served before: where a rollback leads


@dataclass
class Seen:
    """A client, the link that it reads through, and what the model expects of it."""

    client: MappingClient
    link: Link
    folder: Path | None
    position: tuple[int, int] | None = None
    row: Row | None = None
    confirmed: float | None = None
    saved: tuple[tuple[int, int], Row] | None = None


@dataclass
class Link:
    """A network between one client and the store."""

    store: FaultyStore
    up: bool = True

    def get(self, key: str) -> bytes | None:
        if not self.up:
            raise Unavailable("partitioned")
        return self.store.get(key)


@dataclass
class Model:
    """The log as it should be: a list of rows for each epoch, from epoch 1."""

    epochs: list[list[Row]] = field(default_factory=lambda: [[]])
    ruined: bool = False

    def rows(self) -> list[Row]:
        return [row for epoch in self.epochs for row in epoch]

    def at(self, position: tuple[int, int]) -> Row | None:
        epoch, generation = position
        if epoch > len(self.epochs) or generation > len(self.epochs[epoch - 1]):
            return None
        return self.epochs[epoch - 1][generation - 1]

    def end(self) -> tuple[int, int]:
        return len(self.epochs), len(self.epochs[-1])

    def copy(self) -> Model:
        return Model([list(epoch) for epoch in self.epochs], self.ruined)
