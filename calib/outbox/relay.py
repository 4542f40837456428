"""The relay: takes alerts from the outbox to where people see them, at least once and recognisably."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Engine

from calib.alerts import Message, message
from calib.errors import DeliveryError, Permanent, Retryable
from calib.outbox import queue

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
PACE = 1.0  # seconds between two messages: what Slack allows a channel
LIMIT = 100  # alerts in one run


class Sender(Protocol):
    """Somewhere an alert can go."""

    paced: bool

    def send(self, text: Message, alert_id: str) -> dict[str, Any]:
        """Deliver and say where; raises `Retryable`, `Permanent` or `DeliveryUnknown`."""
        ...

    def find(self, alert_id: str, since: datetime) -> dict[str, Any] | None:
        """Where the alert was delivered by an earlier attempt, if it was."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayReport:
    """What one run of the relay did."""

    delivered: int
    retried: int
    parked: int


def relay(
    engine: Engine,
    sender: Sender,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    limit: int = LIMIT,
) -> RelayReport:
    """Deliver what is due, one at a time.

    An alert that was tried before, with whatever outcome, is looked for where it may have landed before it
    is sent again. What fails for now waits, longer each time; what fails for good is parked and blocks
    nothing else.
    """
    done = {"delivered": 0, "retried": 0, "parked": 0}
    for _ in range(limit):
        with engine.begin() as conn:
            pending = queue.claim_next(conn, now=now())
        if pending is None:
            break
        if sender.paced and any(done.values()):
            sleep(PACE)
        try:
            remote = _landed(sender, pending) or sender.send(message(pending.payload), pending.id)
        except Permanent as error:
            with engine.begin() as conn:
                queue.park(conn, pending.id, error=str(error))
            done["parked"] += 1
        except DeliveryError as error:
            wished = error.retry_after if isinstance(error, Retryable) else None
            with engine.begin() as conn:
                queue.again(conn, pending.id, at=now() + back_off(pending.attempts, wished), error=str(error))
            done["retried"] += 1
        else:
            with engine.begin() as conn:
                queue.delivered(conn, pending.id, at=now(), remote=remote)
            done["delivered"] += 1
    return RelayReport(**done)


def _landed(sender: Sender, pending: queue.Pending) -> dict[str, Any] | None:
    """Where an earlier attempt left the alert. A sender that may not look it up sends it again."""
    if not pending.attempts:
        return None
    try:
        return sender.find(pending.id, pending.created_at)
    except Permanent:
        return None


def back_off(attempts: int, wished: float | None = None) -> timedelta:
    """How long to wait after an attempt that failed: doubling, capped, never less than the server wished."""
    wait = min(FIRST_WAIT * (1 << min(attempts, 20)), LONGEST_WAIT)
    return max(wait, timedelta(seconds=wished)) if wished else wait
