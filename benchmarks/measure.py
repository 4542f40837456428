"""`calib.measure.measure` beside the usual tools, on one machine in one run.

Ours: bins with intervals, the debiased ECE with its interval, accuracy, Brier score, log loss and AUROC with
theirs, the CORP decomposition and smECE. Theirs: the bare plugin ECE of netcal or torchmetrics in ten bins,
plus scikit-learn's Brier score, log loss and AUROC. Best of `--repeats` runs each, one thread, taking turns.

The peers are installed for this alone, in an environment of their own:

    python -m venv peers && peers/bin/pip install numpy scipy scikit-learn netcal torchmetrics
    OMP_NUM_THREADS=1 peers/bin/python -m benchmarks.measure [--rows 1000000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from calib.measure import measure

LEVELS = [0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0]


def seconds(what: Callable[[], object]) -> float:
    """Of one run."""
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def main() -> None:
    """Print times and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch
    from netcal.metrics import ECE
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
    from torchmetrics.functional.classification import binary_calibration_error

    torch.set_num_threads(1)
    peers = ("numpy", "scikit-learn", "netcal", "torchmetrics", "torch")
    print(", ".join(f"{name} {version(name)}" for name in peers))
    print(f"{given.rows:,} labelled rows, best of {given.repeats}, seconds")
    heads = "".join(f"{head:>9}" for head in ("measure", "netcal", "torchm.", "sklearn"))
    print(f"{'scores':28}{heads}{'ratio, netcal':>15}{'torchm.':>9}")
    rng = np.random.default_rng(0)
    made = {
        "ten levels, as models state": rng.choice(LEVELS, given.rows),
        "two decimals": rng.beta(4, 2, given.rows).round(2),
        "all different": rng.beta(4, 2, given.rows),
    }
    for name, scores in made.items():
        correct = (rng.random(given.rows) < scores - 0.05).astype(int)
        tensors = torch.tensor(scores), torch.tensor(correct)
        runs: dict[str, Callable[[], object]] = {
            "measure": lambda s=scores, y=correct: measure(s, y),
            "netcal": lambda s=scores, y=correct: ECE(10).measure(s, y),
            "torchmetrics": lambda t=tensors: binary_calibration_error(*t, n_bins=10, norm="l1"),
            "sklearn": lambda s=scores, y=correct: (
                brier_score_loss(y, s),
                log_loss(y, s),
                roc_auc_score(y, s),
            ),
        }
        best = dict.fromkeys(runs, np.inf)
        for _ in range(given.repeats):
            for key, run in runs.items():
                best[key] = min(best[key], seconds(run))
        ratios = [(best[peer] + best["sklearn"]) / best["measure"] for peer in ("netcal", "torchmetrics")]
        times = "".join(f"{best[key]:9.3f}" for key in runs)
        print(f"{name:28}{times}{ratios[0]:15.1f}{ratios[1]:9.1f}", flush=True)


if __name__ == "__main__":
    main()
