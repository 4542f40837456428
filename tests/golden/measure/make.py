"""Numbers of other people's software for the same labelled samples; writes `numbers.json` beside itself.

In an environment of its own, for some of these bring torch along:

    python -m venv peers
    peers/bin/pip install scikit-learn netcal torchmetrics relplot uncertainty-calibration model-diagnostics
    peers/bin/python tests/golden/measure/make.py
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

PEERS = (
    "scikit-learn",
    "netcal",
    "torchmetrics",
    "torch",
    "relplot",
    "uncertainty-calibration",
    "model-diagnostics",
    "numpy",
)
RESAMPLES = 100_000  # uncertainty-calibration debiases by simulation: its own noise is then below 1e-5


def samples() -> dict[str, dict[str, list[float]]]:
    """Labelled samples: continuous scores, tied ones off the edges, and tied ones on them."""
    rng = np.random.default_rng(20261)
    made = {
        "continuous": rng.beta(4, 2, 900).round(6),
        "tied": rng.choice([0.05, 0.42, 0.55, 0.68, 0.83, 0.95], 900, p=[0.05, 0.1, 0.15, 0.2, 0.3, 0.2]),
        "edges": rng.choice([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0], 900),
    }
    found = {}
    for name, score in made.items():
        # Gaps that change sign from level to level: two levels in one bin then cancel.
        lean = np.where(np.round(score * 10) % 2 == 0, 0.12, -0.12) if name == "edges" else -0.07
        correct = rng.random(len(score)) < np.clip(score + lean, 0, 1)
        weights = rng.uniform(0.2, 3, len(score)).round(4)
        found[name] = {"scores": score, "correct": correct.astype(int), "weights": weights}
    return {n: {k: v.tolist() for k, v in sample.items()} for n, sample in found.items()}


def by_peers(scores: np.ndarray, correct: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """What each says."""
    import relplot
    import torch
    from calibration import utils
    from model_diagnostics.scoring import SquaredError, decompose
    from netcal.metrics import ECE
    from sklearn.isotonic import IsotonicRegression
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
    from torchmetrics.classification import BinaryCalibrationError

    relplot.config.use_logit_scaling = False
    found: dict[str, float] = {"relplot.smECE": relplot.smECE(scores, correct.astype(float))}
    for name, w in (("", None), (".weighted", weights)):
        found[f"sklearn.brier_score_loss{name}"] = brier_score_loss(correct, scores, sample_weight=w)
        found[f"sklearn.log_loss{name}"] = log_loss(correct, np.clip(scores, 1e-15, 1), sample_weight=w)
        found[f"sklearn.roc_auc_score{name}"] = roc_auc_score(correct, scores, sample_weight=w)
        parts = decompose(correct.astype(float), scores, weights=w, scoring_function=SquaredError())
        for part in ("miscalibration", "discrimination", "uncertainty"):
            found[f"model_diagnostics.{part}{name}"] = parts[part][0]
        fit = IsotonicRegression().fit(scores, correct, sample_weight=w)
        found[f"sklearn.isotonic.brier{name}"] = brier_score_loss(
            correct, fit.predict(scores), sample_weight=w
        )
    found["netcal.ECE"] = float(ECE(10).measure(scores, correct))
    for dtype in (torch.float32, torch.float64):
        metric = BinaryCalibrationError(n_bins=10, norm="l1")
        found[f"torchmetrics.ECE.{str(dtype).removeprefix('torch.')}"] = float(
            metric(torch.tensor(scores, dtype=dtype), torch.tensor(correct))
        )
    data = list(zip(scores, correct, strict=True))
    edges = utils.get_equal_prob_bins(scores, num_bins=10)
    found["uncertainty_calibration.plugin_ce"] = utils.plugin_ce(utils.bin(data, edges), power=1)
    # Its debiasing refuses empty bins: one bin a level, or ten of equal mass.
    few = len(np.unique(scores)) <= 12
    edges = utils.get_discrete_bins(scores) if few else utils.get_equal_bins(scores, num_bins=10)
    np.random.seed(1)  # noqa: NPY002  what the library draws from
    binned = utils.bin(data, edges)
    found["uncertainty_calibration.normal_debiased_ce"] = utils.normal_debiased_ce(
        binned, power=1, resamples=RESAMPLES
    )
    found["uncertainty_calibration.edges"] = [float(e) for e in edges]
    return found


def main() -> None:
    """Write the file."""
    out = {"versions": {peer: version(peer) for peer in PEERS}, "samples": samples(), "numbers": {}}
    for name, sample in out["samples"].items():
        out["numbers"][name] = by_peers(*(np.array(sample[k]) for k in ("scores", "correct", "weights")))
    path = Path(__file__).with_name("numbers.json")
    path.write_text(json.dumps(out, separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
