"""Going forward through a channel's log: fetch, verify, and only then believe."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from calib.client.fetch import Fetcher
from calib.client.trust import Trusted, admit, confirm
from calib.errors import ArtifactError, CalibError
from calib.format import Entry
from calib.format.chain import accept_next, newest_epoch, next_place, read_hint
from calib.format.keys import entry_key, hint_key, mapping_key

AHEAD = 16  # entries fetched at once where the hint says that there are as many
AT_ONCE = 10_000  # entries followed in one poll: no store can keep a poll busy for ever


class Follower:
    """What is known of one channel of one stream; `poll` makes it more, never less.

    `head`: the newest verified entry. `trusted`: the newest one whose mapping was verified, too.
    """

    def __init__(self, fetcher: Fetcher, *, stream: str, channel: str, trusted: Trusted | None) -> None:
        self._fetcher, self._stream, self._channel = fetcher, stream, channel
        self.trusted = trusted
        self.head: Entry | None = None if trusted is None else trusted.entry

    def poll(self) -> None:
        """Follow the newest epoch to its end and fetch the mapping that it names.

        A new epoch is looked for first: it is the way out of a log that can no longer be followed. Raises
        `ArtifactError` for what must not be believed and `Unavailable` if the store does not answer; what was
        verified until then is kept, and the next poll goes on from there.
        """
        known = self.head
        epoch = newest_epoch(self._fetcher.get, self._stream, self._channel, known.epoch if known else 1)
        if known is not None and epoch == known.epoch:
            confirm(self._get(epoch, known.generation), known)
        refused: ArtifactError | None = None
        try:
            for data in self._entries(epoch):
                link = None if self.head is None else self.head.link
                place = next_place(self._stream, self._channel, epoch, link)
                self.head = accept_next(data, link, place)
        except ArtifactError as error:  # the log ends here: what it named until then still holds
            refused = error
        if self.head is not None and (self.trusted is None or self.trusted.entry != self.head):
            self.trusted = self._mapping_of(self.head)
        if refused is not None:
            raise refused

    def _entries(self, epoch: int) -> Iterator[bytes]:
        """The entries of an epoch after the head, until one is missing."""
        known = self.head
        generation = known.generation + 1 if known is not None and known.epoch == epoch else 1
        data = self._get(epoch, generation)
        if data is None:
            return
        last = self._hinted(epoch)
        end = generation + AT_ONCE
        while data is not None and generation < end:
            yield data
            generation += 1
            ahead = min(AHEAD, last - generation + 1)
            if ahead > 1:
                for data in self._together(epoch, range(generation, generation + ahead)):
                    if data is None:
                        return
                    yield data
                generation += ahead
            data = self._get(epoch, generation)

    def _hinted(self, epoch: int) -> int:
        """The generation of `epoch` up to which it may be worth reading ahead; 0 where no hint says so."""
        try:
            hint = read_hint(self._fetcher.get(hint_key(self._stream, self._channel)))
        except ArtifactError:  # far too large for a hint
            return 0
        return hint[1] if hint is not None and hint[0] == epoch else 0

    def _together(self, epoch: int, generations: range) -> list[bytes | None]:
        """Several entries at once, on threads that no process waits for when it ends."""
        texts_by_key: dict[int, bytes | None] = {}
        failed: list[CalibError] = []

        def fetch(generation: int) -> None:
            try:
                texts_by_key[generation] = self._get(epoch, generation)
            except CalibError as error:
                failed.append(error)

        threads = [threading.Thread(target=fetch, args=(g,), daemon=True) for g in generations]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return [texts_by_key[generation] for generation in generations]

    def _get(self, epoch: int, generation: int) -> bytes | None:
        return self._fetcher.get(entry_key(self._stream, self._channel, epoch, generation))

    def _mapping_of(self, entry: Entry) -> Trusted:
        if self.trusted is not None and self.trusted.mapping.digest == entry.mapping:
            return Trusted(entry=entry, mapping=self.trusted.mapping)
        data = self._fetcher.get(mapping_key(self._stream, entry.mapping))
        if data is None:
            raise ArtifactError(f"the channel names {entry.mapping}, which is not stored")
        return admit(data, entry)
