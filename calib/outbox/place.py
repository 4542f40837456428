"""A place where alerts go, as the relay sees one, and what it is handed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from calib.json_object import Json

if TYPE_CHECKING:
    from calib.alerts.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture for an alert: the bytes of a PNG, its file's name, its title, and in words what it shows."""

    png: bytes
    name: str
    title: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One alert on its way to one place.

    `deployment` stands beside its `id` wherever it goes, so that it is told from another deployment's alert
    of the same id; None for an alert that calibwatch 0.1.0 stored. `thread`: where the place keeps the
    message that this one replies to, None where it begins its own.
    """

    id: str
    deployment: str | None
    created_at: datetime
    payload: Json
    message: Message
    thread: Json | None = None


class Place(Protocol):
    """Somewhere an alert can go; `name` is that of its deliveries, `pace` the seconds between messages."""

    name: str
    pace: float

    def send(self, parcel: Parcel) -> Json:
        """Deliver and say where; raises `Retryable`, `Permanent` or `DeliveryUnknown`."""
        ...

    def find(self, parcel: Parcel, since: datetime) -> Json | None:
        """Where an earlier attempt left the alert, if it did; None where the place cannot tell.

        Raises as `send` does.
        """
        ...

    def check(self) -> str:
        """What works, in words; raises a `DeliveryError` where alerts would not arrive."""
        ...


class TakesPictures(Place, Protocol):
    """A place that shows pictures beside a message."""

    def attach(self, picture: Picture, remote: Json) -> None:
        """Put the picture beside the message that stands at `remote`; raises as `send` does."""
        ...
