"""Getting objects: one method, foreign errors wrapped, every wait bounded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from calib.client import forks
from calib.client.greenlets import run_blocking
from calib.errors import InvalidInput, Unavailable
from calib.format.document import LARGEST
from calib.object_urls import CLOUDS, TIMEOUT, WEB, folder_of, open_remote, read, refuse_cut
from calib.object_words import words
from calib.redaction import shown

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class Fetcher(Protocol):
    """Where a client reads from; several threads may call it at once."""

    def get(self, key: str) -> bytes | None:
        """The object's bytes, None where there is none.

        Raises `Unavailable` where the store gives no answer, `ArtifactError` for an object over 1 MiB.
        """
        ...


class FolderFetcher:
    """A folder, read with the standard library alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        return run_blocking(self._read, key)

    def absence(self, stream: str, channel: str) -> str:
        """Why the folder has no entry of a channel, in words, with what it has in its place."""
        return str(run_blocking(self._absence, stream, channel))

    def _absence(self, stream: str, channel: str) -> str:
        if not self._folder.is_dir():
            return f"the folder {self._folder} does not exist: is it the right one?"
        streams = _folders(self._folder)
        if stream not in streams:
            return f"{self._folder} has nothing of the stream {stream}; it has {_named(streams)}"
        channels = _folders(self._folder / stream / "channels")
        if channel not in channels:
            return f"{stream} has no channel {channel}; it has {_named(channels)}"
        return ""

    def _read(self, key: str) -> bytes | None:
        try:
            with (self._folder / key).open("rb") as file:
                return file.read(LARGEST + 1)  # the reader refuses what is longer
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unavailable(f"{self._folder / key} cannot be read: {error.strerror}") from error


def absence(fetcher: Fetcher, stream: str, channel: str) -> str:
    """Why a store that answers has no entry of a channel, as far as that can be known; "" for nothing odd."""
    if isinstance(fetcher, FolderFetcher):
        return fetcher.absence(stream, channel)
    return (
        f"the store has no entry of {stream}/{channel}: a new stream has none before its first mapping; else "
        "see that the address, the stream and the channel are the right ones"
    )


def _folders(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:5]) or "none"
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


class ObstoreFetcher:
    """S3, GCS, Azure or a web server; each request ends within `timeout` seconds, whatever it does.

    In a process that was forked from one that had obstore loaded, a fresh process reads in its place; until
    that has started, a request may take seconds more.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        # now: a fork in the middle of an import would leave the module torn in the child
        from calib.client import fork_process

        self._url, self._timeout = url, timeout
        self._store: ObjectStore | None = None
        self._fork_process = fork_process

    def get(self, key: str) -> bytes | None:
        if forks.obstore_lost:
            return self._fork_process.get(self._url, key, timeout=self._timeout)
        return run_blocking(self._read, key)

    def _read(self, key: str) -> bytes | None:
        forks.obstore_is_wanted()
        from obstore.exceptions import BaseError

        try:
            if self._store is None:
                self._store = open_remote(self._url, timeout=self._timeout)
            return read(self._store, key)
        except (BaseError, OSError, InvalidInput) as error:
            raise Unavailable(f"{shown(self._url)}: {key} cannot be read: {words(error)}") from None


def open_fetcher(url: str, *, timeout: float = TIMEOUT) -> Fetcher:
    """A fetcher for file:, s3://, gs://, az:// and http(s):// URLs; `InvalidInput` for any other."""
    folder = folder_of(url)
    if folder is not None:
        return FolderFetcher(folder)
    kind, separator, rest = url.partition("://")
    if separator and rest and kind in CLOUDS + WEB:
        refuse_cut(url)
        return ObstoreFetcher(url, timeout=timeout)
    raise InvalidInput(
        f"{shown(url)!r} is not a store; write file:FOLDER, s3://BUCKET/PREFIX, gs://…, az://… or https://…"
    )
