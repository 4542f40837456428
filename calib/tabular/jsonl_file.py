"""A JSON Lines file as DuckDB is asked to read it: one object a line, nested fields as `a.b`."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from calib.errors import InvalidInput
from calib.tabular.columns import literal
from calib.tabular.csv_file import exactly, transcode
from calib.tabular.formats import Compression, Format, TemporaryFolder, file_errors, opened
from calib.tabular.names import plain
from calib.tabular.scan import LONGEST_RECORD, not_utf8, zero_byte

DEEPEST = 8  # fields inside fields
# One escape of JSON. An emoji is two of them, of which JavaScript leaves one where it cuts a text between.
ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
NO_CHARACTER = rb"\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonlFile:
    """A JSON Lines file: its fields, where each lies (JSON pointers), and how many objects it holds.

    A field has several pointers where its name is written in several cases, of which no row has two. `cut`:
    its last line was not written to its end, and is left out.
    """

    names: tuple[str, ...]
    pointers: tuple[tuple[str, ...], ...]
    records: int
    cut: bool
    read_from: Path
    compression: Compression
    folder: TemporaryFolder | None = None

    def source(self) -> str:
        """The rows, with the columns c0, c1, … of text."""
        return jsonl_source([self.read_from], self.pointers, compression=self.compression)


def jsonl_source(
    paths: list[Path], pointers: tuple[tuple[str, ...], ...], *, compression: Compression
) -> str:
    """DuckDB's reader of JSON Lines, as SQL; a field that is null or not there is NULL."""
    expressions = ", ".join(f"{_value(places)} AS c{i}" for i, places in enumerate(pointers))
    return f"(SELECT {expressions or 'json AS c0'} FROM {_objects(paths, compression)})"  # noqa: S608


def jsonl_file(connection: duckdb.DuckDBPyConnection, path: Path, form: Format) -> JsonlFile:
    """Read the structure of a JSON Lines file.

    Raises `InvalidInput` with the line for text that is not UTF-8 and a line that is not one object.
    """
    folder: TemporaryFolder | None = None
    source, compression = path, form.compression
    if form.encoding != "utf-8":
        folder = TemporaryFolder()
        source = folder.path / "utf8.jsonl"
        transcode(path, form, source)
        compression = "none"
    records, cut, uneven = _scan(path, source, compression)
    if cut or uneven:
        folder = folder or TemporaryFolder()
        even = folder.path / "even.jsonl"
        with file_errors(path), opened(source, compression) as lines, even.open("wb") as out:
            remaining = records
            for line in lines:
                line = line.removeprefix(
                    codecs.BOM_UTF8
                )  # of the encoding, in front of each file put together
                if line.strip() and remaining:
                    out.write(_whole(line))
                    remaining -= 1
        source, compression = even, "none"
    try:
        query = f"SELECT json_group_structure(json) FROM {_objects([source], compression)}"  # noqa: S608
        counts = connection.execute(query).fetchone()
    except duckdb.Error as error:
        raise jsonl_fault(path, source, compression, error) from None
    structure = json.loads(counts[0]) if counts and counts[0] else {}
    if not isinstance(structure, dict) and (fault := _other_than_objects(path, source, compression)):
        raise fault
    found = _fields(structure, "", "", 0) if isinstance(structure, dict) else []
    found += _written_twice(connection, found, _objects([source], compression))
    fields = _in_one_case(connection, found, _objects([source], compression))
    return JsonlFile(
        names=tuple(name for name, _ in fields),
        pointers=tuple(places for _, places in fields),
        records=records,
        cut=cut,
        read_from=source,
        compression=compression,
        folder=folder,
    )


def jsonl_fault(path: Path, source: Path, compression: Compression, error: Exception) -> InvalidInput:
    """Where a JSON Lines file is damaged, found by reading it once more, line by line."""
    return _other_than_objects(path, source, compression) or InvalidInput(
        f"{path} cannot be read as JSON Lines: {type(error).__name__}"
    )


def _other_than_objects(path: Path, source: Path, compression: Compression) -> InvalidInput | None:
    with opened(source, compression) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip() and not isinstance(_parsed(line), dict):
                return _no_object(path, number)
    return None


def _no_object(path: Path, line: int) -> InvalidInput:
    return InvalidInput(f"{path}, line {line}: not one JSON object, as each line has to be")


def _value(places: tuple[str, ...]) -> str:
    values = ", ".join(f"json->>{literal(pointer)}" for pointer in places)
    return f"coalesce({values})" if len(places) > 1 else f"({values})"


def _written_twice(
    connection: duckdb.DuckDBPyConnection, fields: list[tuple[str, str]], objects: str
) -> list[tuple[str, str]]:
    """The fields that one object holds more than once: which of the values is meant cannot be known."""
    if not fields:
        return []
    inside = dict.fromkeys(pointer.rpartition("/")[0] for _, pointer in fields)
    keys = [f"json_keys(json{f', {literal(at)}' if at else ''})" for at in inside]
    columns = ", ".join(f"{key} AS k{i}" for i, key in enumerate(keys))
    each = ", ".join(f"k{i}" for i in range(len(keys)))
    twice = connection.execute(
        f"SELECT DISTINCT keys FROM (SELECT unnest([{each}]) AS keys FROM (SELECT DISTINCT {columns} "  # noqa: S608
        f"FROM {objects})) WHERE len(keys) > len(list_distinct(keys))"
    ).fetchall()
    more = {key for (keys_of_one,) in twice for key, n in Counter(keys_of_one).items() if n > 1}
    return [(name, pointer) for name, pointer in fields if _key(pointer.rpartition("/")[2]) in more]


def _key(escaped: str) -> str:
    return escaped.replace("~1", "/").replace("~0", "~")


def _in_one_case(
    connection: duckdb.DuckDBPyConnection, fields: list[tuple[str, str]], objects: str
) -> list[tuple[str, tuple[str, ...]]]:
    """The fields with their pointers: those whose names differ in case alone are one, if no row has two."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, pointer in fields:
        alike.setdefault(plain(name), []).append((name, pointer))
    joined: list[tuple[str, tuple[str, ...]]] = []
    for group in alike.values():
        places = tuple(pointer for _, pointer in group)
        names = {name for name, _ in group}
        if len(names) == len(group) > 1:
            stated = " + ".join(f"(json->>{literal(pointer)} IS NOT NULL)::INTEGER" for pointer in places)
            most = connection.execute(f"SELECT max({stated}) FROM {objects}").fetchone()  # noqa: S608
            if most is not None and most[0] is not None and most[0] <= 1:
                joined.append((group[0][0], places))
                continue
        joined += [(name, (pointer,)) for name, pointer in group]
    return joined


def _whole(line: bytes) -> bytes:
    """A line without escapes that are half a character, which DuckDB does not read."""
    return ESCAPE.sub(lambda escape: NO_CHARACTER if escape[1] else escape[0], line)


def _objects(paths: list[Path], compression: Compression) -> str:
    files = ", ".join(map(exactly, paths))
    return (
        f"read_ndjson_objects([{files}], compression = '{compression}', "
        f"maximum_object_size = {LONGEST_RECORD})"
    )


def _scan(path: Path, source: Path, compression: Compression) -> tuple[int, bool, bool]:
    """The number of objects, whether the last line was cut, and whether a line has a mark in front of it or
    a text holds half a character.
    """
    records, last, number, uneven = 0, b"", 0, False
    with file_errors(path), opened(source, compression) as lines:
        for number, line in enumerate(lines, 1):
            last = line
            if not line.isascii():
                uneven = uneven or line.startswith(codecs.BOM_UTF8)
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    if line.endswith(b"\n") or error.end < len(line):
                        raise not_utf8(path, number) from None
            if b"\0" in line:
                raise zero_byte(path, number)
            uneven = uneven or ((b"\\ud" in line or b"\\uD" in line) and _whole(line) != line)
            records += not line.isspace() and line.strip() != codecs.BOM_UTF8
    open_end = bool(last) and not last.endswith(b"\n") and not last.isspace()
    if open_end and not isinstance(_parsed(last), dict):
        if b"\r{" in last:
            raise InvalidInput(f"{path}, line {number}: end each line with a line feed, not \\r alone")
        return records - 1, True, uneven
    return records, False, uneven


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _fields(structure: dict[str, Any], name: str, pointer: str, depth: int) -> list[tuple[str, str]]:
    fields = []
    for key, inner in structure.items():
        full = f"{name}.{key}" if name else key
        at = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        if isinstance(inner, dict) and inner and depth < DEEPEST:
            fields += _fields(inner, full, at, depth + 1)
        else:
            fields.append((full, at))
    return fields
