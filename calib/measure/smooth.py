"""The smooth calibration error: a check on the binned one that no choice of bins can move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calib.measure.score_table import ScoreTable

Floats = npt.NDArray[np.float64]

CELLS = 4096  # far finer than any bandwidth that matters
STEPS = 30  # halvings of [0, 1]: the bandwidth to 1e-9


def smooth_ece(table: ScoreTable) -> float:
    """smECE in [0, 1] (Błasiok & Nakkiran 2023): the width at which the smoothed error equals the width.

    The gaps between score and answer are smoothed by a Gaussian reflected at 0 and 1, and their absolute
    values added up; more smoothing cancels more, so that there is one such width. Weights add up to 1. Like
    the plugin ECE it is not debiased: noise of n labels adds to it.
    """
    from scipy.fft import dct, idct

    place = np.minimum((table.score * CELLS).astype(np.intp), CELLS - 1)
    gaps = dct(np.bincount(place, table.weight * table.score - table.right, CELLS), norm="ortho")
    # The cosines are the waves that reflection at both ends leaves; a Gaussian damps each by its frequency.
    damping = -0.5 * (np.pi * np.arange(CELLS)) ** 2
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        width = (low + high) / 2
        error = float(np.abs(idct(gaps * np.exp(damping * width**2), norm="ortho")).sum())
        low, high = (width, high) if error > width else (low, width)
    return high if low > 0 else 0.0
