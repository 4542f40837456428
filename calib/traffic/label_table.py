"""Outcomes in a table of their own, which names predictions by their ids: any engine that traffic has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from calib.errors import InvalidInput
from calib.tabular.rules import CANNOT_KEEP
from calib.traffic.table import SourceTable
from calib.traffic.values import Outcomes
from calib.vocabulary import HOW, meaning

MOST_WORDS = 1_000  # different words of one column that a check looks at


class LabelTable(SourceTable):
    """The table that `review.source` names; read only.

    `id`, `column` and `at`: the columns of the prediction's id, of the outcome and, where there is one, of
    the time at which it became known. Every method raises `InvalidInput` for a missing column or file and for
    ids that may have been rounded, and `SourceError` where the engine fails.
    """

    what = "outcomes"

    def __init__(
        self,
        url: str,
        *,
        id: str,  # noqa: A002  as the settings call it
        column: str,
        at: str | None = None,
        timezone: str = "UTC",
        base: Path = Path(),
        stream: str,
    ) -> None:
        super().__init__(url, timezone=timezone, base=base, stream=stream)
        self._id, self._column, self._at = id, column, at
        self._table: Any = None

    def outcomes(self, ids: Iterable[str], *, known_by: datetime | None = None) -> Outcomes:
        """What is known of these predictions: no other row leaves the engine.

        Ids are compared as texts by the one rule, whatever the types of the two columns. Several rows of one
        prediction that agree are one. Where they differ the latest by `at` counts, and the others are
        `differing`; without times nothing tells which of them holds, and the prediction is `undecided`.
        """
        from calib.traffic.outcomes import OutcomeRow, answers, fetch
        from calib.traffic.rules import answer

        table = self._opened()
        all_ids = list(ids)
        if not all_ids:
            return Outcomes(labels={})
        self._refuse_rounded(table)
        at = None if self._at is None else self._clock(table, self._at, "review.at")
        rows = fetch(
            table,
            id_column=self._id,
            ids=all_ids,
            selected={"answer": answer(table[self._column])} | ({} if at is None else at.selected("at")),
            records=self._records,
        )
        known = []
        for row in rows:
            when = None if at is None else at.read(row, "at")
            rank = float("-inf") if when is None else when.timestamp()  # one without a time comes first
            known.append(OutcomeRow(id=row["id"], said=row["answer"], at=when, rank=rank))
        return answers(known, known_by=known_by, counts="last")

    def check(self) -> dict[str, Any]:
        """Look at the whole table: its columns with their types, its rows, and what its outcomes say.

        `unknown_words` counts the rows whose outcome says neither right nor wrong nor that nothing is known.
        Raises `InvalidInput` where no row has an outcome that is understood.
        """
        from calib.traffic.rules import answer

        table = self._opened()
        self._refuse_rounded(table)
        if self._at is not None:
            self._clock(table, self._at, "review.at")
        words = table.select(word=answer(table[self._column])).group_by("word").agg(n=lambda t: t.count())
        counted = self._records(words.order_by(words["n"].desc()).limit(MOST_WORDS))
        known = {None: 0, "correct": 0, "incorrect": 0, "unsure": 0, "unknown": 0}
        for row in counted:
            known["unknown" if row["word"] is None else meaning(row["word"])] += row["n"]
        rows, strange = sum(known.values()), known[None] + known["unsure"]
        if strange and not known["correct"] + known["incorrect"]:
            raise InvalidInput(
                f"{self._stream}: outcomes: no row of {self._column!r} says right or wrong, {strange:,} say "
                f"something else; {HOW}, or name another column in review.column"
            )
        schema = table.schema()
        return {
            "columns": {key: f"{name} ({schema[name]})" for key, name in self._named().items()},
            "rows": rows,
            "correct": known["correct"],
            "incorrect": known["incorrect"],
            "unknown_words": strange,
        }

    def _named(self) -> dict[str, str]:
        named = {"review.id": self._id, "review.column": self._column}
        return named | ({} if self._at is None else {"review.at": self._at})

    def _opened(self) -> Any:
        if self._table is None:
            self._table = self._open(self._named()).table
        return self._table

    def _refuse_rounded(self, table: Any) -> None:
        from calib.traffic.rules import rounded

        lost = self._run(lambda: int(table.filter(rounded(table[self._id])).count().execute()))
        if lost:
            raise InvalidInput(
                f"{self._stream}: review.id = {self._id!r}: each of {lost:,} ids {CANNOT_KEEP}"
            )
