"""Getting objects: one method, foreign errors wrapped, every wait bounded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from calib.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

TIMEOUT = "10s"


class Fetcher(Protocol):
    """Where a client reads from."""

    def get(self, key: str) -> bytes | None:
        """The object's bytes, None where there is none; `Unavailable` where the store gives no answer."""
        ...


class FolderFetcher:
    """A folder, read with the standard library alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        try:
            return (self._folder / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unavailable(f"{self._folder / key} cannot be read: {error.strerror}") from error


class ObstoreFetcher:
    """S3, GCS, Azure or a plain web server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: ObjectStore | None = None

    def get(self, key: str) -> bytes | None:
        import obstore
        from obstore.exceptions import BaseError, NotFoundError

        try:
            if self._store is None:
                self._store = self._open()
            return bytes(obstore.get(self._store, key).bytes())
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise Unavailable(f"{self._url}: {key} cannot be read: {reason}") from error

    def _open(self) -> ObjectStore:
        from datetime import timedelta

        from obstore.store import from_url

        store: ObjectStore = from_url(
            self._url,
            client_options={
                "timeout": TIMEOUT,
                "connect_timeout": TIMEOUT,
                "allow_http": self._url.startswith("http://"),
            },
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=10)},  # polling is the retry
        )
        return store


def open_fetcher(url: str) -> Fetcher:
    """A fetcher for file:, s3://, gs://, az:// and http(s):// URLs; `InvalidInput` for any other."""
    kind, separator, rest = url.partition(":")
    if kind == "file" and separator:
        return FolderFetcher(Path(rest.removeprefix("//") if rest.startswith("///") else rest))
    if kind in ("s3", "gs", "az", "http", "https") and separator:
        return ObstoreFetcher(url)
    raise InvalidInput(
        f"{url!r} is no store; write file:FOLDER, s3://BUCKET/PREFIX, gs://…, az://… or https://…"
    )
