"""The alert about a stream or a probe whose work failed. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from calib.alerts.alert import Alert
from calib.errors import (
    ArtifactError,
    EndpointError,
    InvalidInput,
    QueueError,
    SourceError,
    StoreError,
    StudioError,
)

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


def stream_failed(stream: str, error: BaseException, *, verb: str | None, now: datetime) -> Alert:
    """The work on this stream or probe failed today: once for each stream and UTC day.

    `verb` is the command that repeats the work, where it is known. The alert has the kind of the error and
    never its text, which may quote a cell of the traffic or the text of a library: the command shows it.
    """
    cause = next((name for name, kinds in CAUSES.items() if isinstance(error, kinds)), "unexpected")
    return Alert(
        kind="stream_failed",
        stream=stream,
        period=f"{now.astimezone(UTC):%Y-%m-%d}",
        severity="bad",
        facts={"error": type(error).__name__, "cause": cause, "verb": verb},
    )
