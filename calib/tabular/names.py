"""Finding a column by its name, without regard to case and to blanks around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from calib.errors import InvalidInput
from calib.text import did_you_mean

WILD = re.compile(r"[*?\[]")  # what makes a name of files a pattern


def find(names: Sequence[str], wanted_name: str) -> list[int]:
    """Where a name stands among `names`: as it is, else in another case or with blanks around it.

    >>> find(["id", " Score ", "SCORE"], "score"), find(["a", "A"], "a"), find(["a", "a"], "a")
    ([1, 2], [0], [0, 1])
    """
    exact = [i for i, name in enumerate(names) if name == wanted_name]
    return exact or [i for i, name in enumerate(names) if plain(name) == plain(wanted_name)]


def plain(name: str) -> str:
    """A name without blanks around it, in lower case."""
    return name.strip().strip("\ufeff").lower()


def position(where: Path | str, names: Sequence[str], wanted_name: str) -> int:
    """Where the column is. Raises `InvalidInput`, with the nearest name, where there is not exactly one."""
    positions = find(names, wanted_name)
    if len(positions) == 1:
        return positions[0]
    if not positions:
        hint = did_you_mean(wanted_name, names, plain=plain) or f"it has {listed(names)}"
        raise InvalidInput(f"{where} has no column {wanted_name!r}; {hint}")
    spelled = [names[i] for i in positions]
    if len(set(spelled)) < len(spelled):
        raise InvalidInput(f"{where} has two columns called {spelled[0]!r}: rename one of them")
    raise InvalidInput(f"{where} has the columns {listed(spelled)}: say which with its exact name")


def listed(names: Sequence[str]) -> str:
    """The names for a message, the first twenty of them.

    >>> listed(["a", "b"]), listed([])
    ("'a', 'b'", 'none')
    """
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(map(repr, names[:20])) or "none") + more
