"""What every command on files says of a file that it read."""

from __future__ import annotations

from dataclasses import dataclass, field


# Without slots: Python lets a class inherit from one class with slots alone, and results inherit from two.
@dataclass(frozen=True, kw_only=True)
class FileRead:
    """A file, its rows, and those that are not counted, by kind.

    `rounded`: confidences beyond 0 or 1 by at most 1e-6, taken as that end. `columns`: the file's own name of
    each column that is used, by role; of these, `guessed` were found by another name than the documented one,
    and `unasked` are optional and are used because the file has them.
    """

    file: str
    rows: int
    rejected: dict[str, int]
    rounded: int
    columns: dict[str, str]
    guessed: tuple[str, ...] = ()
    unasked: tuple[str, ...] = field(default=())
