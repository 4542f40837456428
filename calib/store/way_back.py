"""The way back: to an earlier mapping, or to no mapping at all. Each is a new entry; nothing is deleted."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from calib.errors import CalibError, Conflict, InvalidInput
from calib.format import Entry, Identity, Mapping
from calib.store.objects import Store
from calib.store.publish import (
    PUBLISHER,
    WITHDRAWN,
    Intent,
    create_mapping,
    landed_entry,
    log_since,
    move,
    promote,
)
from calib.store.read import backwards, read_mapping
from calib.times import timestamp


def rollback(
    store: Store,
    *,
    stream: str,
    channel: str,
    intent: Intent,
    to: str | None = None,
    seen: str | None = None,
) -> Entry:
    """Point the channel at an earlier mapping again: `to`, or the one before the present one.

    Another rollback goes on backwards, to what was served before that one. A state that was withdrawn counts
    as a step: to go back to it withdraws the channel again. `seen`: the digest of the entry that the decision
    was made against. Raises `InvalidInput` where there is nothing before, `Conflict` where the channel names
    another entry than the one that was seen, and what `promote` raises.
    """
    log = log_since(store, stream, channel, intent)
    landed = landed_entry(log, intent)
    if landed is not None:
        return landed
    _refuse_unseen(log, seen)
    if not log:
        raise InvalidInput(f"{stream}/{channel} has no mapping yet: there is nothing to roll back")
    present = log[-1]
    if to is None:
        before = step_back(store, present)
    else:
        before = next((e for e in backwards(store, present) if e.mapping == to and not e.withdrawn), None)
    if before is None and to is None:
        raise InvalidInput(
            f"{stream}/{channel} has served nothing before {present.mapping[:12]}. Promote another mapping, "
            f"or go back to the raw confidence: `calib mapping withdraw {stream} --reason …`"
        )
    if before is not None and before.withdrawn:
        return _withdraw(store, present, intent, returns_to=before.position)
    digest = to if before is None else before.mapping
    returns_to = None if before is None else before.position
    return promote(
        store,
        stream=stream,
        digest=str(digest),
        channel=channel,
        intent=intent,
        expected=present,
        returns_to=returns_to,
    )


def withdraw(store: Store, *, stream: str, channel: str, intent: Intent, seen: str | None = None) -> Entry:
    """Serve the raw confidence from now on, until somebody promotes a mapping or rolls back.

    The entry says `withdrawn` and names a stored identity without certificates, so that readers which do not
    know the key serve the raw confidence, too. It does not expire. Done twice it is done once. `seen`: as in
    `rollback`. Raises `InvalidInput` for a channel that is empty or withdrawn already, `Conflict` where the
    channel names another entry than the one that was seen, and what `publish` raises.
    """
    log = log_since(store, stream, channel, intent)
    landed = landed_entry(log, intent)
    if landed is not None:
        return landed
    _refuse_unseen(log, seen)
    if not log:
        raise InvalidInput(f"{stream}/{channel} has no mapping: clients serve the raw confidence already")
    if log[-1].withdrawn:
        raise InvalidInput(
            f"{stream}/{channel} has been withdrawn since {log[-1].at}; a promotion or a rollback ends that"
        )
    return _withdraw(store, log[-1], intent)


def _refuse_unseen(log: list[Entry], seen: str | None) -> None:
    """Refuse a move that was decided while the channel named something else."""
    if seen is None or (log and log[-1].digest == seen):
        return
    raise Conflict(
        f"{log[-1].stream}/{log[-1].channel} has been moved meanwhile by {log[-1].by} ({log[-1].reason}); "
        "read again and decide again"
        if log
        else "the channel is empty by now; read again and decide again"
    )


def _withdraw(
    store: Store, present: Entry, intent: Intent, returns_to: tuple[int, int] | None = None
) -> Entry:
    identity = Mapping(
        stream=present.stream,
        method=WITHDRAWN,
        default=Identity(),
        created_at=timestamp(intent.at),
        parent=present.mapping,
    )
    create_mapping(store, identity)
    return move(
        store,
        present.stream,
        present.channel,
        identity.digest,
        replace(intent, expires_at=None),
        expected=present,
        withdrawn=True,
        returns_to=returns_to,
    )


def step_back(store: Store, present: Entry) -> Entry | None:
    """The entry whose state a channel was in before the present one, where a rollback goes; None for nothing.

    Renewals are passed over. A rollback undid what it followed: the step back goes on from the entry that it
    returned to.
    """
    log = backwards(store, present)
    began = next(log)
    for entry in log:
        if began.returns_to is not None:
            target = began.returns_to
            returned_to = next((e for e in chain([entry], log) if e.position == target), None)
            if returned_to is None:  # in an epoch that can no longer be followed
                return None
            began = returned_to
        elif not _same(store, entry, began):
            return entry
        else:
            began = entry
    return None


def _same(store: Store, entry: Entry, later: Entry) -> bool:
    """Whether clients calibrate by both alike: the later one renews the other.

    A schedule also renews a mapping without the certificates that were broken since: the same curves in
    another file, and no way back to those certificates.
    """
    if entry.withdrawn or later.withdrawn:
        return entry.withdrawn == later.withdrawn
    if entry.mapping == later.mapping:
        return True
    return later.by == PUBLISHER and _curves(store, entry) == _curves(store, later)


def _curves(store: Store, entry: Entry) -> str:
    try:
        return read_mapping(store, stream=entry.stream, digest=entry.mapping).curve_digest
    except CalibError:  # it is damaged or gone: another one at any rate
        return entry.mapping
