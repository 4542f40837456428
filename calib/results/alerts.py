"""The objects of `calib alerts`, and the one that is posted to a webhook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from calib.json_object import Json
from calib.results.codec import to_json

AlertStateWord = Literal["waiting", "delivered", "parked", "silenced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAlert:
    """An alert and what became of it.

    `reason`: why it waits, is parked or silenced, or who acknowledged it.
    """

    id: str
    kind: str
    stream: str
    period: str
    state: AlertStateWord
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertList:
    """Alerts, the newest first."""

    alerts: tuple[ListedAlert, ...]

    def to_json(self) -> Json:
        """The object of `calib alerts list`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What became of an alert at one place; `picture`: what became of its picture, None where it has none."""

    place: str
    state: Literal["waiting", "delivered", "parked"]
    attempts: int
    next_at: str | None
    delivered_at: str | None
    reason: str | None
    picture: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAction:
    """What a person did with an alert: `resent`, `acknowledged`, `silenced`."""

    action: str
    by: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAlert:
    """One alert with its words, its facts, what became of it at each place, and what people did with it.

    `text` is None where it cannot be put into words. `runbook`: the steps for this kind of alert, None for a
    note.
    """

    id: str
    kind: str
    stream: str
    period: str
    revision: int
    state: AlertStateWord
    reason: str | None
    raised_at: str
    episode: str | None
    text: str | None
    runbook: str | None
    facts: dict[str, Any]
    deliveries: tuple[DeliveryResult, ...]
    actions: tuple[AlertAction, ...]

    def to_json(self) -> Json:
        """The object of `calib alerts show`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsChanged:
    """The ids of the alerts that a command changed."""

    alerts: tuple[str, ...]

    def to_json(self) -> Json:
        """The object of `calib alerts resend`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who takes care of an alert, since when and why.

    `new` is False where the same person had acknowledged it already: then nothing was changed.
    """

    id: str
    by: str
    at: str
    reason: str
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsAcknowledged:
    """The ids of the alerts that were named, and who takes care of each."""

    alerts: tuple[str, ...]
    acknowledgements: tuple[Acknowledgement, ...]

    def to_json(self) -> Json:
        """The object of `calib alerts ack`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceResult:
    """A silence; `stream` is None for every stream, `kind` for every kind."""

    stream: str | None
    kind: str | None
    since: str
    until: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceList:
    """The silences that hold, or those that were just begun or ended; `covered`: alerts that waited."""

    silences: tuple[SilenceResult, ...]
    covered: int = 0

    def to_json(self) -> Json:
        """The object of `calib alerts silence`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTested:
    """One place: whether the test alert arrived, and what is known of it."""

    place: str
    ok: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsTested:
    """Every place where alerts go, tried with one that means nothing."""

    ok: bool
    places: tuple[PlaceTested, ...]

    def to_json(self) -> Json:
        """The object of `calib alerts test`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """What is posted to `[notify] webhook`: one alert, or a note (`kind` is `note`) beside one.

    `schema`: `calibwatch.alert/1`; keys may be added under it. `id` is the same whenever the alert comes
    again; with `deployment` it is unique. `deployment` is None for an alert that version 0.1.0 stored.
    `text`: everything in plain words; `title` and `tonight` are its first line. `facts`: the numbers, by
    kind. `acts_wrongly_now`: production acts on a wrong confidence; then `owner` is the stream's owner, if
    it has one.
    """

    schema: str
    id: str
    deployment: str | None
    kind: str
    stream: str
    period: str
    revision: int
    severity: Literal["good", "warning", "bad"]
    raised_at: str
    episode: str | None
    acts_wrongly_now: bool
    owner: str | None
    title: str
    tonight: str
    text: str
    links: dict[str, str]
    facts: dict[str, Any]
