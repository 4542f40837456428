"""The first sheet of an .xlsx file as CSV: values alone, no formulas, nothing from outside."""

from __future__ import annotations

import csv
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from calib.errors import InvalidInput

LARGEST = 50 * 2**20  # bytes unpacked


def as_csv(path: Path, to: Path) -> None:
    """Write the first sheet as CSV in UTF-8, blank rows left out.

    A formula is the value that was last computed for it. Raises `InvalidInput` for a file that is
    not a workbook, needs more than 50 MB unpacked, or where openpyxl or defusedxml is not installed.
    """
    with to.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.writer(file, lineterminator="\n")
        width = 0
        for row in _rows(path):
            cells = [_cell(value) for value in row]
            while cells and not cells[-1]:
                cells.pop()
            if not cells:
                continue
            width = width or len(cells)
            writer.writerow(cells + [""] * (width - len(cells)))


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    try:
        import defusedxml  # noqa: F401  openpyxl reads XML by it where it is installed
        import openpyxl
    except ImportError:
        raise InvalidInput(
            f"{path} is .xlsx, which needs openpyxl: pip install 'calibwatch[jobs]', or save it as CSV"
        ) from None
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise InvalidInput(f"{path} needs more than {LARGEST:,} bytes unpacked: save it as CSV")
        # by its bytes: openpyxl goes by the name where it is given one
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, none of which is read here
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                sheet = book.worksheets[0]
                sheet.reset_dimensions()  # what the file says of its own size may be wrong
                yield from sheet.iter_rows(values_only=True)
            finally:
                book.close()
    except InvalidInput:
        raise
    except Exception as error:  # noqa: BLE001  a damaged file fails in many ways
        raise InvalidInput(
            f"{path} cannot be read as .xlsx ({type(error).__name__}): open it and save it anew, or as CSV"
        ) from None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value).replace("\0", "")
