"""How often a stream may cry wolf: its yearly budget of false alarms, divided among a window's tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calib.period import Kind, per_year

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WINDOW_SHARE = 0.5  # of a window's α, for the test against the pooled baseline: it sees most changes
ANCHOR_SHARE = 0.2  # for the test against the first window since the last change: it sees slow decay
EARLY_SHARE = 0.2  # for the early watch: ADR 7
CERTIFICATES_SHARE = 0.1  # for the certificates of the month before: ADR 127
STREAM_WEIGHT = 0.5  # of the window's share, for the stream as a whole; its segments share the rest: ADR 6
MOST_ALPHA = 0.5  # a window that spends more than this decides by tossing a coin


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The chance of a false alarm that each test of one window may spend, in (0, 1).

    `window`: the tests against the pooled baseline, the stream's and its segments' together (Holm 1979, by
    `weights`); `anchor`: the test against the anchor; `early`: the early watch, at all its looks together;
    `certificates`: the tests of earlier certificates, all together (Holm).
    """

    window: float
    anchor: float
    early: float
    certificates: float

    @classmethod
    def of_stream(cls, *, false_alarms_per_year: float, period: Kind) -> Budget:
        """The budget of each window of a stream that may raise so many false alarms per year, in all."""
        alpha = min(MOST_ALPHA, false_alarms_per_year / per_year(period))
        return cls(
            window=alpha * WINDOW_SHARE,
            anchor=alpha * ANCHOR_SHARE,
            early=alpha * EARLY_SHARE,
            certificates=alpha * CERTIFICATES_SHARE,
        )

    @property
    def early_evidence(self) -> float:
        """The e-value at which the early watch may alarm: 1/α (Ville's inequality)."""
        return 1 / self.early


def weights(segments: int) -> npt.NDArray[np.float64]:
    """The shares of `Budget.window`, shape (1 + segments,), with sum 1: the stream's, then each segment's."""
    import numpy as np

    if not segments:
        return np.ones(1)
    return np.concatenate([[STREAM_WEIGHT], np.full(segments, (1 - STREAM_WEIGHT) / segments)])
