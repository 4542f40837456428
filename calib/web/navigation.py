"""The entries at the top of every page: one line for each subject, in the order in which they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calib.web.site import Site
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


def entries(site: Site, visitor: Visitor | None) -> list[tuple[str, str]]:
    """Address and words of the entries that a visitor may open; none for who is not signed in."""
    if visitor is None:
        return []
    return [(site.path(*entry.parts), entry.words) for entry in ENTRIES if visitor.admin or not entry.admins]
