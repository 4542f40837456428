"""Files of rows in object stores: which there are, how DuckDB reads them, and copies of those that are text.

DuckDB's wheel brings no reader of object stores, but takes a file system of fsspec's kind. So Parquet is read
in place, by ranges, and only the columns that are asked for leave the store. Text has to be read whole, and
twice: it is copied first. An object that is replaced between two reads is an error: a mixture of both could
be read without a word (docs/adr/0110-traffic-in-object-stores.md).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from calib.errors import InvalidInput, SourceError
from calib.object_credentials import credentials
from calib.object_urls import CLOUDS, open_remote, patient
from calib.object_words import words
from calib.redaction import redacted, shown
from calib.tabular.names import WILD

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ObjectStore

BLOCK = 8 * 2**20  # bytes of a text in one request: each ends within the time for one
READ_AHEAD = 2**20  # bytes of Parquet in one request, at least
TIMEOUT = 60.0  # seconds for one request, its body included


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An object that holds rows. `url` is the whole of its address."""

    url: str
    key: str
    size: int
    modified: datetime
    e_tag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFiles:
    """The objects that a pattern matches, in the order of their names, and the store that they are in."""

    scheme: str
    store: ObjectStore = field(repr=False)  # some of obstore's own cannot be shown
    files: tuple[StoredFile, ...]


def is_stored(pattern: str) -> bool:
    """Whether a pattern names objects in a store that the product knows, rather than local files."""
    scheme, separator, _ = pattern.partition("://")
    return bool(separator) and scheme in CLOUDS


def list_stored(pattern: str) -> StoredFiles:
    """List what `SCHEME://BUCKET/KEYS` matches, where `*`, `?` and `[…]` match within one name, `**` folders.

    Names that begin with a dot are left out, as they are among local files. One request for up to 1,000
    objects below the folder before the first wildcard. Raises `InvalidInput` for a pattern that is none, and
    `SourceError` where the store cannot be listed.
    """
    import obstore
    from fsspec.utils import glob_translate
    from obstore.exceptions import BaseError

    scheme, _, rest = pattern.partition("://")
    place, _, keys = rest.partition("/")
    if not place or not keys.strip("/"):
        raise InvalidInput(f"{shown(pattern)!r} names no objects; write {scheme}://BUCKET/FOLDER/*.parquet")
    root = f"{scheme}://{place}"
    folders = keys.split("/")[:-1]
    plain = next((i for i, name in enumerate(folders) if WILD.search(name)), len(folders))
    try:
        matches = re.compile(glob_translate(keys))
    except ValueError:
        raise InvalidInput(
            f"{shown(pattern)!r} is not understood: ** stands alone between two slashes"
        ) from None
    store = open_remote(root, timeout=TIMEOUT, retry=patient(timeout=TIMEOUT))
    try:
        pages = obstore.list(store, prefix="/".join(folders[:plain]) or None)
        listed = [item for page in pages for item in page]
    except (BaseError, OSError) as error:
        raise SourceError(f"{shown(pattern)!r} cannot be listed: {_said(error, pattern)}") from None
    files = [
        StoredFile(
            url=f"{root}/{item['path']}",
            key=item["path"],
            size=item["size"],
            modified=item["last_modified"],
            e_tag=item["e_tag"],
        )
        for item in sorted(listed, key=lambda item: item["path"])
        if matches.fullmatch(item["path"]) and not re.search(r"(^|/)\.", item["path"])
    ]
    return StoredFiles(scheme=scheme, store=store, files=tuple(files))


def _said(error: Exception, url: str) -> str:
    """Why a store refused, in its own words, and what was used to sign in there."""
    said = redacted(words(error), url)
    signed_in = credentials(url, os.environ)
    return said if signed_in is None else f"{said} ({signed_in})"


def copy_stored(stored: StoredFiles, folder: Path) -> dict[Path, StoredFile]:
    """Copy the objects into a folder; the copies in their order, and what each is a copy of.

    Raises `SourceError` where one cannot be read to its end, or changed meanwhile.
    """
    from obstore.exceptions import BaseError

    copies: dict[Path, StoredFile] = {}
    for i, file in enumerate(stored.files):
        # what a text is depends on the end of its name too
        path = folder / f"{i:06d}{''.join(Path(file.key).suffixes[-2:])[-20:]}"
        try:
            with path.open("wb") as to:
                for start in range(0, file.size, BLOCK):
                    to.write(read_range(stored.store, file, start, min(start + BLOCK, file.size)))
        except (BaseError, FileNotFoundError) as error:
            raise SourceError(f"{shown(file.url)} cannot be read: {_said(error, file.url)}") from None
        copies[path] = file
    return copies


def read_range(store: ObjectStore, file: StoredFile, start: int, end: int) -> bytes:
    """Bytes of an object, from `start` to before `end`, as it was when it was listed.

    Raises `SourceError` where it has been replaced since, and whatever obstore raises.
    """
    import obstore
    from obstore.exceptions import PreconditionError

    options: GetOptions = {"range": (start, end)}
    if file.e_tag is not None:
        options["if_match"] = file.e_tag
    try:
        data = bytes(obstore.get(store, file.key, options=options).bytes())
    except PreconditionError:
        raise SourceError(f"{shown(file.url)} was replaced while it was read; run it again") from None
    if len(data) != end - start:
        raise SourceError(f"{shown(file.url)} was cut while it was read; run it again")
    return data


class DuckdbFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """What DuckDB reads listed objects through, by their URLs: `register_filesystem` takes it.

    Names, sizes and times are those of the listing: opening a file asks the store nothing.
    """

    cachable = False  # fsspec would keep it, and what it lists, for as long as the process runs

    store: ObjectStore
    files: Mapping[str, StoredFile]

    @classmethod
    def of(cls, stored: StoredFiles) -> Self:
        """The file system of some objects; fsspec makes a text of what a constructor is given."""
        made: Self = cls()
        made.protocol, made.store = stored.scheme, stored.store
        made.files = {file.url: file for file in stored.files}
        return made

    def glob(self, path: str, **_: Any) -> list[str]:
        """The object of this name; DuckDB takes every name for a pattern."""
        return [path] if path in self.files else []

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What the listing says of an object."""
        return {"name": path, "size": self.files[path].size, "type": "file"}

    def exists(self, path: str, **_: Any) -> bool:
        """Whether the listing holds it."""
        return path in self.files

    def modified(self, path: str) -> datetime:
        """When it was written, as the listing says."""
        return self.files[path].modified

    def _open(self, path: str, mode: str = "rb", **_: Any) -> _OpenedObject:
        if mode != "rb":
            raise ValueError("traffic is only read")
        return _OpenedObject(self, path, block_size=READ_AHEAD)


class _OpenedObject(AbstractBufferedFile):  # type: ignore[misc]
    """An object that is read in pieces; fsspec reads ahead, and keeps the piece."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        return read_range(self.fs.store, self.fs.files[self.path], start, end)
