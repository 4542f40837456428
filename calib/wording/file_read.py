"""What is said of a file that was read: which columns are used, and which rows are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Read(Protocol):
    """What is known of a file that was read; see `calib.results.file_read.FileRead`."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The file's own names of the columns, by role."""

    @property
    def guessed(self) -> Sequence[str]:
        """The roles that were guessed."""

    @property
    def unasked(self) -> Sequence[str]:
        """The optional roles that nobody asked for."""

    @property
    def rejected(self) -> Mapping[str, int]:
        """Rows that are not counted, by kind."""

    @property
    def rounded(self) -> int:
        """Confidences that were taken as 0 or 1."""


ROLES = {"paired_by": "paired by"}


def columns_words(read: Read) -> str:
    """Which column is used for what: `confidence 'score' (guessed), correct 'correct'`."""
    return ", ".join(
        f"{ROLES.get(role, role)} {name!r}{_how(read, role)}" for role, name in read.columns.items()
    )


def _how(read: Read, role: str) -> str:
    if role in read.guessed:
        return " (guessed)"
    return " (used because the file has it)" if role in read.unasked else ""


def not_counted_words(read: Read) -> str:
    """The rows that are not counted, by kind, and what was rounded; empty where there are none."""
    kinds = kinds_words(read.rejected)
    n = read.rounded
    ends = f"{n:,} confidences just beyond 0 or 1 were taken as the end" if n else ""
    return "; ".join(filter(None, (kinds, ends)))


def kinds_words(counts: Mapping[str, int]) -> str:
    """Counts by kind.

    >>> kinds_words({"not_a_number": 3, "missing": 1200})
    '3 not a number, 1,200 missing'
    """
    return ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in counts.items())
