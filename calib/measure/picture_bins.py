"""The points of a reliability diagram: stated levels where there are few, else bins."""

from __future__ import annotations

import numpy as np

from calib.measure.bins import Bins, reliability
from calib.measure.sample import Sample
from calib.results.measured import Bin
from calib.results.pictures import PictureBins

MOST_LEVELS = 20  # different stated confidences that are drawn one by one; more are drawn in ten bins


def picture_bins(sample: Sample) -> PictureBins:
    """A sample's reliability by level where at most `MOST_LEVELS` are stated, else in ten bins."""
    stated = np.unique(sample.scores[sample.weights > 0])
    levels = len(stated) <= MOST_LEVELS
    bins = Bins.of(stated) if levels else Bins.equal_width(10)
    made = reliability(sample.scores, sample.correct, weights=sample.weights, bins=bins)
    return PictureBins(levels=levels, bins=tuple(Bin(**part.to_json()) for part in made.bins if part.n))
