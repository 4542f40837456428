"""Every form of mapping: against other people's software, at its edges, and as the client evaluates it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.calibrators import METHODS, crossfit, fit, fit_temperature, probabilities
from calib.calibrators.blend import ERROR, piecewise, platt_isotonic, shifted
from calib.calibrators.isotonic import TILT, isotonic
from calib.calibrators.likelihood import effective, log_odds
from calib.calibrators.platt import platt
from calib.errors import InvalidInput
from calib.format import Beta, Identity, Logistic, Mapping, PiecewiseLinear
from calib.measure.sample import Sample

Floats = npt.NDArray[np.float64]
PEERS = Path(__file__).parents[2] / "golden" / "calibrators" / "peers.json"
GRID = np.linspace(0, 1, 2001)


def overconfident(n: int, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    scores = rng.beta(5, 1.6, n)
    return scores, (rng.random(n) < 0.15 + 0.7 * scores**2).astype(float)


@pytest.fixture(scope="module")
def peers() -> dict[str, Any]:
    return json.loads(PEERS.read_text())


def test_temperature_is_netcals(peers: dict[str, Any]) -> None:
    curve = fit(peers["scores"], peers["correct"], method="temperature")
    np.testing.assert_allclose(curve.apply(np.array(peers["grid"])), peers["netcal_temperature"], atol=1e-6)


def test_platt_is_netcals_logistic_but_for_its_targets(peers: dict[str, Any]) -> None:
    """netcal takes answers for 0 and 1, Platt's own targets are drawn in by one label of each kind."""
    curve = fit(peers["scores"], peers["correct"], method="platt")
    np.testing.assert_allclose(curve.apply(np.array(peers["grid"])), peers["netcal_logistic"], atol=2 / 400)


def test_beta_is_the_papers_own_package(peers: dict[str, Any]) -> None:
    curve = fit(peers["scores"], peers["correct"], method="beta")
    np.testing.assert_allclose(curve.apply(np.array(peers["grid"])), peers["betacal_abm"], atol=1e-3)


def test_platt_is_sklearns_sigmoid_calibration() -> None:
    from sklearn.calibration import _SigmoidCalibration

    scores, correct = overconfident(700)
    weights = np.random.default_rng(1).uniform(0.2, 3, 700)
    for given_weights in (np.ones(700), weights):
        curve = fit(scores, correct, method="platt", weights=given_weights)
        kish = given_weights * (given_weights.sum() / (given_weights @ given_weights))
        log_p, log_q = log_odds(scores)
        theirs = _SigmoidCalibration().fit(log_p - log_q, correct, kish).predict(log_p - log_q)
        np.testing.assert_allclose(curve.apply(scores), theirs, atol=1e-5)


def test_beta_is_sklearns_logistic_regression_on_both_logarithms() -> None:
    from sklearn.linear_model import LogisticRegression

    scores, correct = overconfident(900, seed=3)
    log_p, log_q = log_odds(scores)
    features = np.stack([log_p, -log_q], axis=1)
    theirs = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(features, correct)
    curve = fit(scores, correct, method="beta")
    assert isinstance(curve, Beta)
    np.testing.assert_allclose((curve.a, curve.b), theirs.coef_[0], atol=1e-4)
    np.testing.assert_allclose(curve.apply(scores), theirs.predict_proba(features)[:, 1], atol=1e-5)


def test_isotonic_is_sklearns_but_for_the_smoothing_of_blocks() -> None:
    from sklearn.isotonic import IsotonicRegression

    scores = np.round(overconfident(1500, seed=4)[0], 1)
    correct = (np.random.default_rng(5).random(1500) < scores**2).astype(float)
    theirs = IsotonicRegression().fit(scores, correct).predict(np.unique(scores))
    ours = fit(scores, correct).apply(np.unique(scores))
    block = np.array([(theirs == value) @ np.unique(scores, return_counts=True)[1] for value in theirs])
    smoothed = (theirs * block + 0.5) / (block + 1)
    np.testing.assert_allclose(ours, (1 - TILT) * smoothed + TILT * np.unique(scores), atol=1e-9)


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Floats, npt.NDArray[np.int64]]:
    """A network that was trained for too long on few digits, and digits that it has not seen."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    images, number = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(number))
    train, rest = order[:400], order[400:]
    network = MLPClassifier((32,), alpha=1e-6, tol=1e-6, max_iter=6000, random_state=0)
    network.fit(images[train] / 16, number[train])
    return network, images[rest] / 16, number[rest]


def nll(probability: Floats, number: npt.NDArray[np.int64]) -> float:
    return float(-np.log(probability[np.arange(len(number)), number]).mean())


@pytest.mark.slow
def test_temperature_on_real_logits_is_as_good_as_sklearns(
    digits: tuple[Any, Floats, npt.NDArray[np.int64]],
) -> None:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    network, images, number = digits
    logits = np.log(network.predict_proba(images))
    fold = np.random.default_rng(1).permutation(np.arange(len(number)) % 5)
    ours, theirs = np.empty((2, len(number), 10))
    for part in range(5):
        held = fold == part
        curve = fit_temperature(logits[~held], number[~held])
        ours[held] = probabilities(logits[held], curve)
        calibrated = CalibratedClassifierCV(FrozenEstimator(network), method="temperature")
        theirs[held] = calibrated.fit(images[~held], number[~held]).predict_proba(images[held])
    raw = nll(network.predict_proba(images), number)
    assert nll(ours, number) < 0.9 * raw
    assert nll(ours, number) <= 1.001 * nll(theirs, number)


def test_binary_logits_and_the_confidence_that_they_make_have_one_temperature() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(2, 2, 800)
    correct = (rng.random(800) < 1 / (1 + np.exp(-logits / 2.5))).astype(int)
    by_logit = fit_temperature(logits, correct)
    by_classes = fit_temperature(np.stack([-logits / 2, logits / 2], axis=1), correct)
    by_score = fit(1 / (1 + np.exp(-logits)), correct, method="temperature")
    assert by_logit.t == pytest.approx(2.5, abs=0.5)
    assert by_classes.t == pytest.approx(by_logit.t, rel=1e-5)
    assert by_score.to_json()["T"] == pytest.approx(by_logit.t, rel=1e-4)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        ([], []),
        ([[1.0, np.nan]], [0]),
        ([[1.0, 2.0]], [2]),
        ([[1.0, 2.0]], [0, 1]),
        ([1.0, 2.0], [0.5, 1]),
        (np.zeros((1, 2, 2)), [0]),
    ],
)
def test_what_are_no_logits_is_refused(logits: Any, labels: Any) -> None:
    with pytest.raises(InvalidInput):
        fit_temperature(logits, labels)


def test_a_model_that_is_never_wrong_gets_a_finite_temperature() -> None:
    assert 0 < fit_temperature([[3.0, 0.0]] * 20, [0] * 20).t < 1
    assert fit_temperature([[3.0, 0.0]] * 20, [1] * 20).t <= 100


ROWS = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.01, 5)), min_size=1, max_size=40)


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=25)
@given(rows=ROWS)
def test_every_form_is_a_mapping_and_survives_the_file(
    method: str, rows: list[tuple[float, bool, float]]
) -> None:
    """Never descending, strictly inside (0, 1), and the same from the file, one by one or as an array."""
    scores, correct, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    curve = fit(scores, correct, method=method, weights=weights, prior=Logistic(a=0.5, b=-0.2))
    grid = np.unique(np.r_[GRID[::40], scores])
    values = curve.apply(grid)
    assert ((values > 0) & (values < 1)).all()
    assert (np.diff(values) >= 0).all()
    made = Mapping(stream="s", method=method, default=curve, created_at="2026-11-03T00:00:00Z")
    read = Mapping.from_bytes(made.to_bytes())
    assert read.digest == made.digest
    np.testing.assert_array_equal(read.apply(grid), values)
    np.testing.assert_allclose([read.apply(float(x)) for x in grid], values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("scores", "correct"),
    [([0.7], [1]), ([0.7] * 9, [0] * 9), ([0.0, 1.0], [1, 0]), ([0.4, 0.6], [0, 1]), ([0.0, 1.0], [0, 1])],
)
def test_samples_that_prove_nothing_are_fitted(
    method: str, scores: list[float], correct: list[float]
) -> None:
    values = fit(scores, correct, method=method).apply(GRID)
    assert ((values > 0) & (values < 1)).all()
    assert (np.diff(values) >= 0).all()


@pytest.mark.parametrize("method", [m for m in METHODS if m != "identity"])
def test_without_a_label_there_is_nothing_to_fit(method: str) -> None:
    with pytest.raises(InvalidInput, match="at least one label"):
        fit([0.5], [1], weights=[0], method=method)


@pytest.mark.parametrize("method", METHODS)
def test_a_weight_of_two_is_nearly_two_rows(method: str) -> None:
    """Not quite: Kish takes unequal weights for fewer labels, which only the smoothing can feel."""
    scores, correct = overconfident(600, seed=6)
    scores = np.round(scores, 1)
    weights = np.random.default_rng(7).integers(1, 3, 600)
    weighted = fit(scores, correct, method=method, weights=weights)
    repeated = fit(np.repeat(scores, weights), np.repeat(correct, weights), method=method)
    np.testing.assert_allclose(weighted.apply(GRID), repeated.apply(GRID), atol=0.03)


def test_a_blend_is_the_mean_of_its_halves_to_the_stated_error() -> None:
    labels = Sample(*overconfident(500, seed=8))
    squeezed = Sample(0.02 + 0.96 * labels.scores, labels.correct)
    smooth, stepped = platt(squeezed), isotonic(labels)
    mean = (smooth.apply(0.02 + 0.96 * GRID) + stepped.apply(GRID)) / 2
    assert np.abs(platt_isotonic(labels).apply(GRID) - mean).max() <= ERROR


@pytest.mark.parametrize(
    "curve",
    [Identity(), Logistic(a=0.1, b=1), Logistic(a=6, b=-3), Beta(a=0.2, b=3, c=0), Beta(a=9, b=0, c=2)],
)
def test_lines_follow_any_curve_to_the_stated_error(curve: Any) -> None:
    lines = piecewise(curve.apply)
    near = np.unique(
        np.r_[np.linspace(0, 1, 100_001), np.geomspace(1e-9, 1, 5000), 1 - np.geomspace(1e-9, 1, 5000)]
    )
    assert np.abs(lines.apply(near) - curve.apply(near)).max() <= ERROR
    assert len(lines.x) < 1000


def test_a_shift_moves_all_log_odds_alike() -> None:
    stream = PiecewiseLinear(x=(0.0, 0.5, 1.0), y=(0.2, 0.5, 0.9))
    moved = shifted(stream, 1.0).apply(GRID)
    before = stream.apply(GRID)
    np.testing.assert_allclose(np.log(moved / (1 - moved)) - np.log(before / (1 - before)), 1, atol=2e-3)


def test_a_prior_draws_the_fit_towards_itself() -> None:
    scores, correct = overconfident(60, seed=9)
    prior = Logistic(a=1.0, b=-3.0)
    alone, leaning = (
        fit(scores, correct, method=m, prior=prior).apply(GRID) for m in ("isotonic", "isotonic_prior")
    )
    there = prior.apply(GRID)
    assert np.abs(leaning - there).mean() < 0.8 * np.abs(alone - there).mean()


def test_kish_counts_by_level_add_up_to_the_effective_number() -> None:
    weights = np.random.default_rng(1).uniform(0.1, 4, 50)
    _, right, wrong = effective(Sample(np.full(50, 0.7), np.tile([0, 1], 25), weights))
    assert (right + wrong).sum() == pytest.approx(weights.sum() ** 2 / (weights @ weights))


def test_crossfit_of_a_prior_method_needs_no_prior() -> None:
    labels = Sample(*overconfident(200))
    assert np.isfinite(crossfit(labels, method="isotonic_prior")).all()
