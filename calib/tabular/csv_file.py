"""A CSV file as DuckDB is asked to read it, and what to say where it cannot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from calib.errors import InvalidInput
from calib.tabular.columns import literal
from calib.tabular.formats import Compression, Format, TemporaryFolder, file_errors, opened
from calib.tabular.scan import (
    LONGEST_RECORD,
    OpenCellError,
    Structure,
    open_quote,
    records_of,
    structure_of,
)

BLOCK = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFile:
    """A CSV file with its structure. `read_from` is the file itself, or an even copy of it in `folder`."""

    structure: Structure
    read_from: Path
    compression: Compression
    folder: TemporaryFolder | None = None

    def source(self, *, parallel: bool = True) -> str:
        """The table function, with the columns c0, c1, … of text."""
        return csv_source([self.read_from], self.structure, compression=self.compression, parallel=parallel)


def csv_source(
    paths: list[Path], structure: Structure, *, compression: Compression, parallel: bool = True
) -> str:
    """DuckDB's reader of CSV for files of one structure, as SQL; an empty cell is NULL."""
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(structure.names)))
    files = ", ".join(map(exactly, paths))
    return (
        f"read_csv([{files}], auto_detect = false, header = true, delim = {literal(structure.delimiter)}, "
        f"quote = '\"', escape = '\"', nullstr = '', columns = {{{types}}}, compression = '{compression}', "
        f"max_line_size = {LONGEST_RECORD}, parallel = {str(parallel).lower()})"
    )


def csv_file(path: Path, form: Format) -> CsvFile:
    """Read the structure of a CSV file, and put an even copy beside it where DuckDB would stumble.

    That is text in UTF-16, a file whose lines end in several ways, and one whose last row was cut.
    """
    folder: TemporaryFolder | None = None
    source, compression = path, form.compression
    if form.encoding != "utf-8":
        folder = TemporaryFolder()
        source = folder.path / "utf8.csv"
        transcode(path, form, source)
        compression = "none"
    try:
        structure = structure_of(source, compression)
    except InvalidInput as error:
        raise InvalidInput(str(error).replace(str(source), str(path))) from None
    if structure.cut_at is not None or not structure.even:
        folder = folder or TemporaryFolder()
        even = folder.path / "even.csv"
        with file_errors(path):
            _even_copy(source, compression, even, structure.cut_at)
        source, compression = even, "none"
    return CsvFile(structure=structure, read_from=source, compression=compression, folder=folder)


def transcode(path: Path, form: Format, to: Path) -> None:
    """Copy text in UTF-16 as UTF-8."""
    import codecs

    decoder = codecs.getincrementaldecoder(form.encoding)()
    line = 1
    with file_errors(path), opened(path, form.compression) as stream, to.open("wb") as out:
        while True:
            block = stream.read(BLOCK)
            try:
                # a last character that was cut belongs to a last row that was cut
                text = decoder.decode(block)
            except UnicodeDecodeError:
                raise InvalidInput(
                    f"{path}, after line {line}: not UTF-16 text, as its first bytes say; save it as UTF-8"
                ) from None
            line += text.count("\n")
            out.write(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"))
            if not block:
                break


def _even_copy(path: Path, compression: Compression, to: Path, cut_at: int | None) -> None:
    """Copy a file up to an offset, with one kind of line end outside of quoted cells."""
    remaining = cut_at if cut_at is not None else 2**62
    outside = True
    with opened(path, compression) as stream, to.open("wb") as out:
        while block := stream.read(min(BLOCK, remaining)):
            remaining -= len(block)
            while block.endswith(b"\r") and remaining and (more := stream.read(1)):
                block, remaining = block + more, remaining - 1
            parts = block.split(b'"')
            for i, part in enumerate(parts):
                if outside == (i % 2 == 0) and b"\r" in part:
                    parts[i] = part.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            outside ^= len(parts) % 2 == 0
            out.write(b'"'.join(parts))


def fault_of(path: Path, file: CsvFile) -> InvalidInput | None:
    """Where a CSV file is damaged, found by reading it once more, row by row."""
    names, delimiter = file.structure.names, file.structure.delimiter
    try:
        for line, row in records_of(file.read_from, file.compression, delimiter):
            if len(row) == len(names) or (len(row) > len(names) and not any(row[len(names) :])):
                continue
            where = f"{path}, line {line}"
            cells = {cell.strip().lower() for cell in row}
            if len(cells & {name.strip().lower() for name in names}) > 1:
                return InvalidInput(
                    f"{where}: a second line of names, with {len(row)} columns where the first line has "
                    f"{len(names)}: give each layout a file of its own"
                )
            return InvalidInput(
                f"{where}: {len(row)} cells where the first line names {len(names)} columns: put cells "
                f"that hold a {delimiter!r} or a line break in quotation marks, and give each layout a file "
                "of its own"
            )
    except OpenCellError as error:
        return open_quote(path, error.line)
    return None


def exactly(path: Path | str) -> str:
    """The path as an SQL literal in which `*`, `?` and `[` mean themselves; so they do in an object's URL."""
    if isinstance(path, str):
        return literal(path)
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))
