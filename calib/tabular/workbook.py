"""The first visible sheet of an .xlsx file as CSV: values alone, no formulas, nothing from outside."""

from __future__ import annotations

import csv
import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from calib.errors import InvalidInput
from calib.tabular.names import listed, plain

LARGEST = 50 * 2**20  # bytes unpacked
FORMULA = re.compile(rb"<f[ />]")
# One cell with a formula and without what it gives; a formula that gives an empty text says t="str".
NO_RESULT = re.compile(
    rb"<c (?:(?!t=\"str\")[^>])*>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>"
)
# What a program writes that did not compute the formulas, for the program that opens the file.
TO_BE_COMPUTED = re.compile(rb"<calcPr [^>]*fullCalcOnLoad=\"(?:1|true)\"")
PLACE = re.compile(
    rb"""<(?:\w+:)?(?:row\b[^>]*?\br=["'](?P<row>\d+)|c\b[^>]*?\br=["'](?P<column>[A-Z]+)\d)"""
)
MERGED = re.compile(rb"<mergeCell [^>]*ref=\"[A-Z]+([0-9]+):[A-Z]+([0-9]+)\"")


def as_csv(path: Path, to: Path) -> None:
    """Write the first visible sheet as CSV in UTF-8, blank rows left out.

    A formula is the value that was last computed for it. Raises `InvalidInput` for a file that is
    not a workbook, needs more than 50 MB unpacked, has formulas that nothing has computed yet, cells that
    are merged over several rows, or more rows of the same table on another visible sheet, or where openpyxl
    or defusedxml is not installed.
    """
    with to.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.writer(file, lineterminator="\n")
        width = 0
        for row in rows_of(path):
            width = width or len(row)
            writer.writerow(row + [""] * (width - len(row)))


def rows_of(path: Path) -> Iterator[list[str]]:
    """The rows of the first visible sheet that are not blank, as text, without the empty cells at their ends.

    Raises `InvalidInput` as `as_csv` does.
    """
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
                sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
                sheet, *others = sheets or book.worksheets
                _refuse_what_is_not_in_the_cells(path, sheet)
                names: list[str] = []
                for row in _filled(path, sheet):
                    if not names:
                        names = row
                        _refuse_more_of_it(path, names, sheet, others)
                    yield row
            finally:
                book.close()
    except InvalidInput:
        raise
    except Exception as error:  # noqa: BLE001  a damaged file fails in many ways
        raise InvalidInput(
            f"{path} cannot be read as .xlsx ({type(error).__name__}): open it and save it anew, or as CSV"
        ) from None


def _filled(path: Path, sheet: Any) -> Iterator[list[str]]:
    """The rows of a sheet that are not blank, each up to its last cell that is not.

    Reading row by row drops, without a word, what is not stored in the order of rows and columns: such a
    sheet is read as a whole.
    """
    if _in_order(sheet.parent._archive.read(sheet._worksheet_path)):
        sheet.reset_dimensions()  # what the file says of its own size may be wrong
    else:
        import openpyxl

        with path.open("rb") as file:
            sheet = openpyxl.load_workbook(file, data_only=True, keep_links=False)[sheet.title]
    for values in sheet.iter_rows(values_only=True):
        cells = [_cell(value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield cells


def _refuse_more_of_it(path: Path, names: list[str], sheet: Any, others: list[Any]) -> None:
    """Raise `InvalidInput` where another sheet goes on with the table: its rows would be left out unsaid."""
    own = {plain(name) for name in names} - {""}
    for other in others:
        shared = own & {plain(name) for name in next(_filled(path, other), [])}
        if len(shared) > 1 or shared == own:
            raise InvalidInput(
                f"{path}: the sheets {sheet.title!r} and {other.title!r} both have the columns "
                f"{listed(sorted(shared))}, and one sheet is read: put all rows into one, or save each sheet "
                "as a file of its own"
            )


def _refuse_what_is_not_in_the_cells(path: Path, sheet: Any) -> None:
    """Raise `InvalidInput` where cells look filled to people and are empty in the file."""
    archive, inside = sheet.parent._archive, sheet._worksheet_path
    xml = archive.read(inside)
    formulas = FORMULA.search(xml) is not None
    if formulas and (NO_RESULT.search(xml) or TO_BE_COMPUTED.search(archive.read("xl/workbook.xml"))):
        raise InvalidInput(
            f"{path}: the sheet {sheet.title!r} has formulas whose values were never computed: open it in a "
            "spreadsheet program and save it, or write values"
        )
    for first, last in MERGED.findall(xml):
        if first != last:
            raise InvalidInput(
                f"{path}: the sheet {sheet.title!r} has cells that are merged over the rows {int(first)} to "
                f"{int(last)}, of which only the first has their value: unmerge them and fill in each row"
            )


def _in_order(xml: bytes) -> bool:
    """Whether the rows of a sheet, and the cells of each, come in the order of their numbers."""
    row, column = 0, (0, b"")
    for match in PLACE.finditer(xml):
        if match["row"]:
            number = int(match["row"])
            if number <= row:
                return False
            row, column = number, (0, b"")
        else:
            letters = (len(match["column"]), match["column"])  # AA comes after Z
            if letters <= column:
                return False
            column = letters
    return True


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
