"""The early watch: what the labels say while they arrive, before their cohort is complete."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from calib.cycle.design import Design
from calib.cycle.evidence import rows
from calib.cycle.ports import EARLY_SHARE, Ports, Watch
from calib.db import windows
from calib.db.windows import Window
from calib.format import Mapping
from calib.measure import EProcess
from calib.review import queue
from calib.review.queue import Cohort
from calib.store import read_mapping

Floats = npt.NDArray[np.float64]

SLACK = 0.5  # standard errors of the mapping's own fit: what it may be off by without being wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Early:
    """The evidence so far: `labels` in the order of the draw, their e-value, and whether it was ever enough.

    `e_value` is the largest so far, `needed` what it takes: 1/α. Both hold at every look.
    """

    labels: int
    e_value: float
    needed: float

    @property
    def alarm(self) -> bool:
        """Whether the mapping no longer holds, beyond the budget's doubt."""
        return self.e_value >= self.needed

    def to_json(self) -> dict[str, Any]:
        """The `early_watch` object of a window's result."""
        return {"labels": self.labels, "e_value": self.e_value, "needed": self.needed, "alarm": self.alarm}


def early_watch(window: Window, ports: Ports) -> Early | None:
    """Hold the labels that have arrived against the mappings that served the window.

    None where nobody reviews (outcomes arrive in an order of their own) and where no mapping served: raw
    confidence is known to be off. Labels count in the frozen order of the draw and never past a row without
    an answer, or wrong answers that take longer to find would make it look too good first and too bad later;
    and no more of them than fitted the mapping, whose own error would else be found.
    """
    watch, design = Watch.from_json(window.settings), Design.from_json(window.design)
    digests = sorted({group["mapping"] for group in design.groups} - {""})
    if watch.outcomes or not digests:
        return None
    applied = {digest: read_mapping(ports.store, stream=window.stream, digest=digest) for digest in digests}
    with ports.engine.connect() as conn:
        cohort = queue.cohort(conn, window.id)
        slack = _slack(conn, window.stream, design, applied)
    served = [group for group in design.groups if group["mapping"]]
    # in ascending order, as the bets want them
    groups = sorted(served, key=lambda group: (group["mean"], group["stratum"], group["mapping"]))
    place = {(group["stratum"], group["mapping"]): i for i, group in enumerate(groups)}
    process = EProcess(
        [group["mean"] for group in groups],
        np.array([group["n"] for group in groups]) / sum(group["n"] for group in groups),
        tolerance=[slack[group["stratum"], group["mapping"]] for group in groups],
    )
    most = min(int(mapping.evidence.get("labels", 0)) for mapping in applied.values())
    used, highest = 0, -math.inf
    for i in in_order(cohort):
        group = place.get((int(cohort.stratum[i]), cohort.mapping[i] or ""))
        if group is None or np.isnan(cohort.correct[i]):
            continue
        if used == most:
            break
        used += 1
        highest = max(highest, process.update(group, int(cohort.correct[i])))
    e_value = math.exp(min(highest, 700.0)) if used else 0.0
    return Early(labels=used, e_value=e_value, needed=1 / (watch.alpha * EARLY_SHARE))


def in_order(cohort: Cohort) -> list[int]:
    """The rows in the order of the draw over all strata, up to the first that nobody has answered."""
    found = []
    for i in sorted(range(len(cohort.id)), key=lambda i: (cohort.order[i], cohort.id[i])):
        if not cohort.answered[i]:
            break
        found.append(i)
    return found


def _slack(
    conn: Connection, stream: str, design: Design, applied: dict[str, Mapping]
) -> dict[tuple[int, str], float]:
    """Half a standard error of each mapping's fit, by stratum and mapping.

    From the labels that fitted it, by stratum, as our database holds them; where it does not, they are taken
    to lie as the population does.
    """
    found = {}
    for digest, mapping in applied.items():
        periods = mapping.evidence.get("periods", [])
        parts = [rows(queue.cohort(conn, one.id), one.period) for one in windows.named(conn, stream, periods)]
        raw = np.concatenate([part.raw for part in parts]) if parts else np.zeros(0)
        labels = np.bincount(design.strata.assign(raw), minlength=len(design.strata)).astype(float)
        total = float(mapping.evidence.get("labels", 0))
        if not len(raw):
            labels = design.mass * total
        labels *= min(1.0, total / max(1.0, float(labels.sum())))
        for group in design.groups:
            if group["mapping"] == digest:
                rate, n = group["mean"], max(1.0, float(labels[group["stratum"]]))
                spread = math.sqrt(max(rate * (1 - rate), 0.02) / n)
                found[group["stratum"], digest] = min(0.5, SLACK * spread)
    return found
