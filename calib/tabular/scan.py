"""How many records a CSV file holds, counted without parsing it: what DuckDB has to find as well.

Inside a pair of quotation marks nothing is structure. So the text is cut at its marks, every other part
lies outside, and the records are the line ends in what lies outside. That holds where every mark opens a
cell, closes one or is written twice; where one does not, the standard library's parser counts.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from calib.errors import InvalidInput
from calib.tabular.formats import Compression, file_errors, opened

BLOCK = 4 * 2**20
LONGEST_RECORD = 32 * 2**20
BOM = codecs.BOM_UTF8


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What a CSV file holds.

    `records`: its rows, without the line of names and without `cut_at`, the offset of a last row that was
    not written to its end. `even`: all of its lines end in the same way.
    """

    names: tuple[str, ...]
    delimiter: str
    records: int
    cut_at: int | None
    even: bool


def structure_of(path: Path, compression: Compression) -> Structure:
    """Read a CSV file in UTF-8 once and say what it holds.

    Raises `InvalidInput` with the line for text that is not UTF-8, a mark that opens a cell and never closes,
    and a row of which one cannot say where it ends.
    """
    with file_errors(path):
        names, delimiter = _header(path, compression)
        with opened(path, compression) as stream:
            scan = _Scan(path, delimiter).run(stream)
        if scan.stray:
            records, cut_at = _by_parser(path, compression, delimiter, len(names), scan)
        else:
            # the only cell of a row may be empty
            records = scan.lines - 1 + (scan.blanks if len(names) == 1 else 0)
            cut_at = scan.tail_at if _is_cut(path, scan, len(names), delimiter) else None
            records -= cut_at is not None
        return Structure(
            names=names, delimiter=delimiter, records=records, cut_at=cut_at, even=scan.line_ends <= 1
        )


class OpenCellError(Exception):
    """A quoted cell does not end where it should, or, `at_end`, the file ends inside it.

    `line` is where its row began.
    """

    def __init__(self, line: int, *, at_end: bool) -> None:
        super().__init__(line)
        self.line, self.at_end = line, at_end


def records_of(path: Path, compression: Compression, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every record of a CSV file but the first, with the number of its first line, by the standard library.

    Slow: for counting where marks stand in odd places, and for saying where a file is damaged. Raises
    `OpenCellError`.
    """
    csv.field_size_limit(LONGEST_RECORD)
    with opened(path, compression) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        reader = csv.reader(text, delimiter=delimiter, strict=True, skipinitialspace=True)
        begins = 1
        try:
            for row in reader:
                if row and begins > 1:
                    yield begins, row
                begins = reader.line_num + 1
        except csv.Error as error:
            raise OpenCellError(begins, at_end="end of data" in str(error)) from None


def _by_parser(
    path: Path, compression: Compression, delimiter: str, width: int, scan: _Scan
) -> tuple[int, int | None]:
    """The number of records and the offset of a cut one."""
    count, line, row = 0, 1, [""] * width
    try:
        for record in records_of(path, compression, delimiter):
            line, row = record
            count += 1
    except OpenCellError as error:
        if not error.at_end:
            raise open_quote(path, error.line) from None
        at, rest = _from_line(path, compression, error.line)
        if _holds_rows(rest, width, delimiter):
            raise open_quote(path, error.line) from None
        return count, at
    if not scan.half_a_character and (not scan.tail or len(row) >= width):
        return count, None
    return count - 1, _from_line(path, compression, line)[0]


def _from_line(path: Path, compression: Compression, line: int) -> tuple[int, str]:
    """The offset of a line, and the text from there on."""
    with opened(path, compression) as stream:
        at = sum(len(stream.readline()) for _ in range(line - 1))
        return at, stream.read(LONGEST_RECORD).decode("utf-8", "ignore")


def open_quote(path: Path, line: int) -> InvalidInput:
    """The error of a quoted cell without an end."""
    return InvalidInput(
        f"{path}, line {line}: a quotation mark opens a cell and is not closed where the cell ends; inside a "
        'quoted cell a mark is written twice: "say ""hello"""'
    )


def _header(path: Path, compression: Compression) -> tuple[tuple[str, ...], str]:
    """The names of the columns, and of comma, semicolon and tab the one that gives most of them."""
    csv.field_size_limit(LONGEST_RECORD)
    with opened(path, compression) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        first = text.readline(LONGEST_RECORD)
        while first.count('"') % 2 and (more := text.readline(LONGEST_RECORD)):  # a name with a line break
            first += more
            if len(first) > LONGEST_RECORD:
                break
    if "\0" in first:
        raise InvalidInput(f"{path}, line 1: the line of names holds zero bytes: it is not text")
    if "\ufffd" in first:
        raise not_utf8(path, 1)
    if not first.strip():
        raise InvalidInput(f"{path}, line 1 is blank: the first line names the columns")
    if first.lower().startswith("sep=") and len(first.strip()) <= len("sep=;"):
        raise InvalidInput(f"{path}, line 1: {first.strip()!r} speaks to Excel: delete this line")
    header: tuple[list[str], str] = ([], ",")
    for delimiter in ",;\t":
        try:
            names = _names(first, delimiter)
        except csv.Error:
            continue
        if len(names) > len(header[0]):
            header = names, delimiter
    if not header[0]:
        raise open_quote(path, 1)
    if len(header[0]) == 1 and "|" in header[0][0]:
        raise InvalidInput(
            f"{path}, line 1: '|' separates the names: separate cells by commas, semicolons or tabs"
        )
    return tuple(header[0]), header[1]


def _names(line: str, delimiter: str) -> list[str]:
    """The cells of the line of names; a blank in front of a quotation mark does not belong to the name."""
    names = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True))
    if not any(name.lstrip(" ").startswith('"') for name in names):
        return names
    return next(
        csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    )


def not_utf8(path: Path, line: int) -> InvalidInput:
    """The error of a byte that is not UTF-8."""
    return InvalidInput(
        f"{path}, line {line}: not UTF-8 text; it may be Latin-1 or Windows-1252: save the file as UTF-8"
    )


def zero_byte(path: Path, line: int) -> InvalidInput:
    """The error of a byte that no text has, as a writer leaves it that was stopped."""
    return InvalidInput(f"{path}, line {line}: a zero byte: the file was not written to its end")


class _Scan:
    """One pass over the bytes of a CSV file."""

    def __init__(self, path: Path, delimiter: str) -> None:
        mark = re.escape(delimiter.encode())
        # a mark, as it is left between two parts that lie outside, in an odd place
        self._odd = re.compile(rb'[^%s\n"]"|"[^%s\n"]' % (mark, mark))
        self._path = path
        self.lines = self.blanks = 0
        self.stray = self.inside = self.half_a_character = False
        self.tail, self.tail_at = b"", 0
        self._ends: set[bytes] = set()
        self._before = b"\n"
        self._line = 1

    def run(self, stream: IO[bytes]) -> _Scan:
        decoder = codecs.getincrementaldecoder("utf-8")()
        at = 0
        block = stream.read(BLOCK)
        if block.startswith(BOM):
            block, at = block[len(BOM) :], len(BOM)
            self.tail_at = at
        while block:
            while block.endswith(b"\r") and (more := stream.read(1)):
                block += more
            self._text(block, decoder)
            self._structure(block, at)
            at += len(block)
            if len(self.tail) > LONGEST_RECORD:
                raise open_quote(self._path, self._line - self.tail.count(b"\n"))
            block = stream.read(BLOCK)
        self.lines += bool(self.tail)
        self.half_a_character = bool(decoder.getstate()[0])
        return self

    @property
    def line_ends(self) -> int:
        return len(self._ends)

    @property
    def tail_line(self) -> int:
        """The line on which the last row begins."""
        return self._line - self.tail.count(b"\n")

    def _text(self, block: bytes, decoder: codecs.IncrementalDecoder) -> None:
        if b"\0" in block:
            line = self._line + block[: block.index(b"\0")].count(b"\n")
            raise zero_byte(self._path, line)
        if block.isascii() and not decoder.getstate()[0]:
            return
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            raise not_utf8(self._path, self._line + block[: error.start].count(b"\n")) from None

    def _structure(self, block: bytes, at: int) -> None:
        self._line += block.count(b"\n")
        if b'"' not in block:
            if self.inside:
                self.tail += block
                return
            outside, last = block, block.rfind(b"\n")
            if last < 0 or b"\r" in block:
                last = max(last, block.rfind(b"\r"))
        else:
            parts = block.split(b'"')
            begins = int(self.inside)
            outside = b'"'.join(parts[begins::2])
            self.inside = bool((begins + len(parts) - 1) % 2)
            if self.inside:
                outside += b'"'
            last = _last_end(parts, begins)
            if not self.stray and self._odd.search(self._even(self._before[-1:] + outside)):
                self.stray = True
        if last < 0:
            self.tail += block
        else:
            self.tail, self.tail_at = block[last + 1 :], at + last + 1
        self._lines(outside)

    def _lines(self, outside: bytes) -> None:
        if b"\r" in outside:
            pairs = outside.count(b"\r\n")
            self._note(b"\r\n", pairs)
            self._note(b"\r", outside.count(b"\r") - pairs)
            self._note(b"\n", outside.count(b"\n") - pairs)
            outside = self._even(outside)
        elif b"\n" in outside:
            self._ends.add(b"\n")
        blanks = 0
        if b"\n\n" in outside:
            blanks = len(re.findall(rb"\n(?=\n)", outside))
        blanks += self._before.endswith(b"\n") and outside.startswith(b"\n")
        self.blanks += blanks
        self.lines += outside.count(b"\n") - blanks
        self._before = outside[-1:] or self._before

    def _note(self, end: bytes, count: int) -> None:
        if count:
            self._ends.add(end)

    def _even(self, text: bytes) -> bytes:
        return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _last_end(parts: list[bytes], begins: int) -> int:
    """The offset of the last line end outside marks in a block that was cut into `parts`; -1 without one."""
    end = sum(len(part) + 1 for part in parts) - 1
    for i in range(len(parts) - 1, -1, -1):
        start = end - len(parts[i])
        if i % 2 == begins % 2:
            last = max(parts[i].rfind(b"\n"), parts[i].rfind(b"\r"))
            if last >= 0:
                return start + last
        end = start - 1
    return -1


def _is_cut(path: Path, scan: _Scan, width: int, delimiter: str) -> bool:
    """Whether the last row was not written to its end: no line end, and too few cells or an open one."""
    if scan.inside and width == 1:
        raise open_quote(path, scan.tail_line)
    if width == 1 or not scan.tail:
        return False
    text = scan.tail.decode("utf-8", "ignore")
    if scan.half_a_character:
        return True
    if not scan.inside:
        return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])) < width
    if _holds_rows(text, width, delimiter):
        raise open_quote(path, scan.tail_line)
    return True


def _holds_rows(text: str, width: int, delimiter: str) -> bool:
    """Whether a line after the first looks like a row: an open mark has swallowed it, and was not cut off."""
    return any(
        len(row) >= width for line in text.splitlines()[1:] for row in csv.reader([line], delimiter=delimiter)
    )
