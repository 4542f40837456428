"""What the labels of whole chains say of the product of their steps' confidences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.calibrators import crossfit, held_out_ece
from calib.errors import InvalidInput
from calib.format import Curve
from calib.json_object import Json
from calib.measure import Ece, Measurement, measure
from calib.measure.sample import Sample
from calib.policy import CHAIN_LEAST_LABELS
from calib.routing.chains import fit_chain, traces


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredChains:
    """Chains, how many have one label (`labelled`) or labels that disagree, and their numbers of steps.

    `product`: the products of the steps' confidences, measured. `mapping` and `held_out`: from the product to
    the accuracy of whole chains, and its ECE on chains that it has not seen; None where there are fewer than
    300 labels, and `labels_needed` says how many are missing.
    """

    chains: int
    labelled: int
    contradicted: int
    steps: dict[int, int]
    product: Measurement
    mapping: Curve | None
    held_out: Ece | None

    @property
    def labels_needed(self) -> int:
        """How many more labelled chains a mapping of them takes."""
        return max(0, CHAIN_LEAST_LABELS - self.labelled)

    def to_json(self) -> Json:
        """The numbers of `calib chain --json`."""
        calibrated = None
        if self.mapping is not None and self.held_out is not None:
            calibrated = self.held_out.to_json() | {"mapping": self.mapping.to_json()}
        return {
            "chains": self.chains,
            "labelled": self.labelled,
            "contradicted": self.contradicted,
            "steps": {str(steps): count for steps, count in self.steps.items()},
            "product": self.product.to_json(),
            "calibrated": calibrated,
            "labels_needed": self.labels_needed,
        }


def measure_chains(
    trace: Sequence[str | None], scores: npt.ArrayLike, correct: npt.ArrayLike
) -> MeasuredChains:
    """Measure chains by their labelled steps, shape (n,) each.

    `trace`: the name of each step's chain; `correct`: 1 or 0 where the step carries the label of its whole
    chain, NaN where it does not. Raises `InvalidInput` where no chain has a label.
    """
    whole = traces(trace, scores, correct)
    products, right = whole.labelled
    if not len(products):
        raise InvalidInput(
            f"none of its {len(whole.product)} chains has a label: write 1 or 0 on one row of each, "
            "for the whole chain"
        )
    mapping = held_out = None
    if len(products) >= CHAIN_LEAST_LABELS:
        sample = Sample(products, right)
        mapping = fit_chain(products, right)
        held_out = held_out_ece(crossfit(sample, method="platt"), sample)
    lengths, counts = np.unique(whole.steps, return_counts=True)
    return MeasuredChains(
        chains=len(whole.product),
        labelled=len(products),
        contradicted=whole.contradicted,
        steps=dict(zip(lengths.tolist(), counts.tolist(), strict=True)),
        product=measure(products, right),
        mapping=mapping,
        held_out=held_out,
    )
