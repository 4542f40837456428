"""How many labels each stratum gets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput

FLOOR = 20  # labels a stratum gets at least, so that none is empty


def allocate(
    mass: npt.ArrayLike,
    accuracy: npt.ArrayLike | None,
    labels: int,
    *,
    floor: int | None = None,
    sizes: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Divide `labels` over strata as Neyman (1934) does, in proportion to mass times standard deviation.

    `mass`, `accuracy` in [0, 1] and `sizes` have shape (B,); without an expected `accuracy` the division is
    in proportion to mass. Each stratum with mass gets at least `floor` labels (less where `labels` do not
    go round) and at most its population `sizes`; what a small stratum cannot use goes to the others. By
    default the floor is 20, or half of an even share where that is less: with 200 labels for ten strata a
    floor of 20 would leave nothing to allocate.
    The result, shape (B,), adds up to `labels`, or to the whole population where that is smaller.

    >>> allocate([0.5, 0.5], [0.5, 0.9], 100, floor=10).tolist()
    [63, 37]
    """
    w = np.asarray(mass, dtype=np.float64)
    if labels < 1 or w.ndim != 1 or not (np.isfinite(w) & (w >= 0)).all() or w.sum() <= 0:
        raise InvalidInput("allocation needs at least one label and masses of shape (B,), not all zero")
    a = np.full_like(w, 0.5) if accuracy is None else np.asarray(accuracy, dtype=np.float64)
    capacity = np.where(w > 0, labels, 0) if sizes is None else np.asarray(sizes, dtype=np.int64)
    if a.shape != w.shape or capacity.shape != w.shape:
        raise InvalidInput("mass, accuracy and sizes must be of one shape (B,)")
    if not ((a >= 0) & (a <= 1)).all() or (capacity < 0).any() or (floor is not None and floor < 0):
        raise InvalidInput("an expected accuracy lies in [0, 1]; sizes and floor are not negative")
    total = min(labels, int(capacity.sum()))
    # an expected accuracy of 0 or 1 is a guess, not a variance of zero
    spread = w * np.sqrt(np.clip(a * (1 - a), 0.01, None))
    even = labels // max(1, int((w > 0).sum()))
    least = np.where(w > 0, min(FLOOR, even // 2) if floor is None else min(floor, even), 0)
    allocation: npt.NDArray[np.int64] = np.minimum(least, capacity).astype(np.int64)
    target = spread / spread.sum() * labels
    while (rest := total - int(allocation.sum())) > 0:
        need = np.clip(np.minimum(target, capacity) - allocation, 0, None)
        if need.sum() < rest:  # all targets are met: the rest goes where there is room
            need = np.where(allocation < capacity, np.maximum(spread, 1e-12), 0.0)
        share = need / need.sum() * rest
        step = np.minimum(np.floor(share).astype(np.int64), capacity - allocation)
        if not step.any():
            order = np.argsort(-share, kind="stable")
            open_ = order[(allocation[order] < capacity[order])][:rest]
            step[open_] = 1
        allocation += step
    return allocation
