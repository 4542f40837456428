"""What is left out must not decide by leaving: how many rows of a file may be unreadable."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calib.errors import InvalidInput
from calib.policy import USUAL_BELOW
from calib.tabular.columns import OTHER, UNKNOWN, Column
from calib.tabular.rules import OVERSHOOT
from calib.vocabulary import HOW

Bools = npt.NDArray[np.bool_]
DECIMAL_COMMA = re.compile(r"'\s*[+-]?[0-9]*,[0-9]+\s*'$")  # as a message shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The share of rows that may be unreadable. `asked`: somebody set it, so that it holds for one class too.

    `place` and `shown` say where a row is and what its cell in a role's column holds.
    """

    path: Path
    share: float
    asked: bool
    place: Callable[[int], str]
    shown: Callable[[int, str], str]

    def confidences(self, column: Column, unreadable: Bools, *, name: str, scale: float) -> None:
        """Raise `InvalidInput` where too many confidences cannot be read, with what they look like."""
        values = column.values[~np.isnan(column.values)] if scale > 1 else column.values[:0]
        if len(values):
            between = float(((values > 0) & (values * scale < 1)).mean())
            if values.max() * scale <= 1:
                raise InvalidInput(
                    f"{self.path}: column {name!r} holds no number above 1, so it is not out of {scale:g}: "
                    "leave --scale out"
                )
            if between > max(self.share, USUAL_BELOW / scale):
                raise InvalidInput(
                    f"{self.path}: {between:.1%} of column {name!r} lies between 0 and 1, the rest up to "
                    f"{values.max() * scale:g}: a part of it is not out of {scale:g}; write all of it alike, "
                    f"or, if it is meant, --allow-rejected {share_up(between)}"
                )
        self._few(
            unreadable,
            len(unreadable),
            name,
            "cannot be read as confidences",
            lambda: self._looks(column, name),
        )

    def answers(self, codes: npt.NDArray[np.int8], *, name: str) -> None:
        """Raise `InvalidInput` where too many answers are in words that are not known."""
        other = codes == OTHER
        known = np.flatnonzero((codes == 1) | (codes == 0))
        beside = f", beside {self.shown(int(known[0]), name)}, which is" if other.any() and len(known) else ""
        # numbers and words of many kinds are the right answers themselves
        key = " If it holds the right answer itself, name the column of the model's answer with --answer."
        understood = int((codes != UNKNOWN).sum())
        self._few(other, understood, name, "say neither right nor wrong", lambda: f"{beside}: {HOW}.{key}")

    def one_class(
        self,
        left_out: Bools,
        answers_left: npt.NDArray[np.float64],
        *,
        name: str,
        of: npt.NDArray[np.intp] | None = None,
        word: str = "rows",
    ) -> None:
        """Raise `InvalidInput` where all answers that are left are the same, beside some left out.

        `of`: the row of each entry of `left_out`, where these are not all rows; `word` is what they are.
        """
        n = int(left_out.sum())
        if not n or not len(answers_left) or not (answers_left == answers_left[0]).all():
            return
        share = n / len(left_out)
        if self.asked and share <= self.share:
            return
        first = int(np.flatnonzero(left_out)[0])
        row = first if of is None else int(of[first])
        left = "right" if answers_left[0] == 1 else "wrong"
        raise InvalidInput(
            f"{self.place(row)}, column {name!r}: {self.shown(row, name)} says neither right nor wrong, "
            f"and of {len(left_out):,} {word} only {left} ones are left beside {n:,} like it: {HOW}, or "
            f"leave them out with --allow-rejected {share_up(share)}"
        )

    def weights(self, unreadable: Bools, *, name: str) -> None:
        """Raise `InvalidInput` where too many weights cannot be read."""
        self._few(
            unreadable, len(unreadable), name, "cannot be read as weights", lambda: ": write numbers from 0."
        )

    def questions(self, missing: Bools, *, name: str) -> None:
        """Raise `InvalidInput` where too many rows do not name their question."""
        self._few(missing, len(missing), name, "name no question", lambda: ": give each row its id.")

    def _few(self, where: Bools, of: int, name: str, are: str, remedy: Callable[[], str]) -> None:
        n = int(where.sum())
        if not n or n <= self.share * of:
            return
        row = int(np.flatnonzero(where)[0])
        raise InvalidInput(
            f"{self.place(row)}, column {name!r}: {self.shown(row, name)} and other cells, {n:,} of {of:,}, "
            f"{are}{remedy()} At most {self.share:.0%} may be left out; --allow-rejected {share_up(n / of)} "
            "leaves these out"
        )

    def _looks(self, column: Column, name: str) -> str:
        values = column.values[np.isfinite(column.values)]
        high = float(values.max()) if len(values) else 0.0
        if (values < -OVERSHOOT).mean() > self.share if len(values) else False:
            is_log = high <= OVERSHOOT
            what = "logarithms of probabilities, of which it is exp(x)" if is_log else "log-odds"
            return f": write numbers from 0 to 1. These may be {what}."
        beyond = len(values) and ((values > 1 + OVERSHOOT) & (values <= 1000)).mean() > self.share
        if beyond and values.min() >= -OVERSHOOT and high <= 1000 and not _odds(values, high):
            if high <= 5 and (values == np.floor(values)).all():
                return (
                    ": looks like ratings: write the confidence from 0 to 1 that each stands for; where they "
                    "are tenths, --scale 10."
                )
            scale, what = next(
                (scale, what)
                for scale, what in ((10, "tenths"), (100, "percent"), (1000, "per mille"))
                if high <= scale
            )
            return f": looks like {what}: 0 to {scale}; divide, or --scale {scale}."
        rows = np.flatnonzero(np.isnan(column.values) & ~column.missing)
        first = self.shown(int(rows[0]), name) if len(rows) else ""
        if "%" in first:
            return ": looks like percent: write 0.85 for 85%, or --scale 100."
        if DECIMAL_COMMA.match(first):
            return (
                ": looks like a decimal comma, which is read where semicolons or tabs separate the cells: "
                "write 0.85, or separate the cells so."
            )
        return ": write numbers from 0 to 1."


def _odds(values: npt.NDArray[np.float64], high: float) -> bool:
    """Whether numbers seem to be odds or scores of another kind: none of a scale, and not whole.

    Percent, tenths and per mille reach at least half of what they are out of.
    """
    scale = next(scale for scale in (10, 100, 1000) if high <= scale)
    return bool(high < scale / 2 and (values != np.floor(values)).mean() > 0.5)


def share_up(share: float) -> str:
    """A share rounded up to a hundredth: as a limit it lets so many pass."""
    return f"{min(1.0, np.ceil(share * 100 - 1e-9) / 100):.2f}"
