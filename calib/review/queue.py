"""The review queue: drawn rows wait here, are leased to reviewers, and get the one label that counts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, bindparam, distinct, func, insert, select, update

from calib.db import tables, windows
from calib.errors import QueueError
from calib.json_object import Json

if TYPE_CHECKING:
    from calib.review.cohort import Cohort

LOG = logging.getLogger(__name__)
t, answers = tables.items, tables.labels
ANSWERS = ("correct", "incorrect", "unsure")
LEASE = timedelta(minutes=30)
AT_ONCE = 4_000  # answers in one statement: below every engine's limit of parameters

# `new`: it counts. `same`: that answer counts already. `corrected`: it counts in the place of the same
# person's earlier one. `conflict`: another answer counts. `fenced`: the item has gone to somebody else.
# `late`: the window has been evaluated. Whatever it is, who said what is kept.
LabelOutcome = Literal["new", "same", "corrected", "conflict", "fenced", "late"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An item leased to a reviewer; the answer must come back with the token."""

    item_id: int
    token: int
    prediction_id: str
    period: str
    stream: str
    context: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody says of an item: `correct`, `incorrect` or `unsure`."""

    item_id: int
    answer: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a window's labels are: its drawn rows, by their answers."""

    drawn: int
    correct: int
    incorrect: int
    unsure: int

    @property
    def missing(self) -> int:
        """Rows that nobody has answered."""
        return self.drawn - self.correct - self.incorrect - self.unsure

    @property
    def complete(self) -> bool:
        """Whether every drawn row has an answer, unsure ones included."""
        return self.missing == 0


def enqueue(conn: Connection, window_id: int, drawn: Sequence[Json]) -> None:
    """Put a window's drawn rows up for review; rows that are there already are left as they are."""
    queued = set(conn.execute(select(t.c.prediction_id).where(t.c.window_id == window_id)).scalars())
    new = [row for row in drawn if row["prediction_id"] not in queued]
    if new:
        conn.execute(insert(t), [{"window_id": window_id, "lease_token": 0} | row for row in new])


def claim(
    conn: Connection, *, stream: str, by: str, now: datetime, lease: timedelta = LEASE, n: int = 1
) -> list[Claim]:
    """Lease up to `n` items, oldest window first, each window in the order of its draw.

    Unanswered ones first; when there are none left, those of the share `double_review` of the window's
    settings that one other person has answered: how far two people agree says how good the labels are. An
    item whose lease has run out is given to the next who asks; who asks again, as by loading a page anew,
    keeps their own items and tokens. Taken by compare-and-set: of two who reach for one item, one gets it.
    """
    unanswered = _waiting(stream, by, now).where(t.c.label_id.is_(None))
    claims = _take(conn, conn.execute(unanswered), by, now, lease, n)
    shares = _double_review(conn, stream) if len(claims) < n else {}
    if shares:
        again = _waiting(stream, by, now).where(t.c.label_id.is_not(None), t.c.window_id.in_(shares))
        rows = conn.execute(again.where(_answered_by_one_other(by)))
        twice = (row for row in rows if looked_at_twice(row.draw_order, shares[row.window_id]))
        claims += _take(conn, twice, by, now, lease, n - len(claims))
    return claims


def _double_review(conn: Connection, stream: str) -> dict[int, float]:
    """The share of rows that two people look at, by window; windows without any are left out."""
    w = tables.windows
    query = select(w.c.id, w.c.settings).where(w.c.stream == stream, windows.WAITING)
    shares = {row.id: row.settings.get("double_review", 0.0) for row in conn.execute(query)}
    return {window_id: share for window_id, share in shares.items() if share > 0}


def looked_at_twice(draw_order: str, share: float) -> bool:
    """Whether a row is of the share that two people look at: by the last digits of its place in the draw,
    which say nothing of the first ones.

    >>> looked_at_twice("00000000000010a3", 0.1), looked_at_twice("000000000000f0a3", 0.1)
    (True, False)
    """
    return int(draw_order[-4:], 16) < share * 16**4


def _waiting(stream: str, by: str, now: datetime) -> Select[Any]:
    w = tables.windows
    return (
        select(t, w.c.period, w.c.stream)
        .join(w, w.c.id == t.c.window_id)
        .where(w.c.stream == stream, windows.WAITING)
        .where((t.c.lease_until.is_(None)) | (t.c.lease_until <= now) | (t.c.leased_by == by))
        .order_by(w.c.ends_at, t.c.draw_order, t.c.id)
    )


def _answered_by_one_other(by: str) -> ColumnElement[bool]:
    answered = select(answers.c.item_id).where(answers.c.item_id == t.c.id)
    people = select(func.count(distinct(answers.c.by))).where(answers.c.item_id == t.c.id).scalar_subquery()
    return ~answered.where(answers.c.by == by).exists() & (people == 1)


def _take(
    conn: Connection, rows: Iterable[Any], by: str, now: datetime, lease: timedelta, n: int
) -> list[Claim]:
    as_read = (t.c.id == bindparam("read_id")) & (t.c.lease_token == bindparam("read_token"))
    as_read &= t.c.label_id.is_not_distinct_from(bindparam("read_label"))
    take = update(t).where(as_read).values(leased_by=by, lease_until=now + lease)
    claims: list[Claim] = []
    for row in rows:
        if len(claims) == n:
            break
        still_leased = row.leased_by == by and row.lease_until is not None and row.lease_until > now
        token = row.lease_token if still_leased else row.lease_token + 1
        read = {"read_id": row.id, "read_token": row.lease_token, "read_label": row.label_id}
        if conn.execute(take, read | {"lease_token": token}).rowcount == 1:
            shown = {"period": row.period, "stream": row.stream, "context": row.context or {}}
            claims.append(Claim(item_id=row.id, token=token, prediction_id=row.prediction_id, **shown))
    return claims


def answer(conn: Connection, *, item_id: int, token: int, answer: str, by: str, at: datetime) -> LabelOutcome:
    """Label a leased item: `answer_all` of one answer."""
    return answer_all(conn, [Answer(item_id=item_id, answer=answer, by=by, at=at)], [token])[0]


def answer_all(conn: Connection, labels: Sequence[Answer], tokens: Sequence[int]) -> list[LabelOutcome]:
    """Label leased items, at most one answer each; what became of each answer, in the order given.

    `tokens`: of each answer's lease. A token is a fence: where the item has gone to somebody else meanwhile,
    the answer is kept in the history but does not count. Raises `QueueError` for an item or an answer that
    there is not, and for an item that is answered twice in one call.
    """
    ids = [_checked(label).item_id for label in labels]
    query = select(t.c.id, t.c.lease_token, t.c.leased_by).where(t.c.id.in_(ids))
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
    before = _counting(conn, ids)
    answer_ids = _keep(conn, labels, source=source)
    own = {
        answer.item_id
        for answer in labels
        if corrects and answer.item_id in before and before[answer.item_id].by == answer.by
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


def _counting(conn: Connection, item_ids: Sequence[int]) -> dict[int, _Counting]:
    """The label that counts, by item; items without one are left out."""
    query = select(t.c.id, answers.c.id.label("label_id"), answers.c.answer, answers.c.by).join(
        answers, answers.c.id == t.c.label_id
    )
    rows = conn.execute(query.where(t.c.id.in_(item_ids))) if item_ids else ()
    return {row.id: _Counting(row.label_id, row.answer, row.by) for row in rows}


def _keep(conn: Connection, labels: Sequence[Answer], *, source: str) -> dict[Answer, int]:
    """Keep answers; the same one by the same person is kept once. The key of each."""
    answer_by_key = {(answer.item_id, answer.answer, answer.by): answer for answer in labels}
    stored = select(answers.c.id, answers.c.item_id, answers.c.answer, answers.c.by).where(
        answers.c.item_id.in_([answer.item_id for answer in labels])
    )
    keys = {(row.item_id, row.answer, row.by): row.id for row in conn.execute(stored).all()}
    missing = [answer for key, answer in answer_by_key.items() if key not in keys]
    if missing:
        rows = [asdict(answer) | {"source": source} for answer in missing]
        conn.execute(insert(answers).values(rows))  # one statement, which with RETURNING would be one per row
        for row in conn.execute(stored).all():
            keys[row.item_id, row.answer, row.by] = row.id
    return {answer: keys[answer.item_id, answer.answer, answer.by] for answer in labels}


def begun(conn: Connection, window_id: int) -> bool:
    """Whether anybody has answered any of the window's rows."""
    query = select(t.c.id).where(t.c.window_id == window_id, t.c.label_id.is_not(None)).limit(1)
    return conn.execute(query).first() is not None


def progress(conn: Connection, window_id: int) -> Progress:
    """How many of the window's rows have which answer."""
    values = [row.answer for row in _answers(conn, window_id)]
    counts = {word: values.count(word) for word in ANSWERS}
    return Progress(drawn=len(values), **counts)


def unlabelled(conn: Connection, window_id: int) -> list[str]:
    """The ids of the window's rows that have no label yet."""
    query = select(t.c.prediction_id).where(t.c.window_id == window_id, t.c.label_id.is_(None))
    return list(conn.execute(query).scalars())


def items_of(conn: Connection, window_id: int) -> dict[str, int]:
    """The queue's item for each prediction id that the window drew."""
    query = select(t.c.prediction_id, t.c.id).where(t.c.window_id == window_id)
    return {row.prediction_id: row.id for row in conn.execute(query)}


def cohort(conn: Connection, window_id: int, *, late: Sequence[int] = ()) -> Cohort:
    """The window's rows and labels as arrays. `late`: labels that count too, by id (`late_labels`)."""
    import numpy as np

    from calib.review.cohort import Cohort, day_columns

    rows = _answers(conn, window_id)
    value = {"correct": 1.0, "incorrect": 0.0}
    too = _answers_by_item(conn, late)
    answered = [too.get(row.id) if row.answer is None else row.answer for row in rows]
    return Cohort(
        id=tuple(row.prediction_id for row in rows),
        raw=np.array([row.raw for row in rows], dtype=np.float64),
        served=np.array([row.served for row in rows], dtype=np.float64),
        mapping=tuple(row.mapping for row in rows),
        stratum=np.array([row.stratum for row in rows], dtype=np.intp),
        probability=np.array([row.probability for row in rows], dtype=np.float64),
        correct=np.array([value.get(word or "", np.nan) for word in answered], dtype=np.float64),
        segment=tuple(row.segment for row in rows),
        cluster=tuple(row.cluster for row in rows),
        judge=np.array([np.nan if row.judge is None else row.judge for row in rows], dtype=np.float64),
        order=tuple(row.draw_order for row in rows),
        answered=np.array([word is not None for word in answered], dtype=bool),
        **day_columns(rows, windows.timezone(conn, window_id)),
    )


def _answers_by_item(conn: Connection, label_ids: Sequence[int]) -> dict[int, str]:
    words: dict[int, str] = {}
    for start in range(0, len(label_ids), AT_ONCE):
        some = list(label_ids[start : start + AT_ONCE])
        query = select(answers.c.item_id, answers.c.answer).where(answers.c.id.in_(some))
        words |= {row.item_id: row.answer for row in conn.execute(query)}
    return words


def _answers(conn: Connection, window_id: int) -> Sequence[Any]:
    used = [column for column in t.c if column is not t.c.context]  # texts are long, and nothing here reads them
    query = (
        select(*used, answers.c.answer, answers.c.at.label("answered_at"), answers.c.source)
        .outerjoin(answers, answers.c.id == t.c.label_id)
        .where(t.c.window_id == window_id)
        .order_by(t.c.stratum, t.c.draw_order, t.c.prediction_id)
    )
    return conn.execute(query).all()
