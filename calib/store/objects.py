"""Objects in a store: get, create, hint. Creation alone decides anything, for every store has it.

A store's exception is never believed. A lost response raises AlreadyExists for our own write, and a 409 may
mean that nothing is stored: after any doubt the object is read back, and its bytes say whose it is.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from calib.errors import Conflict, InvalidInput, OutcomeUnknown, StoreError, Unavailable
from calib.redaction import reason, shown
from calib.remote import CLOUDS, folder_of, open_remote, read

if TYPE_CHECKING:
    from obstore.store import ObjectStore

ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # seconds
TIMEOUT = 30.0  # seconds for one request
URLS = "write file:FOLDER, s3://BUCKET/PREFIX, gs://… or az://…"


class Store(Protocol):
    """What the channel log needs of a store."""

    def get(self, key: str) -> bytes | None:
        """The object's bytes; None where there is none. Raises `Unavailable`, `ArtifactError` over 1 MiB."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Create the object, once.

        The same bytes being there already is success. Raises `Conflict` where other bytes are there,
        `Unavailable` where certainly nothing was written, and `OutcomeUnknown` where neither writing nor
        reading back gave an answer.
        """
        ...

    def hint(self, key: str, data: bytes) -> None:
        """Replace an object that nobody believes; failing is no error."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """The keys below a prefix, sorted. Raises `Unavailable`."""
        ...


class ObstoreStore:
    """Any store that obstore speaks to: S3, GCS, Azure, files, memory.

    `folder`: where a store of files lies. What is created there is synced before it counts as written.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        name: str,
        folder: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._name, self._folder, self._sleep = store, shown(name), folder, sleep

    def get(self, key: str) -> bytes | None:
        """See `Store`."""
        from obstore.exceptions import BaseError

        for attempt in range(ATTEMPTS):
            try:
                return read(self._store, key)
            except (BaseError, OSError) as error:
                if attempt + 1 == ATTEMPTS or refused(error):
                    raise Unavailable(f"{self._name}: {key} cannot be read: {reason(error)}") from None
            self._sleep(wait(attempt))
        raise AssertionError

    def create(self, key: str, data: bytes) -> None:
        """See `Store`."""
        import obstore
        from obstore.exceptions import BaseError

        failed: Exception | None = None
        doubtful = False  # whether a request of ours may still be under way
        for attempt in range(ATTEMPTS):
            try:
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
                return self._sync(key)
            except (BaseError, OSError) as error:
                failed = error
                doubtful |= self._folder is None and not answered(error)
            try:
                there = self.get(key)
            except Unavailable:
                raise OutcomeUnknown(
                    f"{self._name}: whether {key} was written is unknown ({reason(failed)}); run it again"
                ) from None
            if there == data:
                return self._sync(key)
            if there is not None:
                raise Conflict(f"{self._name}: {key} holds other bytes; nothing was overwritten")
            if refused(failed):
                break
            if attempt + 1 < ATTEMPTS:
                self._sleep(wait(attempt))
        if doubtful:
            raise OutcomeUnknown(
                f"{self._name}: {key} is not there yet ({reason(failed)}) and may still arrive; run it again"
            ) from None
        raise Unavailable(f"{self._name}: {key} cannot be written: {reason(failed)}") from None

    def hint(self, key: str, data: bytes) -> None:
        """See `Store`."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.put(self._store, key, data, mode="overwrite", use_multipart=False)
        except (BaseError, OSError):
            return  # readers go forward from wherever the hint points

    def keys(self, prefix: str) -> list[str]:
        """See `Store`."""
        import obstore
        from obstore.exceptions import BaseError

        for attempt in range(ATTEMPTS):
            try:
                pages = obstore.list(self._store, prefix=prefix)
                return sorted(item["path"] for page in pages for item in page)
            except (BaseError, OSError) as error:
                if attempt + 1 == ATTEMPTS or refused(error):
                    raise Unavailable(f"{self._name}: {prefix} cannot be listed: {reason(error)}") from None
            self._sleep(wait(attempt))
        raise AssertionError

    def _sync(self, key: str) -> None:
        """Files reach the disk before they count as written; other stores do so by themselves."""
        if self._folder is None:
            return
        path = self._folder / key
        places = [path, *(p for p in path.parents if p.is_relative_to(self._folder))]
        try:
            for place in places if os.name == "posix" else [path]:
                handle = os.open(place, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        except OSError as error:
            raise OutcomeUnknown(
                f"{self._name}: {key} is written, but not safely on the disk: {error.strerror}; run it again"
            ) from error


def open_store(url: str, *, base: Path = Path()) -> Store:
    """Open `file:FOLDER`, `memory:`, `s3://…`, `gs://…`, `az://…`; a relative folder starts at `base`.

    Credentials come from the environment or the machine's role, as obstore finds them. Nothing is read or
    written yet. Raises `InvalidInput` for a URL of no known kind and `StoreError` where the folder cannot be
    made or written.
    """
    folder = folder_of(url, base=base)
    if folder is not None:
        from obstore.store import LocalStore

        try:
            folder = folder.resolve()
            return ObstoreStore(LocalStore(folder, mkdir=True), name=url, folder=folder)
        except Exception as error:  # noqa: BLE001  many kinds, all of them about the folder
            raise StoreError(f"{shown(url)}: the folder {folder} cannot be used: {reason(error)}") from None
    kind, separator, rest = url.partition(":")
    if kind == "memory" and separator:
        from obstore.store import MemoryStore

        return ObstoreStore(MemoryStore(), name=url)
    if kind in CLOUDS and rest.startswith("//") and rest != "//":
        return ObstoreStore(open_remote(url, timeout=TIMEOUT), name=url)
    if kind in ("http", "https") and separator:
        raise InvalidInput(f"{shown(url)!r} can be served from, by a client, but not written to; {URLS}")
    raise InvalidInput(f"{shown(url)!r} is no store; {URLS}")


def wait(attempt: int) -> float:
    """Seconds before the next attempt: doubling, capped, and spread so that losers do not meet again."""
    return float(min(FIRST_WAIT * 2**attempt, LONGEST_WAIT)) * random.uniform(0.5, 1.0)


def answered(error: BaseException) -> bool:
    """Whether the store itself said that this request wrote nothing."""
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    return isinstance(error, AlreadyExistsError | PreconditionError) or refused(error)


def refused(error: BaseException | None) -> bool:
    """Whether the store says that it will not, whoever asks again."""
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    return isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError)
