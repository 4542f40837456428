"""Reading all that a stream has stored, and saying what is wrong with it.

Readers go forward and see what they need; this looks at every object, those beyond a gap too.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Named
from dataclasses import dataclass, field

from calib.errors import ArtifactError, Refused
from calib.format import Entry, Identity, Mapping
from calib.format.chain import Place, accept_at, accept_mapping, accept_next, read_hint
from calib.format.entry import Link
from calib.format.keys import DIGEST, NAME, entry_key, hint_key, mapping_key
from calib.results.mappings import NeverNamed, StoreFinding, StoreRetention, Verification
from calib.store.objects import Store
from calib.times import moment

MAPPING = re.compile(rf"mappings/({DIGEST.pattern})\.json")
ENTRY = re.compile(rf"channels/({NAME.pattern})/([0-9]{{4}})-([0-9]{{12}})\.json")
HINT = re.compile(rf"channels/({NAME.pattern})/latest\.json")
REPORT = re.compile(r"reports/[^/]+-r[0-9]+\.html")
ADVICE = (
    "Keep every entry, and every mapping that an entry names: they say what was served, a rollback needs "
    "them, and they are small. A mapping that no entry names was left by a publish that died or lost a race; "
    "it may be deleted by hand once no run is under way. calibwatch deletes nothing."
)


@dataclass(slots=True)
class _Read:
    """All objects of a stream, as they were read."""

    entries: dict[str, dict[tuple[int, int], bytes]] = field(default_factory=dict)
    mappings: dict[str, bytes] = field(default_factory=dict)
    hints: dict[str, bytes] = field(default_factory=dict)
    strange: list[StoreFinding] = field(default_factory=list)


def verify(store: Store, *, stream: str, step: Callable[[str], None] | None = None) -> Verification:
    """Read every object below a stream and hold it against the format's rules.

    A problem is whatever readers refuse, never see, or would miss: a digest, a chain, a schema, a gap, a
    mapping that is not there. What is wrong in an epoch that a later one has replaced is a note: readers have
    left it. `step` is called with each key. Raises `Unavailable` where the store gives no answer.
    """
    read = _read(store, stream, step)
    problems, notes = list[StoreFinding](), list(read.strange)
    good: dict[str, Mapping] = {}
    for digest, data in sorted(read.mappings.items()):
        try:
            good[digest] = accept_mapping(data, stream=stream, digest=digest)
        except Refused as error:
            problems.append(_finding(error, mapping_key(stream, digest)))
    named: Counter[str] = Counter()
    for channel, entries in sorted(read.entries.items()):
        newest = 1
        while (newest + 1, 1) in entries:
            newest += 1
        for epoch in sorted({epoch for epoch, _ in entries}):
            log = {generation: data for (e, generation), data in entries.items() if e == epoch}
            readable, wrong = _entries(stream, channel, epoch, log)
            named.update(entry.mapping for entry in readable)
            wrong.extend(_unnamed(readable, read.mappings))
            wrong.extend(_unseen(stream, channel, epoch, newest, log))
            wrong.extend(_served_though_withdrawn(readable, good))
            if epoch < newest:
                notes.extend(_superseded(wrong, newest))
            else:
                problems.extend(wrong)
            notes.extend(_worth_knowing(readable))
            if epoch == newest and read_hint(read.hints.get(channel)) != (epoch, max(log)):
                notes.append(_hint(stream, channel, epoch, max(log)))
    never = tuple(
        NeverNamed(digest=digest, created_at=mapping.created_at, bytes=len(read.mappings[digest]))
        for digest, mapping in good.items()
        if not named[digest]
    )
    sizes = [*read.mappings.values(), *(data for log in read.entries.values() for data in log.values())]
    return Verification(
        stream=stream,
        ok=not problems,
        channels=tuple(sorted(read.entries)),
        entries=sum(map(len, read.entries.values())),
        mappings=len(read.mappings),
        problems=tuple(problems),
        notes=tuple(notes),
        retention=StoreRetention(bytes=sum(map(len, sizes)), never_named=never, advice=ADVICE),
    )


def _read(store: Store, stream: str, step: Callable[[str], None] | None) -> _Read:
    read = _Read()
    for key in store.keys(f"{stream}/"):
        if step is not None:
            step(key)
        name = key.removeprefix(f"{stream}/")
        if REPORT.fullmatch(name):  # for people; nobody who serves reads it
            continue
        try:
            data = store.get(key)
        except ArtifactError as error:  # too large to be anything of ours
            data = b""
            read.strange.append(StoreFinding(kind="oversized", key=key, message=str(error)))
        if data is None:
            continue  # deleted since it was listed: whatever needs it is reported below
        if match := ENTRY.fullmatch(name):
            channel, epoch, generation = match.groups()
            read.entries.setdefault(channel, {})[int(epoch), int(generation)] = data
        elif match := MAPPING.fullmatch(name):
            read.mappings[match[1]] = data
        elif match := HINT.fullmatch(name):
            read.hints[match[1]] = data
        else:
            message = "this name does not belong to the format; readers never look at it"
            read.strange.append(StoreFinding(kind="strange_object", key=key, message=message))
    return read


def _entries(
    stream: str, channel: str, epoch: int, log: dict[int, bytes]
) -> tuple[list[Entry], list[StoreFinding]]:
    """The entries that are well-formed and in their place, and what is wrong with the others or the chain."""
    readable: list[Entry] = []
    wrong: list[StoreFinding] = []
    for generation, data in sorted(log.items()):
        place = Place(stream, channel, epoch, generation)
        try:
            before = log.get(generation - 1)
            if generation == 1:
                accept_next(data, None, place)
            elif before is not None:
                accept_next(data, Link(epoch, generation - 1, hashlib.sha256(before).hexdigest()), place)
            readable.append(accept_at(data, place))
        except Refused as error:
            wrong.append(_finding(error, place.key))
            if error.kind == "broken_chain":  # a publisher meant it all the same: its mapping is named
                readable.append(accept_at(data, place))
    return readable, wrong


def _finding(error: Refused, key: str) -> StoreFinding:
    return StoreFinding(kind=error.kind, key=key, message=str(error))


def _unnamed(entries: Iterable[Entry], stored: Iterable[str]) -> Iterator[StoreFinding]:
    digests = set(stored)
    for entry in entries:
        if entry.mapping not in digests:
            key = entry_key(entry.stream, entry.channel, *entry.position)
            yield StoreFinding(
                kind="missing_mapping", key=key, message=f"it names {entry.mapping}, which is not stored"
            )


def _served_though_withdrawn(
    entries: Iterable[Entry], mappings: Named[str, Mapping]
) -> Iterator[StoreFinding]:
    """Withdrawals that readers of version 0.1.0, which do not know the key, would not serve as such."""
    for entry in entries:
        mapping = mappings.get(entry.mapping)
        if not entry.withdrawn or mapping is None:
            continue
        plain = isinstance(mapping.default, Identity) and not (mapping.segments or mapping.certificates)
        if not plain or mapping.segment_cuts:
            key = entry_key(entry.stream, entry.channel, *entry.position)
            message = (
                f"it withdraws the channel and names {entry.mapping}, which is not the identity without "
                "certificates: clients of version 0.1.0 go on serving it; `calib mapping withdraw` withdraws"
            )
            yield StoreFinding(kind="withdrawn_but_served", key=key, message=message)


def _unseen(stream: str, channel: str, epoch: int, newest: int, log: Iterable[int]) -> Iterator[StoreFinding]:
    """The entries beyond a gap: a reader goes one at a time and never comes to them."""
    generations = sorted(log)
    missing = next(i for i in range(1, len(generations) + 2) if i not in generations)
    kind, what = "gap", f"entry {epoch}/{missing} is missing"
    beyond = [generation for generation in generations if generation > missing or generation < 1]
    if not 1 <= epoch <= newest:
        kind, what, beyond = "epoch_gap", f"epoch {newest + 1} was never opened", generations
    if beyond:
        message = f"{what}, so that readers never see {len(beyond)} entries from here on"
        yield StoreFinding(kind=kind, key=entry_key(stream, channel, epoch, beyond[0]), message=message)


def _superseded(findings: Iterable[StoreFinding], newest: int) -> Iterator[StoreFinding]:
    for finding in findings:
        message = f"{finding.message} (epoch {newest} has replaced this one)"
        yield StoreFinding(kind=finding.kind, key=finding.key, message=message)


def _worth_knowing(entries: list[Entry]) -> Iterator[StoreFinding]:
    intents = Counter(entry.publish_id for entry in entries)
    for before, entry in zip([None, *entries], entries, strict=False):
        key = entry_key(entry.stream, entry.channel, *entry.position)
        if before is not None and moment(entry.at) < moment(before.at):
            message = f"it is dated {entry.at}, before the entry that it follows ({before.at})"
            yield StoreFinding(kind="time_backwards", key=key, message=message)
        if intents[entry.publish_id] > 1:
            message = f"publish_id {entry.publish_id:.60} occurs {intents[entry.publish_id]} times"
            yield StoreFinding(kind="repeated_intent", key=key, message=message)


def _hint(stream: str, channel: str, epoch: int, last: int) -> StoreFinding:
    message = f"it does not point at {epoch}/{last}; readers are a little slower to start, and nothing else"
    return StoreFinding(kind="hint", key=hint_key(stream, channel), message=message)
