"""The relay: takes alerts from the outbox to where people see them, at least once and recognisably."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Engine

from calib.backoff import back_off
from calib.errors import DeliveryError, Permanent, Retryable
from calib.json_object import Json
from calib.outbox import queue
from calib.redaction import reason, redacted

if TYPE_CHECKING:
    from calib.alerts.message import Message

LOG = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT, LONGEST_WISH = 2.0, 3600.0, 86_400.0  # seconds
PACE = 1.0  # seconds between two messages: what Slack allows a channel
PATIENCE = 15.0  # seconds that one run waits in all for alerts that failed for now
FAILURES = 3  # in a row: the other side is down, and the rest waits for the next run
LIMIT = 100  # attempts in one run
LOOK_BACK = timedelta(days=7)  # a message may be older than its alert: clocks differ, backups are restored


class Sender(Protocol):
    """Somewhere an alert can go."""

    paced: bool

    def send(self, text: Message, alert_id: str) -> Json:
        """Deliver and say where; raises `Retryable`, `Permanent` or `DeliveryUnknown`."""
        ...

    def find(self, alert_id: str, since: datetime) -> Json | None:
        """Where the alert was delivered by an earlier attempt, if it was; raises as `send` does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayReport:
    """What became of the alerts that one run of the relay handled; `retried` are still to come."""

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

    An alert is looked for where an earlier attempt may have left it before it is sent: a crash or a lost
    answer leaves no trace on this side. What fails for now is tried again within seconds, then later and
    later by the runs that follow; what fails for good is parked and blocks nothing else.
    """
    outcomes: dict[str, str] = {}
    patience, failures = PATIENCE, 0
    for attempt in range(limit):
        with engine.begin() as conn:
            wait = _wait(queue.next_due(conn), now())
        if wait is None or wait > patience or failures == FAILURES:
            break
        if wait:
            patience -= wait
        pause = max(wait, PACE if sender.paced and attempt else 0.0)
        if pause:
            sleep(pause)
        with engine.begin() as conn:
            pending = queue.claim_next(conn, now=now())
        if pending is None:
            break
        outcomes[pending.id] = _deliver(engine, sender, pending, now)
        failures = failures + 1 if outcomes[pending.id] == "retried" else 0
    results = list(outcomes.values())
    return RelayReport(**{word: results.count(word) for word in ("delivered", "retried", "parked")})


def _wait(due: datetime | None, now: datetime) -> float | None:
    """Seconds until an alert is due; None where none waits."""
    return None if due is None else max(0.0, (due - now).total_seconds())


def _deliver(engine: Engine, sender: Sender, pending: queue.Pending, now: Callable[[], datetime]) -> str:
    try:
        landed = _landed(sender, pending)
        remote = landed or sender.send(_rendered(pending), pending.id)
    except Permanent as error:
        with engine.begin() as conn:
            queue.park(conn, pending, error=str(error))
        _log(logging.WARNING, "parked", pending, reason(error))
        return "parked"
    except DeliveryError as error:
        _again(engine, pending, now, str(error), error.retry_after if isinstance(error, Retryable) else None)
        return "retried"
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  an unforeseen error of one alert must not stop the others
        _again(engine, pending, now, f"{type(error).__name__}, which was not foreseen", None)
        return "retried"
    with engine.begin() as conn:
        queue.delivered(conn, pending.id, at=now(), remote=remote)
    _log(logging.INFO, "delivered" if landed is None else "reconciled", pending)
    return "delivered"


def _again(
    engine: Engine, pending: queue.Pending, now: Callable[[], datetime], why: str, wished: float | None
) -> None:
    """Put the alert back, to be tried later and later."""
    seconds = back_off(
        pending.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT, wished=wished, longest_wish=LONGEST_WISH
    )
    with engine.begin() as conn:
        queue.again(conn, pending, at=now() + timedelta(seconds=seconds), error=why)
    _log(logging.WARNING, "retried", pending, redacted(why))


def _log(level: int, event: str, pending: queue.Pending, why: str = "") -> None:
    """What became of an alert: its id and what it is about, nothing of its text."""
    keys = {name: pending.payload.get(name) for name in ("kind", "stream", "period")}
    LOG.log(
        level,
        "alert %s: %s%s",
        pending.id,
        event,
        f": {why}" if why else "",
        extra=keys | {"event": event, "alert": pending.id, "attempt": pending.attempts + 1},
    )


def _landed(sender: Sender, pending: queue.Pending) -> Json | None:
    """Where an earlier attempt left the alert.

    Where looking is not allowed, or fails for an alert that nobody is known to have sent, it is sent: twice
    is a nuisance that can be recognised, never is a loss.
    """
    try:
        return sender.find(pending.id, pending.created_at - LOOK_BACK)
    except Permanent as error:
        _log(logging.WARNING, "not_looked_for", pending, reason(error))
        return None
    except DeliveryError:
        if pending.attempts:
            raise
        return None


def _rendered(pending: queue.Pending) -> Message:
    """The alert in words; one that cannot be put into words will not be next time either."""
    from calib.alerts.message import message  # a relay with nothing to deliver needs no words

    try:
        return message(pending.payload)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        cause = type(error).__name__ if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise Permanent(
            f"alert {pending.id} is malformed ({cause}); it was written by another "
            "version: see its payload in the table outbox"
        ) from None
