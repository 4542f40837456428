"""The alerts about streams and probes whose work failed, alone or together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from calib.alerts.alert import NOTE, Alert
from calib.alerts.watchdog import DEPLOYMENT
from calib.errors import (
    ArtifactError,
    EndpointError,
    InvalidInput,
    QueueError,
    SourceError,
    StoreError,
    StudioError,
    UnexpectedError,
)
from calib.json_object import Json

# In this order: what an error is an instance of first is its cause.
CAUSES: dict[str, tuple[type[BaseException], ...]] = {
    "input": (InvalidInput, QueueError),
    "artifact": (ArtifactError,),
    "store": (StoreError,),
    "source": (SourceError,),
    "endpoint": (EndpointError,),
    "review": (StudioError,),
    "machine": (OSError,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Something outside that several streams use; `place`: its address as it may be shown, if it has one."""

    cause: str
    place: str | None

    @classmethod
    def of(cls, facts: Json) -> Outside | None:
        """What an alert says of it; None where the fault was the stream's own."""
        return cls(cause=facts["cause"], place=facts["place"]) if "place" in facts else None


def cause_of(error: BaseException) -> str:
    """The key of `CAUSES` that an error belongs to, or `unexpected`."""
    kind = error.kind if isinstance(error, UnexpectedError) else type(error)
    return next((name for name, kinds in CAUSES.items() if issubclass(kind, kinds)), "unexpected")


def stream_failed(
    stream: str,
    error: BaseException,
    *,
    verb: str | None,
    now: datetime,
    outside: Outside | None = None,
) -> Alert:
    """The work on this stream or probe failed today: once for each stream and UTC day.

    `verb` is the command that repeats the work, where it is known; `outside` what failed outside, if that
    did. The alert has the kind of the error and never its text, which may quote a cell of the traffic or the
    text of a library: the command shows it.
    """
    facts: Json = {"error": type(error).__name__, "cause": cause_of(error), "verb": verb}
    if outside is not None:
        facts["place"] = outside.place
    return Alert(kind="stream_failed", stream=stream, period=day_of(now), severity="bad", facts=facts)


def outside_failed(
    outside: Outside,
    streams: Sequence[str],
    *,
    errors: Sequence[str],
    verb: str,
    now: datetime,
    earlier: int = 0,
) -> Alert:
    """Something outside failed, and with it the work on these streams: once for each such thing and UTC day.

    `errors`: the kinds of their errors. `earlier`: how often on this day it has failed and worked again.
    """
    facts = {
        "key": f"{outside.cause}/{outside.place or ''}/{earlier}",
        "cause": outside.cause,
        "place": outside.place,
        "error": ", ".join(errors),
        "verb": verb,
        "streams": [stream for stream in streams if stream != DEPLOYMENT],
    }
    return Alert(kind="stream_failed", stream=DEPLOYMENT, period=day_of(now), severity="bad", facts=facts)


def works_again(alert: str, day: str, outside: Outside, *, verb: str | None) -> Alert:
    """The line beside an alert of `outside_failed`: a later run of `verb` did not meet this failure."""
    facts = {
        "key": f"{alert}/works",
        "works": True,
        "cause": outside.cause,
        "place": outside.place,
        "verb": verb,
    }
    return Alert(kind=NOTE, stream=DEPLOYMENT, period=day, severity="good", facts=facts, about=alert)


def day_of(now: datetime) -> str:
    """The UTC day that an alert about a failure has as its period."""
    return f"{now.astimezone(UTC):%Y-%m-%d}"
