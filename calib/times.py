"""Times as stored files write them: ISO 8601 text with a time zone."""

from __future__ import annotations

from datetime import UTC, datetime

from calib.errors import ArtifactError, InvalidInput


def timestamp(when: datetime) -> str:
    """An aware time as text: UTC, whole seconds (the rest is cut off).

    Raises `InvalidInput` for a time without a time zone.

    >>> timestamp(datetime(2026, 11, 3, 6, tzinfo=UTC))
    '2026-11-03T06:00:00Z'
    """
    if when.tzinfo is None:
        raise InvalidInput(f"{when} has no time zone")
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str) -> datetime:
    """The aware time that a stored text states.

    Raises `ArtifactError` for text that is not a time, and for a time without a time zone.

    >>> moment("2026-11-03T06:00:00Z") == datetime(2026, 11, 3, 6, tzinfo=UTC)
    True
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ArtifactError(f"{text!r:.60} is not a time") from None
    if when.tzinfo is None:
        raise ArtifactError(f"{text!r} has no time zone")
    return when
