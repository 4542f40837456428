"""Objects in a store: get, create, hint. Creation alone decides anything, for every store has it.

A store's exception is never believed. A lost response raises AlreadyExists for our own write, and a 409 may
mean that nothing is stored: after any doubt the object is read back, and its bytes say whose it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from calib.errors import Conflict, InvalidInput, OutcomeUnknown, StoreError, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

ATTEMPTS = 4
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # seconds


class Store(Protocol):
    """What the channel log needs of a store."""

    def get(self, key: str) -> bytes | None:
        """The object's bytes; None where there is none. Raises `Unavailable`."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Create the object, once.

        The same bytes being there already is success. Raises `Conflict` where other bytes are there,
        `OutcomeUnknown` where neither writing nor reading back gave an answer.
        """
        ...

    def hint(self, key: str, data: bytes) -> None:
        """Replace an object that nobody believes; failing is no error."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """The keys below a prefix, sorted. Raises `Unavailable`."""
        ...


class ObstoreStore:
    """Any store that obstore speaks to: S3, GCS, Azure, files, memory."""

    def __init__(self, store: ObjectStore, *, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._store, self._name, self._sleep = store, name, sleep

    def get(self, key: str) -> bytes | None:
        import obstore
        from obstore.exceptions import BaseError, NotFoundError

        for attempt in range(ATTEMPTS):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except (NotFoundError, FileNotFoundError):
                return None
            except (BaseError, OSError) as error:
                if attempt + 1 == ATTEMPTS:
                    raise Unavailable(f"{self._name}: {key} cannot be read: {reason(error)}") from error
            self._sleep(wait(attempt))
        raise AssertionError

    def create(self, key: str, data: bytes) -> None:
        import obstore
        from obstore.exceptions import BaseError

        failed: Exception | None = None
        for attempt in range(ATTEMPTS):
            try:
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
                return
            except (BaseError, OSError) as error:
                failed = error
            try:
                there = self.get(key)
            except Unavailable as error:
                raise OutcomeUnknown(
                    f"{self._name}: whether {key} was written is unknown ({reason(failed)}); run it again"
                ) from error
            if there == data:
                return
            if there is not None:
                raise Conflict(f"{self._name}: {key} holds other bytes; nothing was overwritten")
            self._sleep(wait(attempt))
        raise Unavailable(f"{self._name}: {key} cannot be written: {reason(failed)}") from failed

    def hint(self, key: str, data: bytes) -> None:
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.put(self._store, key, data, mode="overwrite", use_multipart=False)
        except (BaseError, OSError):
            return  # readers go forward from wherever the hint points

    def keys(self, prefix: str) -> list[str]:
        import obstore
        from obstore.exceptions import BaseError

        try:
            pages = obstore.list(self._store, prefix=prefix)
            return sorted(item["path"] for page in pages for item in page)
        except (BaseError, OSError) as error:
            raise Unavailable(f"{self._name}: {prefix} cannot be listed: {reason(error)}") from error


def open_store(url: str, *, base: Path = Path()) -> Store:
    """Open `file:FOLDER`, `memory:`, `s3://…`, `gs://…`, `az://…`; a relative folder starts at `base`.

    Nothing is read or written yet. Raises `InvalidInput` for a URL of no known kind and `StoreError` where
    the folder cannot be made or written.
    """
    from obstore.store import LocalStore, MemoryStore, from_url

    kind, separator, rest = url.partition(":")
    if not separator:
        raise InvalidInput(f"{url!r} is no store; write file:FOLDER, s3://BUCKET/PREFIX, gs://… or az://…")
    if kind == "memory":
        return ObstoreStore(MemoryStore(), name=url)
    if kind == "file":
        folder = base / (rest.removeprefix("//") if rest.startswith("///") else rest)
        try:
            return ObstoreStore(LocalStore(folder.resolve(), automatic_cleanup=False, mkdir=True), name=url)
        except Exception as error:
            raise StoreError(f"{url}: the folder {folder} cannot be used: {reason(error)}") from error
    if kind in ("s3", "s3a", "gs", "az", "abfs", "abfss", "adl", "azure"):
        try:
            return ObstoreStore(from_url(url), name=url)
        except Exception as error:
            raise InvalidInput(f"{url} cannot be opened: {reason(error)}") from error
    raise InvalidInput(f"{url!r} is no store; write file:FOLDER, s3://BUCKET/PREFIX, gs://… or az://…")


def wait(attempt: int) -> float:
    """Seconds before the next attempt: doubling, capped."""
    return float(min(FIRST_WAIT * 2**attempt, LONGEST_WAIT))


def reason(error: BaseException | None) -> str:
    """The first line of an error: obstore's go on with a debug print of the request's headers."""
    return (str(error).splitlines() or [type(error).__name__])[0]
