"""The versions of a stream as its channel named them, and where the way back leads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from calib.errors import CalibError
from calib.format import Entry
from calib.redaction import reason
from calib.store import Store, channels, head, read_mapping
from calib.store.read import backwards
from calib.store.way_back import step_back

SHOWN = 40  # entries of a channel that its page shows: the newest ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An entry of a channel. `again`: an earlier entry that a rollback can go to by its mapping."""

    entry: Entry
    current: bool
    again: bool

    @property
    def named(self) -> str:
        """What it names, in short."""
        return "withdrawn" if self.entry.withdrawn else self.entry.mapping[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    """A channel's newest entries, the newest first; `trouble`: why the store could not be read.

    `more`: there are earlier entries than those shown. `others`: the stream's other channels. `before`: where
    a rollback of one step leads, None where nothing was before.
    """

    stream: str
    channel: str
    versions: tuple[Version, ...]
    more: bool
    others: tuple[str, ...]
    before: Entry | None
    trouble: str | None = None

    @property
    def present(self) -> Entry | None:
        """The newest entry."""
        return self.versions[0].entry if self.versions else None

    def named(self, mapping: str) -> Entry | None:
        """The entry that a roll back to this mapping goes to; None where none of the shown ones is."""
        return next((v.entry for v in self.versions if v.again and v.entry.mapping == mapping), None)


def channel_view(store: Store, *, stream: str, channel: str) -> ChannelView:
    """Read a channel from its newest entry backwards, each entry verified by the one that follows it."""
    try:
        newest = head(store, stream=stream, channel=channel)
        log = list(islice(backwards(store, newest), SHOWN + 1))
        others = tuple(name for name in channels(store, stream=stream) if name != channel)
        before = None if newest is None else step_back(store, newest)
    except CalibError as error:
        return ChannelView(
            stream=stream,
            channel=channel,
            versions=(),
            more=False,
            others=(),
            before=None,
            trouble=reason(error),
        )
    seen: set[str] = set()
    versions = []
    for entry in log[:SHOWN]:
        present = entry is log[0]
        new = not entry.withdrawn and entry.mapping not in seen
        versions.append(Version(entry=entry, current=present, again=new and not present))
        seen.add(entry.mapping)
    return ChannelView(
        stream=stream,
        channel=channel,
        versions=tuple(versions),
        more=len(log) > SHOWN,
        others=others,
        before=before,
    )


def scope_note(store: Store, entry: Entry, scope: dict[str, str]) -> str | None:
    """That clients of this stream would not apply the mapping, in words; None where they would."""
    from calib.cycle.by_hand import differing_scope

    if entry.withdrawn:
        return None
    differs = differing_scope(read_mapping(store, stream=entry.stream, digest=entry.mapping), scope)
    return None if differs is None else f"It is {differs}: clients of that scope serve the raw confidence."
