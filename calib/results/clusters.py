"""Whether the labels of a window come in clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ClustersResult:
    """Whether rows that have something in common are right or wrong together, and what the labels count for.

    `source`: `named` by the column `cluster`, found by `day` or by `day-segment` in the labels themselves, or
    `none`. `effective_labels`: how many independent labels the labels are worth. `why`: a sentence for
    people, `why_code` its code.
    """

    source: Literal["named", "day", "day-segment", "none"] = "none"
    effective_labels: float | None = None
    why: str | None = None
    why_code: str | None = None
