"""What a stream's budget of labels can see, planned on its latest traffic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calib.cycle.design import Design, design_sample
from calib.cycle.load import current_baseline, load_baseline_sample, load_serving
from calib.cycle.ports import Ports
from calib.cycle.readable import look_of_numbers, rows_unreadable
from calib.cycle.stream import PRODUCTION, StreamPolicy
from calib.errors import InvalidInput
from calib.format import Mapping
from calib.measure import GRID
from calib.measure.sample import Sample
from calib.measure.stratum_counts import counts_by_stratum, means_by_stratum, sample_design_effect
from calib.period import Period
from calib.policy import PLAN_PRIOR_LABELS
from calib.results.plan import PlannedStratum, PlanResult
from calib.sampling import plan
from calib.traffic import Interval

Floats = npt.NDArray[np.float64]


def plan_labels(
    policy: StreamPolicy, ports: Ports, period: Period, *, labels: int | None, rises: Sequence[float]
) -> PlanResult:
    """What `labels` per window can detect, by default the stream's, and how many more would detect more.

    On the population of `period`; opens no window. Expected accuracies come from the labels of earlier
    windows, else from the mapping on production, else from the stated confidence itself; those labels
    also say how much less rows of one cluster count. Raises `InvalidInput` where the period has no traffic.
    """
    start, end = period.interval(policy.timezone)
    serving = load_serving(
        ports.store, stream=policy.stream, channel=PRODUCTION, scope=policy.scope, start=start, end=end
    )
    survey = ports.traffic.survey(Interval(start, end), eras=serving.breaks)
    why = rows_unreadable(
        survey.population,
        survey.rejected,
        survey,
        limit=policy.max_rejected,
        scale=policy.scale,
        looks=look_of_numbers(survey),
    )
    if why is not None:
        raise InvalidInput(
            f"{policy.stream}: in {period.name} {why.sentence}; `calib check` shows the first of each kind"
        )
    if not survey.population:
        raise InvalidInput(
            f"{policy.stream}: {period.name} has no traffic to plan on; name another with --period "
            "(`calib check` shows what there is)"
        )
    with ports.engine.connect() as conn:
        baseline = current_baseline(conn, policy.stream, before=ports.now(), scope=policy.scope)
        pooled = load_baseline_sample(conn, baseline)
    design = design_sample(policy, survey, serving)
    accuracy, source = expected_by_stratum(design, pooled, serving.published)
    effect = 1.0 if pooled is None else max(1.0, sample_design_effect(pooled))
    first = np.searchsorted([cell for cell, _, _ in design.cells], [-1, *design.strata.upper[:-1]], "right")
    planned = plan(
        design.mass,
        accuracy,
        labels=policy.labels if labels is None else labels,
        alpha=policy.budget.window,
        max_rise=policy.max_rise,
        rises=rises,
        targets=policy.targets,
        levels=[design.cells[i][0] / GRID for i in first],
        effect=effect,
        sizes=design.sizes,
    )
    return PlanResult.of(
        planned,
        stream=policy.stream,
        period=period.name,
        population=survey.population,
        rejected=survey.rejected,
        accuracy_from=source,
        design_effect=effect,
        strata=tuple(
            PlannedStratum(
                from_=design.cells[i][0] / GRID, to=upper / GRID, share=float(mass), accuracy=float(right)
            )
            for i, upper, mass, right in zip(first, design.strata.upper, design.mass, accuracy, strict=True)
        ),
    )


def expected_by_stratum(
    design: Design, pooled: Sample | None, published: Mapping | None
) -> tuple[Floats, str]:
    """The accuracy that is expected of each stratum, shape (B,), and where that comes from."""
    prior, source = design.raw_mean, "stated confidence"
    if published is not None:
        cells = np.array([mean for _, _, mean in design.cells])
        sizes = np.array([n for _, n, _ in design.cells], dtype=float)
        group = design.strata.assign_cells([cell for cell, _, _ in design.cells])
        served = np.asarray(published.apply(cells), dtype=float)
        prior, source = np.bincount(group, sizes * served, len(design.strata)) / design.sizes, "mapping"
    if pooled is None:
        return np.clip(prior, 0, 1), source
    observed = means_by_stratum(pooled.correct, pooled, design.strata)
    effective = counts_by_stratum(pooled, design.strata).labels
    weight_of_labels = effective / (effective + PLAN_PRIOR_LABELS)
    return np.clip(weight_of_labels * observed + (1 - weight_of_labels) * prior, 0, 1), "labels"
