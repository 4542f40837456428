"""What a stream's budget of labels can see, planned on its latest traffic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.cycle.baseline import choose
from calib.cycle.design import Design, served_eras
from calib.cycle.design import plan as design_of
from calib.cycle.evidence import means, pool, rows
from calib.cycle.ports import WINDOW_SHARE, Ports, Watch
from calib.cycle.schedule import PRODUCTION
from calib.db import windows
from calib.errors import InvalidInput
from calib.measure import GRID, kish_counts
from calib.period import Period
from calib.review import queue
from calib.sampling import plan
from calib.store import head, read_mapping
from calib.traffic import Interval

Floats = npt.NDArray[np.float64]

PRIOR = 2.0  # labels that the expected accuracy counts as, where labels are there too


def planned(
    watch: Watch, ports: Ports, period: Period, *, labels: int | None, rises: Sequence[float]
) -> dict[str, Any]:
    """The `calib plan --json` object: what `labels` a window see, by default the stream's, and what it takes.

    On the population of `period`; opens no window. Expected accuracies come from the
    labels of earlier windows, else from the mapping on production, else from the stated confidence itself.
    Raises `InvalidInput` where the period has no traffic.
    """
    start, end = period.interval(watch.timezone)
    eras = served_eras(ports.store, watch.stream, PRODUCTION, start, end)
    survey = ports.traffic.survey(Interval(start, end), eras=[era.start for era in eras[1:]])
    if not survey.population:
        raise InvalidInput(
            f"{watch.stream}: {period.name} has no traffic to plan on; name another with --period "
            "(`calib check` shows what there is)"
        )
    design = design_of(watch, ports, survey, eras, PRODUCTION)
    accuracy, source = _expected(watch, ports, design)
    first = np.searchsorted([cell for cell, _, _ in design.cells], [-1, *design.strata.upper[:-1]], "right")
    found = plan(
        design.mass,
        accuracy,
        labels=watch.labels if labels is None else labels,
        alpha=watch.alpha * WINDOW_SHARE,
        max_rise=watch.max_rise,
        rises=rises,
        targets=watch.targets,
        levels=[design.cells[i][0] / GRID for i in first],
    )
    strata = [
        {"from": design.cells[i][0] / GRID, "to": upper / GRID, "share": float(mass), "accuracy": float(a)}
        for i, upper, mass, a in zip(first, design.strata.upper, design.mass, accuracy, strict=True)
    ]
    return {
        "stream": watch.stream,
        "period": period.name,
        "population": survey.population,
        "accuracy_from": source,
        "strata": strata,
        **found.to_json(),
    }


def _expected(watch: Watch, ports: Ports, design: Design) -> tuple[Floats, str]:
    """Accuracy by stratum, and where it comes from."""
    current = head(ports.store, stream=watch.stream, channel=PRODUCTION)
    prior, source = design.raw_mean, "stated confidence"
    if current is not None:
        mapping = read_mapping(ports.store, stream=watch.stream, digest=current.mapping)
        cells = np.array([mean for _, _, mean in design.cells])
        sizes = np.array([n for _, n, _ in design.cells], dtype=float)
        group = design.strata.assign_cells([cell for cell, _, _ in design.cells])
        served = np.asarray(mapping.apply(cells), dtype=float)
        prior, source = np.bincount(group, sizes * served, len(design.strata)) / design.sizes, "mapping"
    with ports.engine.connect() as conn:
        ids = choose(windows.earlier(conn, watch.stream, before=ports.now()), scope=watch.scope).pooled
        sample = pool([rows(queue.cohort(conn, w.id), w.period) for w in windows.by_ids(conn, ids)])
    if sample is None:
        return np.clip(prior, 0, 1), source
    group = design.strata.assign(sample.raw)
    counts = kish_counts(group, sample.correct, sample.weight, len(design.strata))
    observed = means(sample.correct, sample, design.strata)
    kept = counts.labels / (counts.labels + PRIOR)
    return np.clip(kept * observed + (1 - kept) * prior, 0, 1), "labels"
