"""Objects in a store: get, create, hint. Creation alone decides anything, for every store has it.

A store's exception is never believed. A lost response raises AlreadyExists for our own write, and a 409 may
mean that nothing is stored: after any doubt the object is read back, and its bytes say whose it is. Reading
and listing may be repeated freely, and obstore does so; creating is repeated here, after reading back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Protocol

from calib.backoff import back_off
from calib.errors import Conflict, InvalidInput, OutcomeUnknown, StoreError, Unavailable
from calib.object_urls import (
    ATTEMPTS,
    CLOUDS,
    FIRST_WAIT,
    LONGEST_WAIT,
    folder_of,
    open_remote,
    patient,
    read,
)
from calib.object_words import is_refusal, words
from calib.redaction import reason, shown
from calib.store.files import create_file, sync_file

if TYPE_CHECKING:
    from obstore.store import ObjectStore

LOG = logging.getLogger(__name__)
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
        """Replace the read-ahead hint `latest.json`. Never raises: readers verify every entry regardless."""
        ...

    def keys(self, prefix: str, *, after: str | None = None) -> list[str]:
        """The keys below a prefix, a folder's name with its slash; sorted.

        `after`: only those that sort after this key, one request for up to 1,000 of them in most stores.
        Raises `Unavailable`.
        """
        ...


class _NotStoredError(Exception):
    """Our own signal to tenacity: an attempt to create failed, and reading back found nothing."""


class ObstoreStore:
    """Any store that obstore speaks to: S3, GCS, Azure, files, memory.

    `reading` serves what may be repeated, and repeats it by itself where it is remote; `writing` tries once.
    `folder`: the folder of a store of files. What is created there is synced to disk before it counts.
    `sleep` and `random` are of the waits between two attempts to create.
    """

    def __init__(
        self,
        *,
        reading: ObjectStore,
        writing: ObjectStore,
        name: str,
        folder: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        random: Random | None = None,
    ) -> None:
        self._reading, self._writing, self._name, self._folder = reading, writing, shown(name), folder
        self._sleep, self._random = sleep, random or Random()

    def get(self, key: str) -> bytes | None:
        """Read an object as `Store.get` promises, with obstore's own retries."""
        from obstore.exceptions import BaseError

        try:
            return read(self._reading, key)
        except (BaseError, OSError) as error:
            LOG.info("%s cannot be read: %s", key, reason(error), extra=self._keys("unreadable", key))
            raise Unavailable(f"{self._name}: {key} cannot be read: {words(error)}").at(self._name) from None

    def create(self, key: str, data: bytes) -> None:
        """Create an object as `Store.create` promises: read back after every doubt, then try again."""
        from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

        attempts = 0
        doubtful = False  # whether a request of ours may still be under way

        def attempt() -> None:
            nonlocal attempts, doubtful
            attempts += 1
            failed = self._create_once(key, data, attempts)
            if failed is not None:
                doubtful |= self._folder is None and not answered(failed)
                raise _NotStoredError from failed

        def pause(state: RetryCallState) -> float:
            return wait(state.attempt_number - 1, self._random)

        def retried(state: RetryCallState) -> None:
            error = None if state.outcome is None else state.outcome.exception()
            LOG.warning(
                "attempt %d to create %s failed and is made again: %s",
                state.attempt_number,
                key,
                reason(None if error is None else error.__cause__),
                extra=self._keys("create_retried", key, state.attempt_number),
            )

        try:
            Retrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=pause,
                sleep=self._sleep,
                before_sleep=retried,
                retry=retry_if_exception(
                    lambda error: isinstance(error, _NotStoredError) and not refused(error.__cause__)
                ),
                reraise=True,
            )(attempt)
        except _NotStoredError as error:
            failed = error.__cause__
            LOG.info(
                "%s was not created: %s", key, reason(failed), extra=self._keys("not_created", key, attempts)
            )
            if doubtful:
                raise OutcomeUnknown(
                    f"{self._name}: {key} is not there yet ({words(failed)}) and may still arrive; "
                    "run it again"
                ).at(self._name) from None
            raise Unavailable(f"{self._name}: {key} cannot be written: {words(failed)}").at(
                self._name
            ) from None
        self._sync(key)

    def _create_once(self, key: str, data: bytes, attempt: int) -> Exception | None:
        """Try to create, and read back after any error: None for success, else why nothing is stored."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            if self._folder is not None:
                create_file(self._folder, key, data)
            else:
                obstore.put(self._writing, key, data, mode="create", use_multipart=False)
        except (BaseError, OSError) as error:
            failed = error
        else:
            return None
        try:
            stored = self.get(key)
        except Unavailable:
            if attempt == 1 and refused(failed):  # nothing is under way: nothing was written
                return failed
            LOG.info(
                "whether %s was created is unknown: %s",
                key,
                reason(failed),
                extra=self._keys("outcome_unknown", key, attempt),
            )
            raise OutcomeUnknown(
                f"{self._name}: whether {key} was written is unknown ({words(failed)}); run it again"
            ).at(self._name) from None
        if stored is not None and stored != data:
            LOG.info("%s holds other bytes already", key, extra=self._keys("other_bytes", key, attempt))
            raise Conflict(f"{self._name}: {key} holds other bytes; nothing was overwritten")
        if stored is None:
            return failed
        LOG.info(
            "%s is stored, though creating it ended in an error: %s",
            key,
            reason(failed),
            extra=self._keys("read_back", key, attempt),
        )
        return None

    def hint(self, key: str, data: bytes) -> None:
        """Write the hint as `Store.hint` promises: once, without a retry."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.put(self._writing, key, data, mode="overwrite", use_multipart=False)
        except (BaseError, OSError) as error:
            # no more than that: a look at the channel lists what lies beyond the hint
            LOG.info("%s was not replaced: %s", key, reason(error), extra=self._keys("hint_failed", key))

    def keys(self, prefix: str, *, after: str | None = None) -> list[str]:
        """List keys as `Store.keys` promises, with obstore's own retries."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            pages = obstore.list(self._reading, prefix=prefix, offset=after)
            paths = sorted(item["path"] for page in pages for item in page)
        except (BaseError, OSError) as error:
            LOG.info("%s cannot be listed: %s", prefix, reason(error), extra=self._keys("unreadable", prefix))
            raise Unavailable(f"{self._name}: {prefix} cannot be listed: {words(error)}").at(
                self._name
            ) from None
        return [path for path in paths if after is None or path > after]  # Azurite starts too early

    def _keys(self, event: str, key: str, attempt: int | None = None) -> dict[str, object]:
        """What a log record carries beside its message."""
        fields: dict[str, object] = {"event": event, "store": self._name, "key": key}
        return fields if attempt is None else fields | {"attempt": attempt}

    def _sync(self, key: str) -> None:
        """A file counts as written once it is safe on the disk; other stores see to that by themselves."""
        if self._folder is None:
            return
        try:
            sync_file(self._folder, key)
        except OSError as error:
            raise OutcomeUnknown(
                f"{self._name}: {key} is written, but not safely on the disk: {error.strerror}; run it again"
            ).at(self._name) from None


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
            local = LocalStore(folder, mkdir=True)
            return ObstoreStore(reading=local, writing=local, name=url, folder=folder)
        except Exception as error:  # noqa: BLE001  many kinds, all of them about the folder
            raise StoreError(f"{shown(url)}: the folder {folder} cannot be used: {reason(error)}") from None
    kind, separator, rest = url.partition(":")
    if kind == "memory" and separator:
        from obstore.store import MemoryStore

        memory = MemoryStore()
        return ObstoreStore(reading=memory, writing=memory, name=url)
    if kind in CLOUDS and rest.startswith("//") and rest != "//":
        return ObstoreStore(
            reading=open_remote(url, timeout=TIMEOUT, retry=patient(timeout=TIMEOUT)),
            writing=open_remote(url, timeout=TIMEOUT),
            name=url,
        )
    if kind in ("http", "https") and separator:
        raise InvalidInput(f"{shown(url)!r} can be served from, by a client, but not written to; {URLS}")
    raise InvalidInput(f"{shown(url)!r} is not a store; {URLS}")


def wait(failed: int, random: Random) -> float:
    """Seconds before the next attempt: doubling with each that `failed` before, capped, with jitter."""
    return back_off(failed, first=FIRST_WAIT, longest=LONGEST_WAIT, least=0.5, draw=random.random())


def answered(error: BaseException) -> bool:
    """Whether the store itself said that this request wrote nothing."""
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    return isinstance(error, AlreadyExistsError | PreconditionError | FileExistsError) or refused(error)


def refused(error: BaseException | None) -> bool:
    """Whether the store says that it will not, whoever asks again."""
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    kinds = PermissionDeniedError | UnauthenticatedError | PermissionError
    return isinstance(error, kinds) or is_refusal(error)
