"""What the review queue promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from log_records import Records
from planted import TEXT
from queues import MINUTE, NOW, item_row, open_window
from sqlalchemy import Connection, Engine, event, func, select, update

from calib.db import tables, windows
from calib.errors import QueueError
from calib.review import contexts, queue, window_labels
from calib.review.queue import LabelOutcome


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def give(
    conn: Connection, item: int, answer: str, *, by: str = "ada", overwrite: bool = False
) -> LabelOutcome:
    return queue.label(conn, item_id=item, answer=answer, by=by, at=NOW, source="review", overwrite=overwrite)


def history(conn: Connection, item: int) -> list[tuple[str, str]]:
    t = tables.labels
    query = select(t.c.by, t.c.answer).where(t.c.item_id == item).order_by(t.c.id)
    return [(row.by, row.answer) for row in conn.execute(query)]


def test_enqueueing_twice_is_once(conn: Connection) -> None:
    window = open_window(conn, "a", "b")
    queue.enqueue(conn, window, [item_row("b", 9), item_row("c", 2)])
    assert queue.cohort(conn, window).id == ("a", "c", "b")  # strata 0, 0, 1
    assert queue.progress(conn, window).drawn == 3


def test_a_cohort_is_loaded_without_what_reviewers_see(conn: Connection) -> None:
    window, statements = open_window(conn, "a", "b"), []
    event.listen(conn, "before_cursor_execute", lambda *asked: statements.append(asked[2]))
    assert queue.cohort(conn, window).id == ("a", "b")
    assert [statement for statement in statements if "context" in statement] == []
    assert [statement for statement in statements if "items.raw" in statement] != []


def test_items_are_claimed_in_the_order_of_the_draw_oldest_window_first(conn: Connection) -> None:
    open_window(conn, "late-1", "late-2", period="2026-10")
    open_window(conn, "old-1", "old-2", period="2026-09")
    open_window(conn, "elsewhere", stream="other")
    claims = queue.claim(conn, stream="triage", by="ada", now=NOW, n=3)
    assert [claim.prediction_id for claim in claims] == ["old-1", "old-2", "late-1"]
    assert claims[0].period == "2026-09"
    assert claims[0].context == {"question": f"what is old-1? {TEXT}"}
    assert queue.claim(conn, stream="triage", by="bo", now=NOW, n=9)[0].prediction_id == "late-2"


def test_a_leased_item_is_nobody_elses_until_the_lease_is_over(conn: Connection) -> None:
    open_window(conn, "a")
    (mine,) = queue.claim(conn, stream="triage", by="ada", now=NOW, lease=MINUTE)
    assert queue.claim(conn, stream="triage", by="bo", now=NOW + 0.9 * MINUTE) == []
    (theirs,) = queue.claim(conn, stream="triage", by="bo", now=NOW + MINUTE)
    assert theirs.item_id == mine.item_id
    assert theirs.token > mine.token


def test_asking_again_keeps_the_lease_and_its_token(conn: Connection) -> None:
    open_window(conn, "a", "b")
    (first,) = queue.claim(conn, stream="triage", by="ada", now=NOW)
    (again,) = queue.claim(conn, stream="triage", by="ada", now=NOW + MINUTE)
    assert again == first
    (after,) = queue.claim(conn, stream="triage", by="ada", now=NOW + queue.LEASE + 2 * MINUTE)
    assert after.token > first.token


def test_an_answer_counts_and_is_not_asked_for_again(conn: Connection) -> None:
    window = open_window(conn, "a", "b")
    (mine,) = queue.claim(conn, stream="triage", by="ada", now=NOW)
    said = queue.answer(conn, item_id=mine.item_id, token=mine.token, answer="correct", by="ada", at=NOW)
    assert said == "new"
    assert queue.unlabelled(conn, window) == ["b"]
    assert [c.prediction_id for c in queue.claim(conn, stream="triage", by="ada", now=NOW, n=9)] == ["b"]


def test_the_first_reviewers_late_answer_is_kept_and_does_not_count(conn: Connection) -> None:
    window = open_window(conn, "a")
    (first,) = queue.claim(conn, stream="triage", by="ada", now=NOW)
    later = NOW + queue.LEASE
    (second,) = queue.claim(conn, stream="triage", by="bo", now=later)
    late = {"item_id": first.item_id, "at": later}
    assert queue.answer(conn, token=first.token, answer="incorrect", by="ada", **late) == "fenced"
    assert queue.progress(conn, window).missing == 1
    assert queue.answer(conn, token=second.token, answer="correct", by="bo", **late) == "new"
    assert history(conn, first.item_id) == [("ada", "incorrect"), ("bo", "correct")]
    found = queue.progress(conn, window)
    assert (found.correct, found.incorrect) == (1, 0)
    assert window_labels.conflicts(conn, window) == {"a": ("correct", "incorrect")}


def test_answers_in_one_call_become_what_they_become_one_by_one(conn: Connection) -> None:
    """`b` has gone to somebody else, `c` has another answer already; the others count."""
    window = open_window(conn, "a", "b", "c", "d")
    claims = queue.claim(conn, stream="triage", by="ada", now=NOW, n=4)
    item = {claim.prediction_id: claim.item_id for claim in claims}
    lost = [claim.token - (claim.prediction_id == "b") for claim in claims]
    give(conn, item["c"], "incorrect", by="bo")
    labels = [queue.Answer(item_id=claim.item_id, answer="correct", by="ada", at=NOW) for claim in claims]
    assert queue.answer_all(conn, labels, lost) == ["new", "fenced", "conflict", "new"]
    assert queue.unlabelled(conn, window) == ["b"]
    assert [history(conn, item[name])[-1] for name in "abcd"] == [("ada", "correct")] * 4
    with pytest.raises(QueueError, match="no item 999"):
        queue.answer_all(conn, [queue.Answer(item_id=999, answer="correct", by="ada", at=NOW)], [1])
    with pytest.raises(QueueError, match="twice"):
        queue.answer_all(conn, labels[:1] * 2, lost[:1] * 2)


def test_an_answer_after_the_lease_counts_where_nobody_else_has_the_item(conn: Connection) -> None:
    open_window(conn, "a")
    (mine,) = queue.claim(conn, stream="triage", by="ada", now=NOW)
    values = {"item_id": mine.item_id, "token": mine.token, "answer": "unsure"}
    assert queue.answer(conn, **values, by="ada", at=NOW + 3 * queue.LEASE) == "new"


def test_anothers_token_does_not_open_the_door(conn: Connection, records: Records) -> None:
    window = open_window(conn, "a")
    (mine,) = queue.claim(conn, stream="triage", by="ada", now=NOW)
    values = {"item_id": mine.item_id, "token": mine.token, "answer": "correct", "at": NOW}
    assert queue.answer(conn, **values, by="mallory") == "fenced"
    assert queue.progress(conn, window).missing == 1
    records.has("review.labelling", "fenced", times=1, answers=1)


def test_a_replayed_answer_changes_nothing(conn: Connection) -> None:
    open_window(conn, "a")
    (mine,) = queue.claim(conn, stream="triage", by="ada", now=NOW)
    values = {"item_id": mine.item_id, "token": mine.token, "answer": "correct", "by": "ada"}
    assert queue.answer(conn, **values, at=NOW) == "new"
    assert queue.answer(conn, **values, at=NOW + MINUTE) == "same"
    assert history(conn, mine.item_id) == [("ada", "correct")]


def test_a_differing_answer_is_surfaced_and_the_first_one_counts(conn: Connection, records: Records) -> None:
    window = open_window(conn, "a", "b")
    a, b = queue.items_of(conn, window)["a"], queue.items_of(conn, window)["b"]
    assert give(conn, a, "correct") == "new"
    assert give(conn, a, "incorrect", by="bo") == "conflict"
    assert give(conn, a, "incorrect", by="bo") == "conflict"
    assert give(conn, b, "correct") == "new"
    assert give(conn, b, "correct", by="bo") == "same"
    assert window_labels.conflicts(conn, window) == {"a": ("correct", "incorrect")}
    assert history(conn, a) == [("ada", "correct"), ("bo", "incorrect")]
    assert history(conn, b) == [("ada", "correct"), ("bo", "correct")]  # so that agreement can be counted
    assert np.array_equal(queue.cohort(conn, window).correct, [1.0, 1.0])
    record = records.has("review.labelling", "conflict", times=2, answers=1)
    assert "bo" not in record.getMessage()  # who answered is said nowhere but in the database


def test_overwriting_makes_the_last_answer_count_and_keeps_the_first(conn: Connection) -> None:
    window = open_window(conn, "a")
    item = queue.items_of(conn, window)["a"]
    give(conn, item, "correct")
    assert give(conn, item, "incorrect", by="bo", overwrite=True) == "new"
    assert give(conn, item, "incorrect", by="bo", overwrite=True) == "same"
    assert queue.cohort(conn, window).correct.tolist() == [0.0]
    assert history(conn, item) == [("ada", "correct"), ("bo", "incorrect")]
    assert window_labels.conflicts(conn, window) == {"a": ("incorrect", "correct")}


@pytest.mark.parametrize("overwrite", [False, True])
def test_no_label_changes_once_the_window_is_evaluated(conn: Connection, overwrite: bool) -> None:
    window = open_window(conn, "a", "b")
    a, b = queue.items_of(conn, window)["a"], queue.items_of(conn, window)["b"]
    give(conn, a, "correct")
    assert windows.advance(conn, window, expect="sampled", state="evaluated")
    before = queue.cohort(conn, window)
    assert give(conn, b, "incorrect", overwrite=overwrite) == "late"
    assert give(conn, a, "incorrect", overwrite=overwrite) == "conflict"
    assert give(conn, a, "correct", by="bo", overwrite=overwrite) == "same"
    after = queue.cohort(conn, window)
    assert np.array_equal(before.correct, after.correct, equal_nan=True)
    assert history(conn, b) == [("ada", "incorrect")]
    assert queue.claim(conn, stream="triage", by="ada", now=NOW) == []


def test_a_word_that_is_no_answer_is_refused_and_not_kept(conn: Connection) -> None:
    open_window(conn, "a")
    (mine,) = queue.claim(conn, stream="triage", by="ada", now=NOW)
    for token in (mine.token, mine.token + 1):
        with pytest.raises(QueueError, match="is not an answer"):
            queue.answer(conn, item_id=mine.item_id, token=token, answer="maybe", by="ada", at=NOW)
    with pytest.raises(QueueError, match="no item 999"):
        queue.answer(conn, item_id=999, token=1, answer="correct", by="ada", at=NOW)
    assert history(conn, mine.item_id) == []


def test_the_cohort_holds_what_was_drawn_and_answered(conn: Connection) -> None:
    window = open_window(conn)
    rows = [
        item_row("a", 3, stratum=0, raw=0.9, served=0.7, mapping="d1", segment="x", cluster="k"),
        item_row("b", 1, stratum=1, raw=0.5, served=0.4, probability=0.25),
        item_row("c", 2, stratum=0),
        item_row("d", 0, stratum=1),
    ]
    queue.enqueue(conn, window, rows)
    items = queue.items_of(conn, window)
    for id_, word in (("a", "correct"), ("b", "incorrect"), ("c", "unsure")):
        give(conn, items[id_], word)
    found = queue.cohort(conn, window)
    assert found.id == ("c", "a", "d", "b")
    assert np.array_equal(found.correct, [np.nan, 1, np.nan, 0], equal_nan=True)
    assert found.stratum.tolist() == [0, 0, 1, 1]
    assert (found.raw[1], found.served[1], found.mapping[1]) == (0.9, 0.7, "d1")
    assert (found.segment, found.cluster) == ((None, "x", None, None), (None, "k", None, None))
    assert found.probability.tolist() == [0.5, 0.5, 0.5, 0.25]
    assert found.unsure == 1
    progress = queue.progress(conn, window)
    assert (progress.correct, progress.incorrect, progress.unsure, progress.missing) == (1, 1, 1, 1)
    assert not progress.complete
    give(conn, items["d"], "unsure")
    assert queue.progress(conn, window).complete


def test_context_is_erased_for_closed_windows_alone_and_once(conn: Connection) -> None:
    old = open_window(conn, "a", "b", period="2026-08")
    open_window(conn, "c", period="2026-09")
    other = open_window(conn, "e", period="2026-08", stream="other")
    for window in (old, other):
        windows.advance(conn, window, expect="sampled", state="closed", closed_at=NOW)
    after = NOW + timedelta(days=90)
    assert contexts.erase_context(conn, stream="triage", closed_before=NOW) == 0
    assert contexts.erase_context(conn, stream="triage", closed_before=after) == 2
    assert contexts.erase_context(conn, stream="triage", closed_before=after) == 0
    assert contexts.streams_with_context(conn) == ["other", "triage"]
    t = tables.items
    left = conn.execute(select(t.c.prediction_id).where(t.c.context.is_not(None)).order_by(t.c.id))
    assert left.scalars().all() == ["c", "e"]


def test_comments_are_erased_with_the_context_and_where_there_is_none(conn: Connection) -> None:
    for period in ("2026-08", "2026-09"):
        window = open_window(conn, "a", "b", period=period)
        item = queue.items_of(conn, window)["a"]
        for by in ("ada", "bo"):
            said = queue.Answer(item_id=item, answer="correct", by=by, at=NOW, comment=TEXT)
            queue.label_all(conn, [said], source="review")
        if period == "2026-08":
            windows.advance(conn, window, expect="sampled", state="closed", closed_at=NOW)
    conn.execute(update(tables.items).values(context=None))
    assert contexts.streams_with_context(conn) == ["triage"]
    after = NOW + timedelta(days=90)
    assert len(contexts.windows_to_erase(conn, stream="triage", closed_before=after)) == 1
    assert contexts.erase_context(conn, stream="triage", closed_before=after) == 1
    comments = conn.execute(select(tables.labels.c.comment).order_by(tables.labels.c.id)).scalars().all()
    assert comments == [None, None, TEXT, TEXT]
    contexts.blank(conn, [window])
    assert contexts.streams_with_context(conn) == []


def test_many_reviewers_never_share_an_item(engine: Engine) -> None:
    with engine.begin() as conn:
        window = open_window(conn, *(f"id-{i}" for i in range(40)))
    got: dict[str, list[int]] = {}

    def work(name: str) -> None:
        got[name] = []
        while True:
            with engine.begin() as conn:
                claims = queue.claim(conn, stream="triage", by=name, now=NOW, n=3)
            if not claims:
                return
            for claim in claims:
                with engine.begin() as conn:
                    said = queue.answer(
                        conn, item_id=claim.item_id, token=claim.token, answer="correct", by=name, at=NOW
                    )
                assert said == "new"
                got[name].append(claim.item_id)

    workers = [threading.Thread(target=work, args=(f"reviewer-{i}",)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done = [item for items in got.values() for item in items]
    assert len(done) == len(set(done)) == 40
    with engine.begin() as conn:
        assert queue.progress(conn, window).correct == 40
        assert conn.execute(select(func.count()).select_from(tables.labels)).scalar_one() == 40


def test_a_worker_that_dies_in_mid_claim_leaves_the_item_free(engine: Engine) -> None:
    with engine.begin() as conn:
        open_window(conn, "a")
    dying = engine.connect()
    queue.claim(dying, stream="triage", by="ada", now=NOW)
    dying.close()  # what the database does for a process that is gone
    with engine.begin() as conn:
        assert len(queue.claim(conn, stream="triage", by="bo", now=NOW)) == 1


class Overtaken:
    """A connection on which somebody else claims just after the first look at rows that are free."""

    def __init__(self, conn: Connection) -> None:
        self._conn, self._overtaken = conn, False

    def execute(self, statement: Any, *values: Any) -> Any:
        result = self._conn.execute(statement, *values)
        if self._overtaken or "label_id IS NULL" not in str(statement) or "leased_by" not in str(statement):
            return result
        seen = result.freeze()
        if not seen.data:
            return seen()
        self._overtaken = True
        queue.claim(self._conn, stream="triage", by="bo", now=NOW, n=2)
        return seen()


def test_who_is_overtaken_between_looking_and_taking_gets_the_next(conn: Connection) -> None:
    open_window(conn, "a", "b", "c")
    (mine,) = queue.claim(Overtaken(conn), stream="triage", by="ada", now=NOW)  # type: ignore[arg-type]
    assert mine.prediction_id == "c"
