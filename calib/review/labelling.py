"""Answers: every one is kept with who gave it, and of each drawn row one counts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, distinct, func, insert, select, update

from calib.db import tables, windows
from calib.errors import QueueError
from calib.text import storable

LOG = logging.getLogger(__name__)
t, answers = tables.items, tables.labels
ANSWERS = ("correct", "incorrect", "unsure")
PERSONS = ("review", "file", "label-studio")  # sources of answers that a person gave and may correct
AT_ONCE = 4_000  # answers in one statement: below every engine's limit of parameters
LONGEST_COMMENT = 4_000  # characters

# `new`: it counts. `same`: that answer counts already. `corrected`: it counts in the place of the same
# person's earlier one. `conflict`: another answer counts. `fenced`: the item has gone to somebody else.
# `late`: the window has been evaluated. Whatever it is, who said what is kept.
LabelOutcome = Literal["new", "same", "corrected", "conflict", "fenced", "late"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody says of an item: `correct`, `incorrect` or `unsure`.

    `comment`: for whoever decides where people differ; None leaves an earlier one as it is, empty text takes
    it away. It stands in the database alone, and is erased with what reviewers see. `blind`: given without
    sight of anybody else's answer; agreement counts no others. `sheet`: the export that a file's row came
    from.
    """

    item_id: int
    answer: str
    by: str
    at: datetime
    comment: str | None = None
    blind: bool = True
    sheet: str | None = None


def answer(
    conn: Connection,
    *,
    item_id: int,
    token: int,
    answer: str,
    by: str,
    at: datetime,
    comment: str | None = None,
) -> LabelOutcome:
    """Label a leased item: `answer_all` of one answer."""
    said = Answer(item_id=item_id, answer=answer, by=by, at=at, comment=comment)
    return answer_all(conn, [said], [token])[0]


def answer_all(conn: Connection, labels: Sequence[Answer], tokens: Sequence[int]) -> list[LabelOutcome]:
    """Label leased items, at most one answer each; what became of each answer, in the order given.

    `tokens`: of each answer's lease. A token is a fence: where the item has gone to somebody else meanwhile,
    the answer is kept in the history but does not count. Raises `QueueError` for an item or an answer that
    there is not, and for an item that is answered twice in one call.
    """
    ids = [_checked(label).item_id for label in labels]
    query = select(t.c.id, t.c.lease_token, t.c.leased_by).where(t.c.id.in_(ids))
    query = query.order_by(t.c.id).with_for_update()
    leases = {row.id: (row.lease_token, row.leased_by) for row in conn.execute(query)}
    if unknown := [id_ for id_ in ids if id_ not in leases]:
        raise QueueError(f"the queue has no item {unknown[0]}; take the next one")
    leased = zip(labels, tokens, strict=True)
    fenced = {label for label, token in leased if leases[label.item_id] != (token, label.by)}
    if fenced:
        _keep(conn, list(fenced), source="review")
        _log("fenced", len(fenced), "review")
    counted = [label for label in labels if label not in fenced]
    outcomes = dict(zip(counted, label_all(conn, counted, source="review"), strict=True))
    done = update(t).where(t.c.id.in_([label.item_id for label in counted]))
    conn.execute(done.values(lease_until=None))
    return [outcomes.get(label, "fenced") for label in labels]


def label(
    conn: Connection,
    *,
    item_id: int,
    answer: str,
    by: str,
    at: datetime,
    source: str,
    overwrite: bool = False,
) -> LabelOutcome:
    """Give an item its label: `label_all` of one answer."""
    new_label = Answer(item_id=item_id, answer=answer, by=by, at=at)
    return label_all(conn, [new_label], source=source, overwrite=overwrite)[0]


def label_all(
    conn: Connection,
    labels: Sequence[Answer],
    *,
    source: str,
    overwrite: bool = False,
    corrects: bool = True,
) -> list[LabelOutcome]:
    """Give items their labels, at most one each; what became of each answer, in the order given.

    Every differing answer is kept. The first one counts, unless the same person gives another one later,
    which corrects it (not so where `corrects` is false); with `overwrite` the last one counts, whoever gave
    it. No label changes once the window has been evaluated: what was published rests on those that it had.
    So many statements per `AT_ONCE` answers, however many there are. Raises `QueueError` for a word that is
    not an answer and for an item that is answered twice in one call.
    """
    outcomes: list[LabelOutcome] = []
    for start in range(0, len(labels), AT_ONCE):
        some = labels[start : start + AT_ONCE]
        outcomes += _label_some(conn, some, source=source, overwrite=overwrite, corrects=corrects)
    counts = Counter(outcomes)
    for event in ("conflict", "late"):
        if counts[event]:
            _log(event, counts[event], source)
    return outcomes


def _label_some(
    conn: Connection, labels: Sequence[Answer], *, source: str, overwrite: bool, corrects: bool
) -> list[LabelOutcome]:
    ids = sorted({_checked(answer).item_id for answer in labels})
    if len(ids) < len(labels):
        raise QueueError("an item is answered twice in one call; answer it in two")
    lock(conn, ids)
    before = _counting(conn, ids)
    answer_ids = _keep(conn, labels, source=source, corrects=corrects)
    own = {
        answer.item_id
        for answer in labels
        if corrects and answer.item_id in before and before[answer.item_id].is_own_of(answer.by)
    }
    chosen = {
        answer.item_id: answer_ids[answer]
        for answer in labels
        if overwrite or answer.item_id not in before or answer.item_id in own
    }
    free: list[ColumnElement[bool]] = [t.c.window_id.in_(select(tables.windows.c.id).where(windows.WAITING))]
    if not overwrite:
        still_own = t.c.id.in_(sorted(own)) & t.c.label_id.in_([before[item].id for item in sorted(own)])
        free.append(t.c.label_id.is_(None) | still_own)
    own_answer = (answers.c.item_id == t.c.id) & answers.c.id.in_(list(chosen.values()))
    label_id = select(answers.c.id).where(own_answer).scalar_subquery()
    if chosen:
        labelling = update(t).where(t.c.id.in_(sorted(chosen)), *free)
        conn.execute(labelling.values(label_id=label_id, lease_until=None))
    after = _counting(conn, [id_ for id_ in ids if id_ in chosen])
    return [_outcome(answer, answer_ids[answer], before, after) for answer in labels]


def _log(event: str, answers_: int, source: str) -> None:
    """How many answers did not count; who gave them, and to what, stays in the database."""
    extra = {"event": event, "answers": answers_, "source": source}
    LOG.info("%d answers from %s did not count: %s", answers_, source, event, extra=extra)


def _outcome(
    answer: Answer, key: int, before: dict[int, _Counting], after: dict[int, _Counting]
) -> LabelOutcome:
    """What became of an answer, by the label that counted before it was given and after."""
    first, last = before.get(answer.item_id), after.get(answer.item_id)
    if first is not None and first.answer == answer.answer:
        return "same"
    if last is not None and last.id == key:
        return "new" if first is None or first.by != answer.by else "corrected"
    counting = last or first
    if counting is None:
        return "late"
    return "same" if counting.answer == answer.answer else "conflict"


def _checked(answer: Answer) -> Answer:
    if answer.answer not in ANSWERS:
        raise QueueError(f"{answer.answer!r:.40} is not an answer; the answers are {', '.join(ANSWERS)}")
    return answer


@dataclass(frozen=True, slots=True)
class _Counting:
    """The label that counts for an item."""

    id: int
    answer: str
    by: str
    source: str

    def is_own_of(self, by: str) -> bool:
        """Whether that person gave it, as an answer; a decision between answers stands above one's own."""
        return self.by == by and self.source != "decision"


def _counting(conn: Connection, item_ids: Sequence[int]) -> dict[int, _Counting]:
    """The label that counts, by item; items without one are left out."""
    columns = (answers.c.id.label("label_id"), answers.c.answer, answers.c.by, answers.c.source)
    query = select(t.c.id, *columns).join(answers, answers.c.id == t.c.label_id)
    rows = conn.execute(query.where(t.c.id.in_(item_ids))) if item_ids else ()
    return {row.id: _Counting(row.label_id, row.answer, row.by, row.source) for row in rows}


def lock(conn: Connection, item_ids: Sequence[int]) -> None:
    """Keep items from being answered by others until the transaction ends.

    Two answers to one item that come at once, as from a double click, so follow each other. Taken in the
    order of the ids, so that no two wait for each other; SQLite's transactions stand in line anyway.
    """
    conn.execute(select(t.c.id).where(t.c.id.in_(item_ids)).order_by(t.c.id).with_for_update()).all()


def _keep(
    conn: Connection, labels: Sequence[Answer], *, source: str, corrects: bool = True
) -> dict[Answer, int]:
    """Keep answers; the same one by the same person is kept once. The key of each.

    Of several answers of one person to one item the last one is `current`; where they correct nothing, the
    first.
    """
    columns = (answers.c.id, answers.c.item_id, answers.c.answer, answers.c.by, answers.c.current)
    given = answers.c.taken_back_at.is_(None) & (answers.c.source != "decision")
    stored = select(*columns, answers.c.comment).order_by(answers.c.id)
    stored = stored.where(answers.c.item_id.in_([answer.item_id for answer in labels]), given)
    rows = conn.execute(stored).all()
    keys = {(row.item_id, row.answer, row.by): row.id for row in rows}
    have_one = {(row.item_id, row.by) for row in rows if row.current}
    by_key = {(answer.item_id, answer.answer, answer.by): answer for answer in labels}
    missing = [answer for key, answer in by_key.items() if key not in keys]
    if missing:
        in_time = _waiting(conn, [answer.item_id for answer in missing])
        values = [
            asdict(answer)
            | {"source": source, "comment": _comment(answer)}
            | {"blind": answer.blind and answer.item_id in in_time}
            | {"current": corrects or (answer.item_id, answer.by) not in have_one}
            for answer in missing
        ]
        conn.execute(
            insert(answers).values(values)
        )  # one statement, which with RETURNING would be one per row
        for row in conn.execute(stored).all():
            keys[row.item_id, row.answer, row.by] = row.id
    given_now = {(answer.item_id, answer.by): answer for answer in labels}
    no_more: list[int] = []
    again: list[int] = []
    for row in rows:
        answer = given_now.get((row.item_id, row.by))
        if answer is None:
            continue
        said_again = row.answer == answer.answer
        if corrects and row.current != said_again:
            (again if said_again else no_more).append(row.id)
        if said_again and answer.comment is not None and _comment(answer) != row.comment:
            mine = update(answers).where(answers.c.id == row.id)
            conn.execute(mine.values(comment=_comment(answer)))
    for ids, current in ((no_more, False), (again, True)):
        if ids:
            conn.execute(update(answers).where(answers.c.id.in_(ids)).values(current=current))
    if missing and source != "outcome":
        count_people(conn, [answer.item_id for answer in missing])
    return {answer: keys[answer.item_id, answer.answer, answer.by] for answer in labels}


def _waiting(conn: Connection, item_ids: Sequence[int]) -> set[int]:
    """The items whose window waits for labels: later answers are no part of the agreement."""
    w = tables.windows
    query = select(t.c.id).join(w, w.c.id == t.c.window_id).where(t.c.id.in_(item_ids), windows.WAITING)
    return set(conn.execute(query).scalars())


def _comment(answer: Answer) -> str | None:
    return storable(answer.comment.strip(), LONGEST_COMMENT) or None if answer.comment else None


def count_people(conn: Connection, item_ids: Sequence[int]) -> None:
    """Count anew how many people have answered items of the share that two people look at."""
    given = answers.c.taken_back_at.is_(None) & (answers.c.source != "decision")
    people = select(func.count(distinct(answers.c.by))).where(answers.c.item_id == t.c.id, given)
    where = t.c.id.in_(item_ids) & t.c.twice
    conn.execute(update(t).where(where).values(people=people.scalar_subquery()))
