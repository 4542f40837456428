"""The early watch: what the labels say while they arrive, before their cohort is complete. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping as Named
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calib.cycle.clustering import mostly_clustered
from calib.cycle.data import WindowData, watched_early
from calib.cycle.design import Design
from calib.format import Mapping
from calib.measure import EProcess
from calib.measure.sample import Sample
from calib.policy import EARLY_LEAST_VARIANCE, EARLY_MOST_TOLERANCE, EARLY_TOLERANCE
from calib.reasons import Reason
from calib.results.window import EarlyResult
from calib.review.cohort import Cohort

Floats = npt.NDArray[np.float64]


def early_watch(data: WindowData) -> EarlyResult | None:
    """Test the labels that have arrived against the mappings that served the window.

    None where nobody reviews (outcomes arrive in an order of their own) and where no mapping served: raw
    confidence is known to be off. It is off, and says so, where rows come in clusters: labels of one cluster
    are not as much evidence as it takes them for. Labels count in the frozen order of the draw and never past
    a row without an answer, or wrong answers that take longer to find would make it look too good first and
    too bad later; and no more of them than fitted the mapping, whose own error would else be found. The
    e-value is the largest so far; it and the threshold hold at every look.
    """
    digests = watched_early(data.policy, data.design)
    if not digests:
        return None
    if comes_in_clusters(data):
        off = Reason("early_watch_clusters", {})
        needed = data.policy.budget.early_evidence
        return EarlyResult(
            labels=0, e_value=0.0, needed=needed, alarm=False, off=off.sentence, off_code=off.code
        )
    cohort, labelled = data.cohort, data.cohort.labelled
    served = [group for group in data.design.groups if group.mapping]
    # in ascending order, as the bets want them
    groups = sorted(served, key=lambda group: (group.mean, group.stratum, group.mapping))
    place = {(group.stratum, group.mapping): i for i, group in enumerate(groups)}
    tolerance = tolerances(data.design, {digest: data.mappings[digest] for digest in digests}, data.fit_rows)
    process = EProcess(
        [group.mean for group in groups],
        np.array([group.n for group in groups]) / sum(group.n for group in groups),
        tolerance=[tolerance[group.stratum, group.mapping] for group in groups],
    )
    most = min(int(data.mappings[digest].evidence.get("labels", 0)) for digest in digests)
    used, highest = 0, -math.inf
    for i in in_order(cohort):
        group = place.get((int(cohort.stratum[i]), cohort.mapping[i] or ""))
        if group is None or not labelled[i]:
            continue
        if used == most:
            break
        used += 1
        highest = max(highest, process.update(group, int(cohort.correct[i])))
    e_value = math.exp(min(highest, 700.0)) if used else 0.0
    needed = data.policy.budget.early_evidence
    return EarlyResult(labels=used, e_value=e_value, needed=needed, alarm=e_value >= needed)


def comes_in_clusters(data: WindowData) -> bool:
    """Whether rows share clusters: as the labels show so far, or as most of the baseline's did."""
    numbers = data.sample.cluster_numbers
    shared = numbers is not None and len(np.unique(numbers)) < len(numbers)
    named = data.clustering.source == "named"
    earlier = None if data.baselines is None else data.baselines.pooled
    return shared or (not named and mostly_clustered(earlier))


def in_order(cohort: Cohort) -> list[int]:
    """The rows in the order of the draw over all strata, up to the first that nobody has answered."""
    answered = []
    for i in sorted(range(len(cohort.id)), key=lambda i: (cohort.order[i], cohort.id[i])):
        if not cohort.answered[i]:
            break
        answered.append(i)
    return answered


def tolerances(
    design: Design, mappings: Named[str, Mapping], fit_rows: Named[str, Sequence[Sample]]
) -> dict[tuple[int, str], float]:
    """What each mapping may be off by without being wrong, by stratum and digest: a share of its fit's error.

    From the labels that fitted it, by stratum, as our database holds them; where it does not, they are taken
    to lie as the population does.
    """
    tolerated = {}
    for digest, mapping in mappings.items():
        parts = fit_rows.get(digest, ())
        raw = np.concatenate([part.scores for part in parts]) if parts else np.zeros(0)
        labels = np.bincount(design.strata.assign(raw), minlength=len(design.strata)).astype(float)
        total = float(mapping.evidence.get("labels", 0))
        if not len(raw):
            labels = design.mass * total
        labels *= min(1.0, total / max(1.0, float(labels.sum())))
        for group in design.groups:
            if group.mapping == digest:
                variance = max(group.mean * (1 - group.mean), EARLY_LEAST_VARIANCE)
                error = math.sqrt(variance / max(1.0, float(labels[group.stratum])))
                tolerated[group.stratum, digest] = min(EARLY_MOST_TOLERANCE, EARLY_TOLERANCE * error)
    return tolerated
