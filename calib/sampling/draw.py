"""The deterministic order of a draw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

HEX_DIGITS = 16


def order_key(seed: str, period: str, id_: str) -> str:
    """What every engine computes for a row: 16 hex digits of md5(seed:period:id).

    >>> order_key("triage", "2026-10", "a-1")
    '2d019714da3573be'
    """
    text = f"{seed}:{period}:{id_}".encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()[:HEX_DIGITS]


def sample_digest(rows: Iterable[tuple[str, int, str]]) -> str:
    """SHA-256 over the drawn (id, stratum, order), whatever order they are given in."""
    digest = hashlib.sha256()
    for id_, stratum, order in sorted(rows):
        digest.update(f"{len(id_)}:{id_}:{stratum}:{order}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
