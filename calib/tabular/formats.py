"""What a file is, by its first bytes, and its bytes without compression."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import weakref
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from calib.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

Form = Literal["csv", "jsonl", "parquet", "xlsx"]
Compression = Literal["none", "gzip", "zstd"]
WANTED = "give a CSV, Parquet, JSON Lines or xlsx file"
SAMPLE = 65_536  # bytes from which the kind of a text is recognised
NUMBERS_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an old Excel file: save it as .xlsx or as CSV",
    b"%PDF": "a PDF document",
    b"SQLi": 'a SQLite database: in calib.toml, traffic = "sqlite:FILE#TABLE" reads it',
    b"BZh": "compressed by bzip2: only .gz and .zst are read",
    b"\xfd7zX": "compressed by xz: only .gz and .zst are read",
    b"ARRO": "an Arrow file: write it as Parquet",
    b"ORC": "an ORC file: write it as Parquet",
    b"Obj\x01": "an Avro file: write it as Parquet",
}
PACKED = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "an xlsx or ZIP file",
    b"\x1f\x8b": "a compressed file",
    b"\x28\xb5\x2f\xfd": "a compressed file",
    b"SQLi": "a SQLite database",
}
TAR, TAR_AT = b"ustar", 257  # the mark of an archive, and where it stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The form of a file. `encoding` is Python's name of it, for CSV and JSON Lines."""

    form: Form
    compression: Compression = "none"
    encoding: str = "utf-8"


def format_of(path: Path) -> Format:
    """What a file is, by its first bytes and not by its name.

    Raises `InvalidInput` for what is not a file, is empty, or has a form that is not read here.
    """
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file: {WANTED}")
    with file_errors(path):
        with path.open("rb") as file:
            magic = file.read(8)
        if not magic:
            raise _empty(path)
        if magic[:4] == b"PAR1":
            return Format(form="parquet")
        if magic[:4] == b"PK\x03\x04":
            if not _is_workbook(path):
                raise InvalidInput(f"{path} is a ZIP archive: unpack it; {WANTED}")
            return Format(form="xlsx")
        for first, what in FOREIGN.items():
            if magic.startswith(first):
                raise InvalidInput(f"{path} is {what}; {WANTED}")
        compression: Compression = "none"
        if magic[:2] == b"\x1f\x8b":
            compression = "gzip"
        elif magic[:4] == b"\x28\xb5\x2f\xfd":
            compression = "zstd"
        with opened(path, compression) as stream:
            head = stream.read(SAMPLE)
    if not head:
        raise _empty(path)
    if (inside := _inside(head)) is not None:
        raise InvalidInput(f"{path} is {inside} that was compressed as a whole: unpack it first")
    encoding = NUMBERS_16.get(head[:2], "utf-8")
    text = head.decode(encoding, "ignore").removeprefix("\ufeff")
    if encoding == "utf-8" and text[:64].count("\0") > 4:
        raise InvalidInput(
            f"{path}, line 1: the text is UTF-16 without its mark, or no text at all; save it as UTF-8"
        )
    begins = text.lstrip()[:1]
    named_json = Path(path.name.removesuffix(".gz").removesuffix(".zst")).suffix == ".json"
    if begins == "[" and (named_json or text.lstrip()[1:].lstrip()[:1] in ("{", "]")):
        raise InvalidInput(f"{path} is one JSON array: write one object a line, without commas between them")
    return Format(form="jsonl" if begins == "{" else "csv", compression=compression, encoding=encoding)


class TemporaryFolder:
    """A folder for even copies of a file, removed with the last reference to it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="calib-"))
        weakref.finalize(self, shutil.rmtree, str(self.path), ignore_errors=True)


@contextmanager
def opened(path: Path, compression: Compression) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked while they are read."""
    if compression == "gzip":
        with gzip.open(path, "rb") as stream:
            yield cast("IO[bytes]", stream)
    elif compression == "zstd":
        try:
            zstd = _zstd()
        except ImportError:
            raise InvalidInput(
                f"{path} is compressed by zstd, which needs backports-zstd before Python 3.14: "
                "pip install 'calibwatch[measure]', or unpack the file"
            ) from None
        with zstd.open(path, "rb") as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Errors of the file system and of unpacking as `InvalidInput` with the file's name."""
    try:
        yield
    except EOFError:
        raise InvalidInput(
            f"{path} cannot be read: its compressed data end too early; copy or write the file again"
        ) from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:
        if type(error).__name__ not in ("ZstdError", "error"):  # zstd's own, zlib's own
            raise
        raise InvalidInput(f"{path} cannot be read: its compressed data are damaged ({error})") from None


def _inside(head: bytes) -> str | None:
    """What was compressed, where it is no text; `head` are its first bytes."""
    if head[TAR_AT : TAR_AT + len(TAR)] == TAR:
        return "an archive (tar)"
    return next((what for first, what in PACKED.items() if head.startswith(first)), None)


def _is_workbook(path: Path) -> bool:
    """Whether a ZIP archive holds a workbook of Excel; a damaged one is said where it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except zipfile.BadZipFile:
        return True


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _empty(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} is empty: its first line names the columns, each other line is a row")
