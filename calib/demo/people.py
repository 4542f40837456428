"""The demo's reviewers: they know the digits, and answer through the queue as people would."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from calib.app import App
from calib.review import queue

NAMES = ("ada", "bo")
AT_ONCE = 50


class Reviewers:
    """Two people who take turns; `right` says which predictions were right."""

    def __init__(self, config: Path, right: Mapping[str, bool]) -> None:
        self._opened, self._right = App.open(config), right

    def label_everything(self, stream: str, *, at: datetime) -> int:
        """Claim and answer until nothing waits; how many answers that took."""
        labelled, turn = 0, 0
        while True:
            by = NAMES[turn % len(NAMES)]
            turn += 1
            with self._opened.engine.begin() as conn:
                claims = queue.claim(conn, stream=stream, by=by, now=at, n=AT_ONCE)
                labels = [
                    queue.Answer(item_id=claim.item_id, answer=self._word(claim), by=by, at=at)
                    for claim in claims
                ]
                queue.answer_all(conn, labels, [claim.token for claim in claims])
            if not claims:
                return labelled
            labelled += len(claims)

    def _word(self, claim: queue.Claim) -> str:
        return "correct" if self._right[claim.prediction_id] else "incorrect"
