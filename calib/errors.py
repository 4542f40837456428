"""Every error that calibwatch raises on purpose.

::

    CalibError
      x InvalidInput            the caller's data or settings: what, where, and the remedy     (exit code 2)
      x ArtifactError           a mapping or channel entry that must not be used
          - Refused             a stored object breaks a rule of the format; `kind` names the rule
      x StoreError              object storage                                                 (exit code 4)
          - Conflict            somebody else's object is there; read again and decide again
          - OutcomeUnknown      the write may or may not have landed, and reading back failed too
          - Unavailable         certain failure, nothing was written
          - Overwrites          it takes other bytes for an object that is there: nothing may be published
      x QueueError              a label or a lease that the review queue refuses
      x SourceError             the traffic's engine or the database fails                     (exit code 4)
          - ConstraintViolated  the database refuses a row beside those that it holds
      x EndpointError           a model that is asked: this question got no reply               (exit code 4)
          - EndpointBusy        certain failure for now; `retry_after` seconds where the server said so
          - EndpointRefused     no question will get one: the key, the address or the model is wrong
      x StudioError             Label Studio refuses, or holds what is not ours                 (exit code 4)
          - StudioUnreachable   no answer for now; worth trying again
      x UnexpectedError         a library's error that nothing here foresaw, without its secrets (exit code 4)
      x DeliveryError           an alert
          - Retryable           certain failure for now; `retry_after` seconds where the server said so
          - Permanent           will never succeed as it stands; park it
          - DeliveryUnknown     it may have been posted: look into the channel's history first
      x StreamsFailed           streams of a scheduled flow, raised after all of them were tried

A message says what was wrong, where, and what to do. It never carries a secret or a person's text.
"""

from __future__ import annotations

from typing import Self


class CalibError(Exception):
    """The root of the tree.

    `place`: the address, as it may be shown, of what lies outside and failed, such as the store; None where
    the fault is the caller's own. Several streams may meet the same one.
    """

    place: str | None = None

    def at(self, place: str) -> Self:
        """The same error, which now knows the place outside that failed."""
        self.place = place
        return self


class InvalidInput(CalibError, ValueError):
    """The caller's data or settings are wrong."""


class ArtifactError(CalibError):
    """A mapping or a channel entry is malformed, tampered with, or not the one that was asked for."""


class Refused(ArtifactError):
    """A stored object breaks a rule of `calib.format.chain`; `kind` is the word that names the rule."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class StoreError(CalibError):
    """Object storage failed."""


class Conflict(StoreError):
    """The key is taken by other bytes than ours."""


class OutcomeUnknown(StoreError):
    """A write's outcome could not be established, not even by reading back."""


class Unavailable(StoreError):
    """The store refused or could not be reached; nothing was written."""


class Overwrites(StoreError):
    """The store creates an object that is there already: it cannot keep what is published."""


class QueueError(CalibError):
    """The review queue refuses a label or a lease."""


class SourceError(CalibError):
    """The traffic's engine or the project's database cannot be reached, or fails in the middle."""


class ConstraintViolated(SourceError):
    """The database refuses a row: one of its key is there already, or something that it needs is missing."""


class EndpointError(CalibError):
    """A model's endpoint gave no reply to a question, and will not when asked again."""


class EndpointBusy(EndpointError):
    """No reply for now; worth asking again.

    `retry_after` is the server's own wish in seconds, where it stated one.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EndpointRefused(EndpointError):
    """The endpoint refuses every question: the key, the address or the model's name has to be corrected."""


class StudioError(CalibError):
    """Label Studio refuses what it is asked, or a project there is not one of this deployment."""


class StudioUnreachable(StudioError):
    """Label Studio gave no answer for now; worth trying again."""


class UnexpectedError(CalibError):
    """A library raised what nothing here foresaw; the first line of its text, and its type as `kind`."""

    def __init__(self, message: str, *, kind: type[BaseException] = Exception) -> None:
        super().__init__(message)
        self.kind = kind


class DeliveryError(CalibError):
    """An alert was not delivered."""


class Retryable(DeliveryError):
    """Not now; worth trying again.

    `retry_after` is the server's own wish in seconds, where it stated one.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Permanent(DeliveryError):
    """Trying again cannot help; the alert is parked where people see it."""


class DeliveryUnknown(DeliveryError):
    """The request went out and no answer came back."""


class StreamsFailed(CalibError):
    """Some streams of a scheduled flow failed; the others are done."""
