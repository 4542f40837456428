"""A real classifier on real images, and a year of its traffic.

Logistic regression without regularisation, trained on 80 of scikit-learn's 1,797 scanned digits, reads the
other 1,717 through a noisy camera. It is right in 80% of cases and says it is nearly certain: that is
what overconfidence looks like. From one month on a third of the images arrive a pixel off.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

TRAINED_ON = 80
NOISE = 4.75  # standard deviation; pixels run from 0 to 16
MISALIGNED = 0.35  # share of images that arrive a pixel to the right once the camera has slipped


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitReadings:
    """What the model said of `n` images; arrays of shape (n,)."""

    image: npt.NDArray[np.int64]
    answer: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    correct: npt.NDArray[np.bool_]


class DigitReader:
    """The classifier with the images that it has never seen."""

    def __init__(self, rng: np.random.Generator) -> None:
        from sklearn.datasets import load_digits
        from sklearn.linear_model import LogisticRegression

        pixels, digits = load_digits(return_X_y=True)
        order = rng.permutation(len(pixels))
        training, self._unseen = order[:TRAINED_ON], order[TRAINED_ON:]
        self._pixels, self._digits = pixels, digits
        self._model: Any = LogisticRegression(C=1e4, max_iter=2000)
        with warnings.catch_warnings():
            # without regularisation the optimum lies far out: stopping short of it is part of the example
            warnings.simplefilter("ignore")
            self._model.fit(pixels[training] / 16, digits[training])

    def read(self, n: int, rng: np.random.Generator, *, slipped: bool) -> DigitReadings:
        """Read `n` images drawn from those never trained on; `slipped`: the camera is out of line."""
        image = rng.choice(self._unseen, n)
        pixels = self._pixels[image].reshape(n, 8, 8)
        if slipped:
            off = rng.random(n) < MISALIGNED
            pixels[off] = np.pad(pixels[off], ((0, 0), (0, 0), (1, 0)))[:, :, :8]
        noisy = pixels.reshape(n, 64) + rng.normal(0, NOISE, (n, 64))
        probability = self._model.predict_proba(noisy / 16)
        answer = probability.argmax(axis=1)
        return DigitReadings(
            image=image,
            answer=answer,
            confidence=np.round(probability.max(axis=1), 4),
            correct=answer == self._digits[image],
        )
