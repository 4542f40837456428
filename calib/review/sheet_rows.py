"""The rows of a sheet: which drawn row each of them is, whatever a spreadsheet has made of ids and dates.

Every exported row carries a key, such as `s4fa2c1-17-9f2c`: the export, the item, and four digits that prove
that the item has this id. No spreadsheet takes it for a number or a date. A row of any other file is found by
its id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from calib.db import tables, windows
from calib.errors import InvalidInput
from calib.period import Period
from calib.review import queue
from calib.tabular.names import find, listed, plain
from calib.tabular.rules import CannotKeepError, text_of
from calib.text import armed

KEY = re.compile(r"(s[0-9a-f]{6})-(\d{1,18})-([0-9a-f]{4})")
POWER_OF_TEN = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
OPTIONAL = ("row", "period", "by", "at", "stream", "comment")


def row_key(sheet: str, item_id: int, prediction_id: str) -> str:
    """The key of an exported row. `sheet` is `s` and six hexadecimal digits, drawn anew for each export.

    >>> KEY.fullmatch(row_key("s4fa2c1", 17, "p-1")).group(2)
    '17'
    """
    return f"{sheet}-{item_id}-{_check(prediction_id)}"


def _check(prediction_id: str) -> str:
    return hashlib.sha256(prediction_id.encode("utf-8", "replace")).hexdigest()[:4]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """A row of a file as text, empty where it has no such cell. `cut`: the file ends inside it."""

    line: int
    cells: dict[str, str]
    cut: bool = False

    @property
    def answer(self) -> str:
        """What somebody wrote: in the column `label` or, as in sheets of earlier versions, in `answer`."""
        return self.cells["label"].strip() or self.cells["answer"].strip()


def read_rows(path: Path) -> Iterator[SheetRow]:
    """The rows of a file with a column `prediction_id` or `row`, and one `label` or `answer`.

    Raises `InvalidInput` for a file that cannot be read or lacks a column.
    """
    from calib.tabular import Texts, open_table  # an export needs no reader of files

    try:
        table = open_table(path)
    except InvalidInput:
        moved = list(_rows_below_and_above_their_names(path))
        if not moved:
            raise
        yield from moved
        return
    if not all(find(table.names, name) for name in ("row", "prediction_id")):
        moved = list(_rows_below_and_above_their_names(path))
        if moved:
            yield from moved
            return
    have = {name for name in (*OPTIONAL, "label", "answer", "prediction_id") if find(table.names, name)}
    for name in sorted(have):
        alike = [known for known in table.names if plain(known) == name]
        if len(set(alike)) > 1:
            raise InvalidInput(f"{path} has the columns {listed(alike)}: keep the one that holds the {name}")
    needed = {"prediction_id"} - (set() if "row" not in have else {"prediction_id"})
    needed |= set() if have & {"label", "answer"} else {"label"}
    columns = {name: Texts(name, raw=True) for name in sorted(have | needed)}
    rows = table.read(columns)
    lines = table.lines()
    cells = {name: rows[name].values.tolist() for name in columns}
    if "label" in cells and "answer" in cells and not _answered_in_another_column(cells):
        del cells["answer"]
    empty = dict.fromkeys((*OPTIONAL, "label", "answer", "prediction_id"), "")
    if "cut_line" in rows.rejected:
        yield SheetRow(line=lines[-1] + 1 if lines else 2, cells=empty, cut=True)
    for i, record in enumerate(rows.record.tolist()):
        row = {name: "" if values[i] is None else str(values[i]) for name, values in cells.items()}
        yield SheetRow(line=lines[record], cells=empty | row)


def _rows_below_and_above_their_names(path: Path) -> Iterator[SheetRow]:
    """The rows of an exported sheet whose line of names was sorted in among them; none where that is not so.

    A spreadsheet does so where it takes the first line for a row, as in a sheet that holds text alone.
    """
    lines = list(_lines(path))
    heads = [i for i, (_, cells) in enumerate(lines) if _are_names(cells)]
    if not heads or heads[0] == 0:
        return
    names = [plain(name) for name in lines[heads[0]][1]]
    empty = dict.fromkeys((*OPTIONAL, "label", "answer", "prediction_id"), "")
    for i, (line, cells) in enumerate(lines):
        if i not in heads:
            known = {name: cell for name, cell in zip(names, cells, strict=False) if name in empty}
            yield SheetRow(line=line, cells=empty | known)


def _are_names(cells: Sequence[str]) -> bool:
    names = {plain(cell) for cell in cells}
    return {"row", "prediction_id"} <= names and bool({"label", "answer"} & names)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of a workbook or a CSV file with their numbers, the first one included."""
    from calib.tabular.csv_file import csv_file
    from calib.tabular.formats import format_of
    from calib.tabular.scan import records_of
    from calib.tabular.workbook import rows_of

    form = format_of(path)
    if form.form == "xlsx":
        yield from enumerate(rows_of(path), start=1)
    elif form.form == "csv":
        file = csv_file(path, form)
        if file.structure.cut_at is not None:
            return  # the last row is not whole: nothing of such a file is guessed
        yield 1, list(file.structure.names)
        yield from records_of(file.read_from, file.compression, file.structure.delimiter)


def _answered_in_another_column(cells: dict[str, list[str | None]]) -> bool:
    """Whether a column `answer` beside `label` was filled in for it, as sheets of earlier versions ask for.

    So in an exported sheet whose column `label` is empty. In any other file it may be the model's answer.
    """
    filled_in = any((text or "").strip() for text in cells["label"])
    exported = any(KEY.fullmatch((text or "").strip().lower()) for text in cells.get("row", ()))
    return exported and not filled_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row of a file belongs: the item and its period, and the exported sheet that it comes from."""

    item_id: int
    period: str
    prediction_id: str
    sheet: str | None


class NotFoundError(Exception):
    """Why a row of a file is none of the drawn rows. `ours`: it comes from an exported sheet."""

    def __init__(self, why: str, *, ours: bool = False) -> None:
        super().__init__(why)
        self.ours = ours


class DrawnRows:
    """All drawn rows of a stream, by key and by id."""

    def __init__(self, conn: Connection, stream: str) -> None:
        w = tables.windows
        query = (
            select(w.c.id, w.c.period)
            .where(w.c.stream == stream)
            .order_by(windows.WAITING.desc(), w.c.ends_at.desc(), w.c.revision.desc())
        )
        # Windows that still wait for labels first, then the newest.
        self._windows = [(row.period, queue.items_of(conn, row.id)) for row in conn.execute(query).all()]
        self._by_item = {
            item: (period, id_) for period, items in self._windows for id_, item in items.items()
        }

    def place(self, cells: dict[str, str]) -> Place:
        """Which drawn row a row of a file is.

        By its key, unless the id beside it is that of another drawn row; without a key by its id: as
        `calib.review.sheets` writes it, as it is, or as an editor left it. An id that several windows drew is
        the one that still waits for labels, else the newest, unless the row says which period. A period that
        a spreadsheet has rewritten as a date says nothing. Raises `NotFoundError`.
        """
        id_, sheet = cells["prediction_id"], None
        by_id = self._by_id(id_, cells["period"].strip())
        if key := KEY.fullmatch(cells["row"].strip().lower()):
            sheet = key.group(1)
            period, drawn_id = self._by_item.get(int(key.group(2)), ("", ""))
            if period and _check(drawn_id) == key.group(3):
                if by_id is not None and by_id[1] != drawn_id:
                    raise NotFoundError(
                        f"the key in the column row is that of {drawn_id!r:.80}, and prediction_id says "
                        f"{id_!r:.80}: was one column sorted without the others? Export the sheet again",
                        ours=True,
                    )
                by_id = self._by_id(drawn_id, period, as_it_is=True)
        if by_id is not None:
            period, drawn_id, item = by_id
            return Place(item_id=item, period=period, prediction_id=drawn_id, sheet=sheet)
        if POWER_OF_TEN.fullmatch(id_.strip()):
            raise NotFoundError(
                f"a spreadsheet has shortened prediction_id to {id_.strip()!r:.40}: fill in the .xlsx of "
                "`calib labels export`, or keep its column row",
                ours=True,
            )
        if not id_.strip():
            raise NotFoundError("prediction_id is empty", ours=True)
        raise NotFoundError(f"{id_!r:.80} is not in the sample", ours=sheet is not None)

    def _by_id(self, id_: str, period: str, *, as_it_is: bool = False) -> tuple[str, str, int] | None:
        bare = armed(id_.strip())
        spellings = (id_,) if as_it_is else (armed(id_), id_, bare, _as_text(bare))
        named = period if any(_is_period(period, like=known) for known, _ in self._windows) else ""
        for name in dict.fromkeys(spellings):
            for drawn_period, items in self._windows:
                if name is not None and named in ("", drawn_period) and name in items:
                    return drawn_period, name, items[name]
        return None


def _as_text(id_: str) -> str | None:
    """An id as traffic has it, without the `.0` of a number; None for a number that was rounded."""
    try:
        return text_of(id_)
    except CannotKeepError:
        return None


def _is_period(text: str, *, like: str) -> bool:
    """Whether a text names a period of the kind of another one: October 2026 is not 2026-10-01 to a month."""
    try:
        return Period.named(text).kind == Period.named(like).kind
    except InvalidInput:
        return False
