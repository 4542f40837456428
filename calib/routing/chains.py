"""Chains of steps: what is left of a confidence when several answers must all be right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calib.calibrators import fit
from calib.errors import InvalidInput
from calib.format import Curve
from calib.measure import given
from calib.policy import CHAIN_LEAST_LABELS

Floats = npt.NDArray[np.float64]

LONG = 3  # steps from which the product alone is not to be trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The confidence that every step of a chain is right.

    `product`: if they fail independently. `lower`, `upper`: whatever the dependence (Fréchet 1935), if each
    step's confidence is calibrated. `calibrated`: by a mapping fitted on labels of whole chains, None without
    one; `warning` then says so where it matters.
    """

    product: float
    lower: float
    upper: float
    calibrated: float | None = None
    warning: str | None = None


def chain(confidences: Sequence[float] | Floats, *, mapping: Curve | None = None) -> Chain:
    """Combine the calibrated confidences, each in [0, 1], of the steps of one chain.

    `mapping`: from the product to the accuracy of whole chains, as `fit_chain` makes it. Raises
    `InvalidInput` for an empty chain and for values outside [0, 1].

    >>> found = chain([0.9, 0.9, 0.9])
    >>> round(found.product, 3), round(found.lower, 3), found.upper
    (0.729, 0.7, 0.9)
    """
    column = confidences if isinstance(confidences, np.ndarray) else list(confidences)
    steps = given.confidences(column, "confidences").tolist()
    if not steps or not all(isinstance(p, float) for p in steps):
        raise InvalidInput("a chain needs at least one step, each with a confidence from 0 to 1")
    product = math.prod(steps)
    warning = None
    if mapping is None and len(steps) >= LONG:
        warning = (
            f"{len(steps)} steps without a mapping of whole chains: the product holds only if they fail "
            f"independently; label {CHAIN_LEAST_LABELS} whole chains to know"
        )
    return Chain(
        product=product,
        lower=max(0.0, 1 - math.fsum(1 - p for p in steps)),
        upper=min(steps),
        calibrated=None if mapping is None else float(mapping.apply(product)),
        warning=warning,
    )


def fit_chain(products: npt.ArrayLike, correct: npt.ArrayLike) -> Curve:
    """Platt scaling of the products' log odds on whether the whole chain was right, both of shape (n,).

    Raises `InvalidInput` for fewer than 300 labels: measured, the mapping is then no better than the product.
    """
    n = np.asarray(products).size
    if n < CHAIN_LEAST_LABELS:
        raise InvalidInput(
            f"{n} labelled chains are too few for a mapping of them: {CHAIN_LEAST_LABELS} are needed"
        )
    return fit(products, correct, method="platt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Whole chains, shape (m,) each: the product of their steps' confidences, the number of steps, and
    whether the whole was right (NaN where no row says so). `contradicted`: chains left out, for their rows
    differ.
    """

    product: Floats
    steps: npt.NDArray[np.int64]
    correct: Floats
    contradicted: int

    @property
    def labelled(self) -> tuple[Floats, Floats]:
        """Products and answers of the chains that have one, as `fit_chain` takes them."""
        labelled = ~np.isnan(self.correct)
        return self.product[labelled], self.correct[labelled]


def traces(trace: Sequence[str | None], confidences: npt.ArrayLike, correct: npt.ArrayLike) -> Traces:
    """Put rows together by `trace`, the name of their chain; rows without one are left out.

    `confidences`: of each step, calibrated, in [0, 1]; `correct`: 1 or 0 where the row carries the label of
    the whole chain, NaN where it does not; shape (n,). Chains in the order of their names.
    """
    p = given.numbers(confidences, "confidences")
    whole = given.numbers(correct, "correct", booleans=True)
    names = np.array([None if name is None else str(name) for name in trace], dtype=object)
    if not names.shape == p.shape == whole.shape:
        raise InvalidInput("there must be a trace, or None, and a label of the whole, or NaN, for each row")
    if not ((p >= 0) & (p <= 1)).all() or not (np.isnan(whole) | (whole == 0) | (whole == 1)).all():
        raise InvalidInput("confidences lie in [0, 1], and a whole chain is right, 1, or wrong, 0")
    with_trace = np.array([name is not None for name in names], dtype=bool)
    chains, index = np.unique(names[with_trace].astype(str), return_inverse=True)
    size = len(chains)
    product, least, most = np.ones(size), np.full(size, np.nan), np.full(size, np.nan)
    np.multiply.at(product, index, p[with_trace])
    np.fmin.at(least, index, whole[with_trace])
    np.fmax.at(most, index, whole[with_trace])
    agreed = np.isnan(least) | (least == most)
    return Traces(
        product=product[agreed],
        steps=np.bincount(index, minlength=size)[agreed].astype(np.int64),
        correct=least[agreed],
        contradicted=int((~agreed).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTarget:
    """What each step must reach so that the whole reaches its target: if steps fail independently, and
    whatever the dependence (Bonferroni), which is the safe one.
    """

    independent: float
    conservative: float


def step_target(target: float, steps: int) -> StepTarget:
    """The accuracy that each of `steps` steps needs for the whole to be right with probability `target`.

    >>> found = step_target(0.9, 3)
    >>> round(found.independent, 4), round(found.conservative, 4)
    (0.9655, 0.9667)
    """
    if not (0 < target < 1 and steps >= 1):
        raise InvalidInput(f"target lies between 0 and 1 and steps from 1, not {target} and {steps}")
    return StepTarget(independent=target ** (1 / steps), conservative=1 - (1 - target) / steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a chain of equal steps claims and delivers, if they fail independently; `low`, `high`: the least
    and the most whatever the dependence.
    """

    steps: int
    claimed: float
    delivered: float
    low: float
    high: float


def delivered(
    claimed: float, accuracy: float, steps: Sequence[int] = (1, 2, 3, 5, 8)
) -> tuple[Delivered, ...]:
    """A small table: each step claims `claimed` and is right `accuracy` of the time.

    >>> [(row.steps, round(row.claimed, 2), round(row.delivered, 2)) for row in delivered(0.90, 0.75, (1, 3))]
    [(1, 0.9, 0.75), (3, 0.73, 0.42)]
    """
    rows = []
    for k in steps:
        whole = chain([accuracy] * k)
        rows.append(
            Delivered(steps=k, claimed=claimed**k, delivered=whole.product, low=whole.lower, high=whole.upper)
        )
    return tuple(rows)
