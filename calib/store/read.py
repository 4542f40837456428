"""Reading channels and mappings.

A look at a channel (`head`) costs three requests, however long its log is. `recent` walks back from there, as
far as is asked; `history` reads everything, from the first entry on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from calib.errors import ArtifactError, InvalidInput, Refused
from calib.format import Entry, Mapping
from calib.format.chain import (
    Place,
    accept_at,
    accept_mapping,
    accept_next,
    accept_previous,
    newest_epoch,
    next_place,
    read_hint,
    remedy,
)
from calib.format.keys import DIGEST, channel_prefix, entry_key, hint_key, mapping_key
from calib.store.objects import Store
from calib.times import moment

LOOK_BACK = 200  # entries before the hinted one whose presence is checked: one page of a listing has them all
ENTRY = re.compile(r"([0-9]{4})-([0-9]{12})\.json")


def head(store: Store, *, stream: str, channel: str) -> Entry | None:
    """The channel's newest entry; None while it is empty.

    Three requests: the hint, one listing from 200 entries before the hinted one, and the newest entry that
    readers come to: it follows the hinted one, or a later epoch's first one, without a gap. A hint that is
    absent, malformed, or points at an entry that is not there or not preceded by its 200 predecessors, is
    dropped; then the whole channel is listed, 1,000 names per request in most stores. From the third epoch
    on, each epoch between the first and the hinted one costs one more request.

    Verified: the entry's own bytes, the place that they state, and that no successor and no later epoch was
    there when the listing was made. Not verified: the entries before it, which its `previous` names by
    digest. `recent` verifies those that are read, readers verify all, `calib mapping verify` everything
    (docs/adr/0080-a-look-in-three-requests.md). Raises `Refused` where the entry is malformed or of another
    place, and `Unavailable` where the store gives no answer.
    """
    place = _newest(store, stream, channel)
    if place is None:
        return None
    data = store.get(place.key)
    if data is None:
        raise Refused("gone", f"{place.key} was listed and is gone: was the store restored? {remedy(place)}")
    return accept_at(data, place)


def recent(store: Store, *, stream: str, channel: str, since: datetime) -> list[Entry]:
    """The entry that was in force at `since`, if there was one, and all after it; oldest first.

    Read backwards from the newest entry until one is dated `since` or before. Each entry is verified by the
    digest that its successor names, the oldest one against its own predecessor: what is returned is a chain.
    Epochs before the newest one are read from their beginning, as far as they can be followed, where the
    walk reaches them. Raises what `head` raises, and `Refused` where an entry is missing or does not follow
    the one before it.
    """
    entries: list[Entry] = []
    for entry in backwards(store, head(store, stream=stream, channel=channel)):
        if entries and moment(entries[-1].at) <= since:
            break
        entries.append(entry)
        if entry.generation == 1 and moment(entry.at) <= since:  # no predecessor whose digest it names
            break
    return entries[::-1]


def backwards(store: Store, newest: Entry | None) -> Iterator[Entry]:
    """A verified entry and all before it, newest first, each read and verified when it is asked for."""
    entry = newest
    while entry is not None:
        yield entry
        if entry.generation > 1:
            key = entry_key(entry.stream, entry.channel, entry.epoch, entry.generation - 1)
            entry = accept_previous(store.get(key), entry)
            continue
        for epoch in range(entry.epoch - 1, 0, -1):
            yield from reversed(readable(store, entry.stream, entry.channel, epoch))
        return


def history(store: Store, *, stream: str, channel: str) -> list[Entry]:
    """The channel's whole log, oldest entry first, the chain of its newest epoch verified.

    Entries are read forward until one is missing. Those of earlier epochs come before, as far as they can be
    followed. Raises `Refused` where an entry of the newest epoch is malformed, stands in the wrong place, or
    does not name the one before it: the history forked, as it does when a bucket is restored from a backup.
    """
    epoch = newest_epoch(store.get, stream, channel)
    log = [entry for earlier in range(1, epoch) for entry in readable(store, stream, channel, earlier)]
    log.extend(_forward(store, stream, channel, epoch))
    return log


def readable(store: Store, stream: str, channel: str, epoch: int) -> list[Entry]:
    """The entries of an epoch up to where it can no longer be followed."""
    entries: list[Entry] = []
    try:
        for entry in _forward(store, stream, channel, epoch):
            entries.append(entry)  # noqa: PERF402  what came before the error counts
    except ArtifactError:
        return entries
    return entries


def active_at(log: Sequence[Entry], when: datetime) -> Entry | None:
    """The entry of a log that was in force at a moment."""
    return next((entry for entry in reversed(log) if moment(entry.at) <= when), None)


def read_mapping(store: Store, *, stream: str, digest: str) -> Mapping:
    """A stored mapping, its bytes verified by its name.

    Raises `InvalidInput` where there is none, `Refused` where it is not what its name says.
    """
    if not DIGEST.fullmatch(digest):
        raise InvalidInput(f"{digest!r:.80} is not the digest of a mapping: 64 hex digits")
    data = store.get(mapping_key(stream, digest))
    if data is None:
        raise InvalidInput(f"{stream} has no mapping {digest}")
    return accept_mapping(data, stream=stream, digest=digest)


def mappings(store: Store, *, stream: str) -> list[str]:
    """The digests of all stored mappings of a stream."""
    keys = store.keys(f"{stream}/mappings/")
    return [name for key in keys if DIGEST.fullmatch(name := key.rpartition("/")[2].removesuffix(".json"))]


def channels(store: Store, *, stream: str) -> list[str]:
    """The names of a stream's channels."""
    return sorted({key.split("/")[-2] for key in store.keys(f"{stream}/channels/")})


def _forward(store: Store, stream: str, channel: str, epoch: int) -> Iterator[Entry]:
    """The entries of an epoch from its first one on, until one is missing; `Refused` for a wrong one."""
    last: Entry | None = None
    while True:
        link = None if last is None else last.link
        place = next_place(stream, channel, epoch, link)
        data = store.get(place.key)
        if data is None:
            return
        last = accept_next(data, link, place)
        yield last


def _newest(store: Store, stream: str, channel: str) -> Place | None:
    """Where the newest entry lies that readers come to; None for an empty channel."""
    try:
        hint = read_hint(store.get(hint_key(stream, channel)))
    except ArtifactError:  # far too large for a hint
        hint = None
    if hint is not None:
        epoch, generation = hint
        before = max(0, generation - LOOK_BACK)
        listed = _listed(store, stream, channel, after=entry_key(stream, channel, epoch, before))
        preceded = all((epoch, number) in listed for number in range(before + 1, generation + 1))
        if preceded and _opened(store, stream, channel, epoch):
            return Place(stream, channel, *_last(listed, epoch, generation))
    epoch, generation = _last(_listed(store, stream, channel, after=None), 1, 0)
    return Place(stream, channel, epoch, generation) if generation else None


def _opened(store: Store, stream: str, channel: str, epoch: int) -> bool:
    """Whether readers come to an epoch: each one between the first and it was opened."""
    return all(store.get(entry_key(stream, channel, number, 1)) is not None for number in range(2, epoch))


def _last(listed: set[tuple[int, int]], epoch: int, generation: int) -> tuple[int, int]:
    """Where a reader ends that goes forward from an entry: later epochs first, then later generations."""
    while (epoch + 1, 1) in listed:
        epoch, generation = epoch + 1, 1
    while (epoch, generation + 1) in listed:
        generation += 1
    return epoch, generation


def _listed(store: Store, stream: str, channel: str, *, after: str | None) -> set[tuple[int, int]]:
    """Epoch and generation of each stored entry, of those whose keys sort after `after`."""
    prefix = channel_prefix(stream, channel)
    names = [ENTRY.fullmatch(key.removeprefix(prefix)) for key in store.keys(prefix, after=after)]
    return {(int(name[1]), int(name[2])) for name in names if name is not None}
