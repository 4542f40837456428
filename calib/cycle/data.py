"""All that is known of a window when it is evaluated: values, and what follows from them without any port."""

from __future__ import annotations

from collections.abc import Mapping as Named
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from calib.cycle.baseline import Baseline
from calib.cycle.clustering import Clustering, as_before, clustering
from calib.cycle.cohort_sample import cohort_sample, pool
from calib.cycle.design import Design
from calib.cycle.served import served_by, serves
from calib.cycle.stream import StreamPolicy
from calib.db.windows import Window
from calib.format import Mapping
from calib.measure.clusters import Correlation
from calib.measure.sample import Sample
from calib.measure.stratum_counts import correlation_by_stratum, sample_design_effect
from calib.results.window import ProvenCut
from calib.review.cohort import Cohort
from calib.routing.report import RoutingEvidence
from calib.store import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierWindow:
    """A window of the baseline: its labelled sample, its design, and the certificates that it proved."""

    id: int
    period: str
    design: Design
    sample: Sample
    certificates: tuple[ProvenCut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """What a window is compared with: rows of earlier windows, and from when on each segment's count.

    `designs`: those windows' own, by period.
    """

    pooled: Sample
    anchor: Sample | None
    segment_periods: Named[str, frozenset[str]]
    designs: Named[str, Design]


@dataclass(frozen=True, kw_only=True)
class WindowData:
    """One window with everything that its evaluation, early watch, refit and verdict rest on.

    `cohort`: the drawn rows and their labels. `answered_twice`: of each row that two people answered, the
    first two answers, `answered_twice_before` those of the pooled baseline. `earlier`: the windows of
    `baseline`, oldest first. `newer`: the newest later period of
    the channel that is closed already. `head`: the channel's last entry. `candidate`: that of the channel
    `candidate`, read only where the window's own channel is withdrawn. `mappings`, by digest: the one that
    `head` names and those that served this window, as far as a step needs them. `fit_rows`: for each mapping
    that the early watch tests, the labelled rows that it was fitted on, as our database holds them.
    """

    window: Window
    policy: StreamPolicy
    design: Design
    cohort: Cohort
    answered_twice: Sequence[tuple[str, str]]
    baseline: Baseline
    earlier: Sequence[EarlierWindow]
    head: Entry | None
    mappings: Named[str, Mapping]
    fit_rows: Named[str, Sequence[Sample]]
    newer: str | None = None
    candidate: Entry | None = None
    answered_twice_before: Sequence[tuple[str, str]] = ()

    @cached_property
    def sample(self) -> Sample:
        """The labelled rows, weighted for the draw and the answers that are missing, in their clusters."""
        return cohort_sample(self.cohort, self.window.period, self.clustering)

    @cached_property
    def clustering(self) -> Clustering:
        """What the labelled rows have in common; where they cannot say it, what the baseline's rows had."""
        own, pooled = clustering(self.cohort, self.window.period), self._pooled_rows
        if own.code == "clusters_answers_alike" and pooled is not None:
            return as_before(self.cohort, pooled) or own
        return own

    @cached_property
    def effect(self) -> float:
        """The sample's design effect: how many rows of a cluster count as one independent row."""
        return sample_design_effect(self.sample, earlier=self._pooled_rows)

    @cached_property
    def correlation(self) -> Correlation | None:
        """How the answers of one cluster agree, by these rows, else by the baseline's; None: nobody knows."""
        known = correlation_by_stratum(self.sample, self.design.strata)
        if known is not None or self._pooled_rows is None:
            return known
        return correlation_by_stratum(self._pooled_rows, self.design.strata)

    @property
    def _pooled_rows(self) -> Sample | None:
        return None if self.baselines is None else self.baselines.pooled

    @cached_property
    def routing(self) -> RoutingEvidence:
        """What routing can be told from the labels, with the design effect of their clusters."""
        sample, served = self.sample, self.cohort.served[self.cohort.labelled]
        return RoutingEvidence(
            raw=sample,
            served=Sample(served, sample.correct, sample.weights, sample.segments),
            effect=self.effect,
            cells=[(cell, n) for cell, n, _ in self.design.cells],
        )

    @property
    def named(self) -> Mapping | None:
        """The mapping that the channel puts to use, for any scope; None while it is empty or withdrawn."""
        return self._of(self.head)

    @property
    def newest(self) -> Mapping | None:
        """The mapping that a refit takes the place of: on the channel, or on `candidate` where it waits."""
        return self._of(self.candidate if self.withdrawn else self.head)

    @property
    def withdrawn(self) -> bool:
        """Whether a person withdrew the channel's mapping."""
        return self.head is not None and self.head.withdrawn

    def _of(self, entry: Entry | None) -> Mapping | None:
        digest = served_by(entry)
        return None if digest is None else self.mappings[digest]

    @property
    def published(self) -> Mapping | None:
        """The mapping that the channel serves in the window's scope; None where it serves none there."""
        return self.named if self.named is not None and serves(self.named, self.policy.scope) else None

    @property
    def main_mapping(self) -> Mapping | None:
        """The mapping that served most of the window; None where that was the raw confidence."""
        digest = self.design.main_mapping
        return None if digest is None else self.mappings[digest]

    @property
    def pooled(self) -> list[EarlierWindow]:
        """The windows of the pooled baseline, oldest first."""
        return [window for window in self.earlier if window.id in self.baseline.pooled]

    @cached_property
    def baselines(self) -> Baselines | None:
        """The frozen baseline's rows; None where no earlier window has any."""
        pooled = pool([window.sample for window in self.pooled])
        if pooled is None:
            return None
        anchor = pool([window.sample for window in self.earlier if window.id == self.baseline.anchor])
        periods = {window.id: window.period for window in self.earlier}
        return Baselines(
            pooled=pooled,
            anchor=anchor,
            segment_periods={
                name: frozenset(periods[id_] for id_ in ids) for name, ids in self.baseline.segments.items()
            },
            designs={window.period: window.design for window in self.earlier},
        )


def watched_early(policy: StreamPolicy, design: Design) -> list[str]:
    """The digests of the mappings that the early watch tests: those that served any of the window.

    None where nobody reviews: outcomes arrive in an order of their own.
    """
    return [] if policy.outcomes else sorted({group.mapping for group in design.groups} - {""})
