"""Which line of a TOML text sets a key: what an error message about settings points at."""

from __future__ import annotations

import re


def line_of(text: str, loc: list[str]) -> int | None:
    """The line that sets the deepest part of `loc`; TOML parsers of the standard library keep none."""
    table: list[str] = []
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+([^\]]+)\]", line):
            table = [part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", header[1])]
            candidate = table
        elif pair := re.match(r"\s*([\w\"'.-]+)\s*=", line):
            candidate = [*table, pair[1].strip("\"'")]
        else:
            continue
        depth = len(candidate)
        if candidate == loc[:depth] and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None
