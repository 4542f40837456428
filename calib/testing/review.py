"""A review queue in memory, and people who answer what waits in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from calib.db.engine import open_engine
from calib.db.schema import migrate
from calib.review import queue

AT_ONCE = 50  # items that a reviewer takes in hand


def database_in_memory() -> Engine:
    """An empty database of calibwatch, its tables made, that is gone with the process.

    It is a real one: queue and outbox behave in it as they do in a file.
    """
    engine = open_engine("sqlite://")
    migrate(engine)
    return engine


class Reviewer:
    """Somebody who claims items and answers them, by the public queue, as a review page does.

    `says` makes the answer (`correct`, `incorrect` or `unsure`) from a claim, of which `prediction_id` and
    `context` are what a person would see. `now` is the clock.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        says: Callable[[queue.Claim], str],
        now: Callable[[], datetime],
        by: str = "ana",
    ) -> None:
        self._engine, self._says, self._now, self.by = engine, says, now, by

    def take(self, stream: str, n: int = 1) -> list[queue.Claim]:
        """Claim up to `n` items and leave them unanswered, as somebody does who goes for lunch."""
        with self._engine.begin() as conn:
            return queue.claim(conn, stream=stream, by=self.by, now=self._now(), n=n)

    def answer(self, claim: queue.Claim) -> queue.LabelOutcome:
        """Answer one claim; what became of the answer."""
        with self._engine.begin() as conn:
            return queue.answer(
                conn,
                item_id=claim.item_id,
                token=claim.token,
                answer=self._says(claim),
                by=self.by,
                at=self._now(),
            )

    def work(self, stream: str) -> dict[str, int]:
        """Answer until nothing waits for this person; how many answers became what."""
        outcomes: Counter[str] = Counter()
        while claims := self.take(stream, AT_ONCE):
            outcomes.update(self.answer(claim) for claim in claims)
        return dict(outcomes)
