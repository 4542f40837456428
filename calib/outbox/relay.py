"""The relay: takes alerts from the outbox to where people see them, at least once and recognisably."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine

from calib.alerts import Message, message
from calib.errors import DeliveryError, Permanent, Retryable
from calib.outbox import queue
from calib.results.codec import Json

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(hours=1)
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
    """What became of the alerts that one run of the relay took in hand; `retried` are still to come."""

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
    found = list(outcomes.values())
    return RelayReport(**{word: found.count(word) for word in ("delivered", "retried", "parked")})


def back_off(attempts: int, wished: float | None = None) -> timedelta:
    """How long to wait after an attempt that failed, given the attempts before it.

    Doubling and capped, never less than the server wished, though its wish is granted for a day at most.

    >>> [back_off(n).seconds for n in (0, 1, 2, 40)], back_off(0, 30.0).seconds
    ([2, 4, 8, 3600], 30)
    """
    wait = min(FIRST_WAIT * (1 << min(attempts, 20)), LONGEST_WAIT)
    return max(wait, timedelta(seconds=min(wished, 86_400))) if wished else wait


def _wait(due: datetime | None, now: datetime) -> float | None:
    """Seconds until an alert is due; None where none waits."""
    return None if due is None else max(0.0, (due - now).total_seconds())


def _deliver(engine: Engine, sender: Sender, pending: queue.Pending, now: Callable[[], datetime]) -> str:
    try:
        remote = _landed(sender, pending) or sender.send(_rendered(pending), pending.id)
    except Permanent as error:
        with engine.begin() as conn:
            queue.park(conn, pending, error=str(error))
        return "parked"
    except DeliveryError as error:
        wished = error.retry_after if isinstance(error, Retryable) else None
        with engine.begin() as conn:
            queue.again(conn, pending, at=now() + back_off(pending.attempts, wished), error=str(error))
        return "retried"
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  an unforeseen error of one alert must not stop the others
        with engine.begin() as conn:
            why = f"{type(error).__name__}, which was not foreseen"
            queue.again(conn, pending, at=now() + back_off(pending.attempts), error=why)
        return "retried"
    with engine.begin() as conn:
        queue.delivered(conn, pending.id, at=now(), remote=remote)
    return "delivered"


def _landed(sender: Sender, pending: queue.Pending) -> Json | None:
    """Where an earlier attempt left the alert.

    Where looking is not allowed, or fails for an alert that nobody is known to have sent, it is sent: twice
    is a nuisance that can be recognised, never is a loss.
    """
    try:
        return sender.find(pending.id, pending.created_at - LOOK_BACK)
    except Permanent:
        return None
    except DeliveryError:
        if pending.attempts:
            raise
        return None


def _rendered(pending: queue.Pending) -> Message:
    """The alert in words; one that cannot be put into words will not be next time either."""
    try:
        return message(pending.payload)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Permanent(
            f"alert {pending.id} is malformed ({type(error).__name__}: {error}); it was written by another "
            "version: see its payload in the table outbox"
        ) from None
