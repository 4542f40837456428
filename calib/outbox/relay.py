"""The relay: takes alerts from the outbox to where people see them, at least once and recognisably."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from sqlalchemy import Engine

from calib.backoff import back_off
from calib.errors import CalibError, DeliveryError, Permanent, Retryable
from calib.json_object import Json
from calib.outbox import deliveries
from calib.outbox.deliveries import Parked, Pending
from calib.outbox.place import Parcel, Picture, Place, TakesPictures
from calib.redaction import reason, redacted

if TYPE_CHECKING:
    from calib.alerts.message import Audience

LOG = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT, LONGEST_WISH = 2.0, 3600.0, 86_400.0  # seconds
PATIENCE = 15.0  # seconds that one run waits in all, at each place, for alerts that failed for now
FAILURES = 3  # in a row: the other side is down, and the rest waits for the next run
LIMIT = 100  # attempts of one run at each place
LOOK_BACK = timedelta(days=7)  # a message may be older than its alert: clocks differ, backups are restored
Draw = Callable[[Json], Picture | None]  # the picture of an alert's payload, None where it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayReport:
    """What became of the deliveries that one run of the relay handled; `retried` are still to come.

    `kept`: everything that is parked now, of earlier runs too. `unseen`: alerts that wait though nothing
    failed, because there is no place where anybody would see them.
    """

    delivered: int
    retried: int
    parked: int
    kept: tuple[Parked, ...] = ()
    unseen: int = 0


def relay(
    engine: Engine,
    places: Sequence[Place],
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    limit: int = LIMIT,
    audience: Audience | None = None,
    draw: Draw | None = None,
) -> RelayReport:
    """Deliver what is due to each place, one at a time; one that is down keeps no other waiting.

    An alert is looked for where an earlier attempt may have left it before it is sent: a crash or a lost
    answer leaves no trace on this side. What fails for now is tried again within seconds, then later and
    later by the runs that follow; what fails for good is parked and blocks nothing else, until its place is
    found to work again. `audience`: what messages link to and whom they mention. `draw` makes pictures.
    """
    with engine.begin() as conn:
        deliveries.spread(conn, [place.name for place in places], now=now())
    results: list[str] = []
    for place in places:
        _mend(engine, place, now)
        results += _serve(engine, place, now=now, sleep=sleep, limit=limit, audience=audience, draw=draw)
    with engine.connect() as conn:
        kept = tuple(deliveries.parked(conn))
        unseen = 0 if places else deliveries.waiting(conn)
    counts = {word: results.count(word) for word in ("delivered", "retried", "parked")}
    return RelayReport(**counts, kept=kept, unseen=unseen)


def _serve(
    engine: Engine,
    place: Place,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    limit: int,
    audience: Audience | None,
    draw: Draw | None,
) -> list[str]:
    """Deliver what is due to one place; what became of each alert."""
    outcomes: dict[str, str] = {}
    patience, failures = PATIENCE, 0
    for attempt in range(limit):
        with engine.begin() as conn:
            wait = _wait(deliveries.next_due(conn, place.name), now())
        if wait is None or wait > patience or failures == FAILURES:
            break
        if wait:
            patience -= wait
        pause = max(wait, place.pace if attempt else 0.0)
        if pause:
            sleep(pause)
        with engine.begin() as conn:
            pending = deliveries.claim_next(conn, place.name, now=now())
        if pending is None:
            break
        outcomes[pending.id] = _deliver(engine, place, pending, now, audience, draw)
        failures = failures + 1 if outcomes[pending.id] == "retried" else 0
    return list(outcomes.values())


def _mend(engine: Engine, place: Place, now: Callable[[], datetime]) -> None:
    """Put up again what is parked at a place that works, by its own word."""
    with engine.connect() as conn:
        ids = deliveries.may_be_mended(conn, place.name, now=now())
    if not ids:
        return
    try:
        place.check()
    except CalibError as error:
        LOG.info(
            "%s still does not work: %s",
            place.name,
            reason(error),
            extra={"event": "still_parked", "place": place.name},
        )
        return
    with engine.begin() as conn:
        n = deliveries.unpark(conn, ids, now=now(), place=place.name)
    keys = {"event": "unparked", "place": place.name, "alerts": n}
    LOG.info("%s works: %d parked alerts are tried again", place.name, n, extra=keys)


def _wait(due: datetime | None, now: datetime) -> float | None:
    """Seconds until an alert is due; None where none waits."""
    return None if due is None else max(0.0, (due - now).total_seconds())


def _deliver(
    engine: Engine,
    place: Place,
    pending: Pending,
    now: Callable[[], datetime],
    audience: Audience | None,
    draw: Draw | None,
) -> str:
    try:
        parcel = _parcel(pending, audience)
        landed = _landed(place, parcel, pending)
        remote = landed or place.send(parcel)
    except Permanent as error:
        malformed = isinstance(error, _Malformed)
        with engine.begin() as conn:
            deliveries.park(conn, pending, now=now(), error=redacted(str(error)), malformed=malformed)
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
        deliveries.delivered(conn, pending, at=now(), remote=remote)
    _log(logging.INFO, "delivered" if landed is None else "reconciled", pending)
    if landed is None and draw is not None and hasattr(place, "attach"):
        _attach(engine, cast("TakesPictures", place), pending, remote, draw)
    return "delivered"


def _attach(engine: Engine, place: TakesPictures, pending: Pending, remote: Json, draw: Draw) -> None:
    """Put the alert's picture beside it, once: what goes wrong costs the picture, and never the message.

    The message says everything in words. A second attempt could show a picture twice, for an upload whose
    answer is lost may have been shown.
    """
    try:
        picture = draw(pending.payload)
        if picture is None:
            return
        place.attach(picture, remote)
        outcome = "shown"
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  a picture is never worth an alert
        why = reason(error) if isinstance(error, DeliveryError) else type(error).__name__
        outcome = f"not shown: {why}"
        _log(logging.WARNING, "no_picture", pending, why)
    with engine.begin() as conn:
        deliveries.note_picture(conn, pending, remote=remote | {"picture": outcome})


def _again(
    engine: Engine, pending: Pending, now: Callable[[], datetime], why: str, wished: float | None
) -> None:
    """Put the alert back, to be tried later and later."""
    seconds = back_off(
        pending.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT, wished=wished, longest_wish=LONGEST_WISH
    )
    with engine.begin() as conn:
        deliveries.again(conn, pending, at=now() + timedelta(seconds=seconds), error=redacted(why))
    _log(logging.WARNING, "retried", pending, redacted(why))


def _log(level: int, event: str, pending: Pending, why: str = "") -> None:
    """What became of an alert: its id and what it is about, nothing of its text."""
    keys = {name: pending.payload.get(name) for name in ("kind", "stream", "period")}
    LOG.log(
        level,
        "alert %s: %s at %s%s",
        pending.id,
        event,
        pending.place,
        f": {why}" if why else "",
        extra=keys
        | {"event": event, "alert": pending.id, "attempt": pending.attempts + 1, "place": pending.place},
    )


def _landed(place: Place, parcel: Parcel, pending: Pending) -> Json | None:
    """Where an earlier attempt left the alert.

    Where looking is not allowed, or fails for an alert that nobody is known to have sent, it is sent: twice
    is a nuisance that can be recognised, never is a loss.
    """
    try:
        return place.find(parcel, parcel.created_at - LOOK_BACK)
    except Permanent as error:
        _log(logging.WARNING, "not_looked_for", pending, reason(error))
        return None
    except DeliveryError:
        if pending.attempts:
            raise
        return None


class _Malformed(Permanent):
    """The alert cannot be put into words, wherever it goes."""


def _parcel(pending: Pending, audience: Audience | None) -> Parcel:
    """The alert in words; one that cannot be put into words will not be next time either."""
    from calib.alerts.message import message  # a relay with nothing to deliver needs no words

    try:
        said = message(pending.payload, audience, id=pending.id)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        cause = type(error).__name__ if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise _Malformed(
            f"alert {pending.id} is malformed ({cause}); it was written by another "
            "version: `calib alerts show` shows what is stored of it"
        ) from None
    return Parcel(
        id=pending.id,
        deployment=pending.deployment,
        created_at=pending.created_at,
        payload=pending.payload,
        message=said,
        thread=pending.thread,
    )
