"""Labelled files as samples, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from calib.measure.sample import Sample
from calib.tabular.labelled import Labelled, Steps

Progress = Callable[[str], object]


def silent(step: str) -> None:
    """Progress that nobody follows."""


class ReadFields(TypedDict):
    """The fields of `FileRead`."""

    file: str
    rows: int
    rejected: dict[str, int]
    rounded: int
    columns: dict[str, str]
    guessed: tuple[str, ...]
    unasked: tuple[str, ...]


def read_fields(path: Path, table: Labelled | Steps) -> ReadFields:
    """What is said of a file that was read, as the fields of `FileRead`."""
    return {
        "file": str(path),
        "rows": table.rows,
        "rejected": table.rejected,
        "rounded": table.rounded,
        "columns": table.roles.columns,
        "guessed": table.roles.guessed,
        "unasked": table.roles.unasked,
    }


def segments_by_size(sample: Sample) -> list[str]:
    """The names of the segments, the one with the largest weight first, then by name."""
    weight = {name: sample.of_segment(name).total for name in sample.segment_names}
    return sorted(weight, key=lambda name: (-weight[name], name))
