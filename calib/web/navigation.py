"""The entries at the top of every page: one line for each subject, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from calib.web.visitors import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A link at the top of every page; `admins`: whether it is shown to admins alone."""

    parts: tuple[str, ...]
    words: str
    admins: bool = False


ENTRIES: tuple[Entry, ...] = (
    Entry(parts=("review",), words="Review"),
    Entry(parts=("streams",), words="Streams"),
    Entry(parts=("alerts",), words="Alerts", admins=True),
    Entry(parts=("ledger",), words="Ledger", admins=True),
)


def entries(path: Callable[..., str], visitor: Visitor | None) -> list[tuple[str, str]]:
    """Address and words of the entries that a visitor may open; none for who is not signed in.

    `path` makes an address of its parts.
    """
    if visitor is None:
        return []
    return [(path(*entry.parts), entry.words) for entry in ENTRIES if visitor.admin or not entry.admins]
