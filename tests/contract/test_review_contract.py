"""What reviewers may do with their own answers, and who decides between two, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from queues import MINUTE, NOW, item_row, open_window, window_row
from sqlalchemy import Connection, Engine, select, update

from calib.db import tables, windows
from calib.errors import QueueError
from calib.review import conflicts, own_answers, queue, window_labels

COMMENT = "Frau Moosbrugger-7f3a asks for something else"


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def twice_window(conn: Connection, *ids: str) -> int:
    """A window of which two people look at every row."""
    settings = {"labels": 4, "double_review": 1.0}
    window = windows.insert_new(conn, **(window_row() | {"settings": settings}))
    assert window is not None
    queue.enqueue(conn, window, [item_row(id_, i) for i, id_ in enumerate(ids)])
    return window


def take(conn: Connection, by: str, n: int = 1) -> list[queue.Claim]:
    return queue.claim(conn, stream="triage", by=by, now=NOW, n=n)


def say(conn: Connection, claim: queue.Claim, answer: str, by: str, comment: str | None = None) -> str:
    return queue.answer(
        conn, item_id=claim.item_id, token=claim.token, answer=answer, by=by, at=NOW, comment=comment
    )


def ids(claims: list[queue.Claim]) -> list[str]:
    return [claim.prediction_id for claim in claims]


def counting(conn: Connection, window: int) -> dict[str, str]:
    return {id_: word for id_, word in words(conn, window).items() if word is not None}


def words(conn: Connection, window: int) -> dict[str, str | None]:
    t, answers = tables.items, tables.labels
    query = select(t.c.prediction_id, answers.c.answer).outerjoin(answers, answers.c.id == t.c.label_id)
    return {row.prediction_id: row.answer for row in conn.execute(query.where(t.c.window_id == window))}


def test_a_released_item_is_the_next_persons_at_once(conn: Connection) -> None:
    open_window(conn, "a", "b")
    (mine,) = take(conn, "ada")
    assert not queue.release(conn, item_id=mine.item_id, token=mine.token, by="bo")
    assert queue.release(conn, item_id=mine.item_id, token=mine.token, by="ada")
    assert not queue.release(conn, item_id=mine.item_id, token=mine.token, by="ada")
    (theirs,) = take(conn, "bo")
    assert (theirs.prediction_id, theirs.token) == ("a", mine.token + 1)
    assert say(conn, mine, "correct", "ada") == "fenced"


def test_a_skipped_item_goes_to_others_and_comes_back_to_the_same_person_later(conn: Connection) -> None:
    open_window(conn, "a", "b")
    (mine,) = take(conn, "ada")
    skip = {"item_id": mine.item_id, "token": mine.token, "by": "ada", "now": NOW, "wait": MINUTE}
    assert queue.skip(conn, **skip)
    assert not queue.skip(conn, **skip)  # a form that is posted twice
    assert ids(take(conn, "ada", 2)) == ["b"]
    (theirs,) = take(conn, "bo")
    assert theirs.prediction_id == "a"
    assert queue.skip(conn, item_id=theirs.item_id, token=theirs.token, by="bo", now=NOW, wait=MINUTE)
    assert take(conn, "bo") == []
    later = NOW + MINUTE
    assert ids(queue.claim(conn, stream="triage", by="ada", now=later, n=2)) == ["b", "a"]
    assert queue.claimable(conn, stream="triage", by="ada") == 2


def test_what_a_person_has_in_hand_comes_first(conn: Connection) -> None:
    """Somebody gives back an earlier row; whoever loads the page anew still sees the row that is theirs."""
    open_window(conn, "a", "b", "c")
    (first,) = take(conn, "bo")
    (mine,) = take(conn, "ada")
    assert queue.release(conn, item_id=first.item_id, token=first.token, by="bo")
    assert take(conn, "ada") == [mine]
    assert ids(take(conn, "ada", 3)) == ["b", "a", "c"]


def test_the_share_that_two_people_look_at_is_offered_once_to_one_other(conn: Connection) -> None:
    window = twice_window(conn, "a", "b")
    for claim in take(conn, "ada", 2):
        assert not claim.second
        say(conn, claim, "correct", "ada")
    assert take(conn, "ada") == []
    assert queue.claimable(conn, stream="triage", by="ada") == 0
    assert queue.claimable(conn, stream="triage", by="bo") == 2
    (second,) = take(conn, "bo")
    assert (second.prediction_id, second.second) == ("a", True)
    assert ids(take(conn, "cy", 2)) == ["b"]  # bo has the other one in hand
    assert say(conn, second, "incorrect", "bo") == "conflict"
    assert ids(take(conn, "cy", 2)) == ["b"]  # a third opinion is not asked for
    assert window_labels.answered_twice(conn, window) == [("correct", "incorrect")]


def test_a_file_does_not_make_a_second_look_of_the_same_person(conn: Connection) -> None:
    window = twice_window(conn, "a")
    item = queue.items_of(conn, window)["a"]
    for word in ("correct", "incorrect"):
        queue.label(conn, item_id=item, answer=word, by="ada", at=NOW, source="file")
    assert ids(take(conn, "bo")) == ["a"]


def test_a_comment_is_kept_with_the_answer_and_changed_with_it(conn: Connection) -> None:
    open_window(conn, "a")
    (mine,) = take(conn, "ada")
    assert say(conn, mine, "correct", "ada", COMMENT) == "new"
    assert say(conn, mine, "correct", "ada") == "same"
    (own,) = own_answers.own_answers(conn, stream="triage", by="ada")
    assert (own.answer, own.comment, own.counts, own.open) == ("correct", COMMENT, True, True)
    correction = {"item_id": mine.item_id, "by": "ada", "at": NOW + MINUTE}
    assert own_answers.correct(conn, answer="correct", comment=" other words ", **correction) == "same"
    assert own_answers.own_answers(conn, stream="triage", by="ada")[0].comment == "other words"
    assert own_answers.correct(conn, answer="correct", comment="", **correction) == "same"
    assert own_answers.own_answers(conn, stream="triage", by="ada")[0].comment is None


def test_the_last_of_ones_own_answers_is_the_one_that_is_shown_and_counts(conn: Connection) -> None:
    window = open_window(conn, "a", "b")
    for claim in take(conn, "ada", 2):
        say(conn, claim, "correct", "ada")
    item = queue.items_of(conn, window)["a"]
    for word, became in (("incorrect", "corrected"), ("unsure", "corrected"), ("correct", "corrected")):
        said = own_answers.correct(conn, item_id=item, answer=word, by="ada", at=NOW + MINUTE)
        assert said == became
        assert counting(conn, window) == {"a": word, "b": "correct"}
        own = own_answers.own_answers(conn, stream="triage", by="ada")
        assert {answer.prediction_id: answer.answer for answer in own} == {"a": word, "b": "correct"}
    with pytest.raises(QueueError, match="no answer of yours"):
        own_answers.correct(conn, item_id=item, answer="unsure", by="bo", at=NOW)
    assert len(own_answers.own_answers(conn, stream="triage", by="ada", limit=1, offset=1)) == 1


def test_taking_back_leaves_the_item_in_the_same_hand(conn: Connection) -> None:
    window = open_window(conn, "a", "b")
    (mine,) = take(conn, "ada")
    say(conn, mine, "correct", "ada")
    assert own_answers.take_back(conn, item_id=mine.item_id, by="bo", at=NOW) == "nothing"
    assert own_answers.take_back(conn, item_id=mine.item_id, by="ada", at=NOW) == "taken_back"
    assert own_answers.take_back(conn, item_id=mine.item_id, by="ada", at=NOW) == "nothing"
    assert words(conn, window) == {"a": None, "b": None}
    assert own_answers.own_answers(conn, stream="triage", by="ada") == []
    assert ids(take(conn, "bo", 2)) == ["b"]
    (again,) = take(conn, "ada")
    assert (again.item_id, again.token) == (mine.item_id, mine.token + 1)
    assert say(conn, mine, "incorrect", "ada") == "fenced"  # the form of before, sent again
    assert say(conn, again, "incorrect", "ada") == "new"
    assert counting(conn, window) == {"a": "incorrect"}


def test_where_somebody_else_has_answered_too_their_answer_counts_after_taking_back(conn: Connection) -> None:
    window = twice_window(conn, "a")
    (mine,) = take(conn, "ada")
    say(conn, mine, "correct", "ada")
    (theirs,) = take(conn, "bo")
    say(conn, theirs, "incorrect", "bo")
    assert own_answers.take_back(conn, item_id=mine.item_id, by="ada", at=NOW) == "taken_back"
    assert counting(conn, window) == {"a": "incorrect"}
    assert window_labels.answered_twice(conn, window) == []
    assert window_labels.conflicts(conn, window) == {}
    (again,) = take(conn, "ada")
    assert again.second
    assert say(conn, again, "incorrect", "ada") == "same"
    assert window_labels.answered_twice(conn, window) == [("incorrect", "incorrect")]


def test_nothing_of_ones_own_changes_once_the_window_is_evaluated(conn: Connection) -> None:
    window = open_window(conn, "a")
    (mine,) = take(conn, "ada")
    say(conn, mine, "correct", "ada")
    windows.advance(conn, window, expect="sampled", state="evaluated")
    assert own_answers.take_back(conn, item_id=mine.item_id, by="ada", at=NOW) == "late"
    assert own_answers.correct(conn, item_id=mine.item_id, answer="unsure", by="ada", at=NOW) == "late"
    assert conflicts.decide(conn, item_id=mine.item_id, answer="unsure", by="root", at=NOW) == "late"
    (own,) = own_answers.own_answers(conn, stream="triage", by="ada")
    assert (own.answer, own.open) == ("correct", False)


def test_disagreements_show_both_answers_and_an_admin_decides(conn: Connection) -> None:
    window = twice_window(conn, "a", "b", "c")
    for name, said in (("ada", "correct"), ("bo", "incorrect")):
        for claim in take(conn, name, 3):
            say(conn, claim, said if claim.prediction_id != "c" else "unsure", name, COMMENT)
    found = conflicts.of_stream(conn, "triage", period="2026-10", undecided=True)
    assert [conflict.prediction_id for conflict in found] == ["a", "b"]
    assert [(o.by, o.answer, o.comment, o.counts) for o in found[0].opinions] == [
        ("ada", "correct", COMMENT, True),
        ("bo", "incorrect", COMMENT, False),
    ]
    item = found[0].item_id
    decision = {"item_id": item, "answer": "incorrect", "by": "root", "at": NOW, "comment": "bo is right"}
    assert conflicts.decide(conn, **decision) == "new"
    assert conflicts.decide(conn, **decision) == "same"
    assert counting(conn, window) == {"a": "incorrect", "b": "correct", "c": "unsure"}
    assert [c.prediction_id for c in conflicts.of_stream(conn, "triage", undecided=True)] == ["b"]
    decided = conflicts.of_stream(conn, "triage")[0]
    assert (decided.decided_by, decided.answers) == ("root", ("incorrect", "correct"))
    # Whoever gave the first answer does not undo the decision by repeating or changing it.
    own_answers.correct(conn, item_id=item, answer="unsure", by="ada", at=NOW)
    own_answers.take_back(conn, item_id=item, by="bo", at=NOW)
    assert counting(conn, window)["a"] == "incorrect"
    assert conflicts.decide(conn, **(decision | {"answer": "correct"})) == "new"
    assert counting(conn, window)["a"] == "correct"
    assert len(window_labels.answered_twice(conn, window)) == 2  # bo took one back; decisions are none


def test_deciding_needs_an_answer_and_a_word(conn: Connection) -> None:
    window = open_window(conn, "a")
    item = queue.items_of(conn, window)["a"]
    with pytest.raises(QueueError, match="no answer yet"):
        conflicts.decide(conn, item_id=item, answer="correct", by="root", at=NOW)
    with pytest.raises(QueueError, match="is not an answer"):
        conflicts.decide(conn, item_id=item, answer="yes", by="root", at=NOW)
    with pytest.raises(QueueError, match="no item 999"):
        conflicts.decide(conn, item_id=999, answer="correct", by="root", at=NOW)


def test_an_admins_own_answer_does_not_undo_the_own_decision(conn: Connection) -> None:
    window = twice_window(conn, "a")
    for name, word in (("ada", "correct"), ("root", "incorrect")):
        (claim,) = take(conn, name)
        say(conn, claim, word, name)
    conflicts.decide(conn, item_id=claim.item_id, answer="unsure", by="root", at=NOW)
    assert own_answers.correct(conn, item_id=claim.item_id, answer="correct", by="root", at=NOW) == "conflict"
    assert counting(conn, window) == {"a": "unsure"}


def test_agreement_counts_blind_answers_alone(conn: Connection) -> None:
    window = open_window(conn, "a", "b")
    for id_, item in queue.items_of(conn, window).items():
        for by in ("ada", "bo"):
            said = queue.Answer(item_id=item, answer="correct", by=by, at=NOW, blind=(by, id_) != ("bo", "b"))
            queue.label_all(conn, [said], source="file")
    assert window_labels.answered_twice(conn, window) == [("correct", "correct")]


def test_agreement_stands_still_once_the_window_is_evaluated(conn: Connection) -> None:
    """A second opinion that comes later would change the verdict of a run that is repeated."""
    window = twice_window(conn, "a", "b")
    items = queue.items_of(conn, window)
    for by in ("ada", "bo"):
        queue.label(conn, item_id=items["a"], answer="correct", by=by, at=NOW, source="review")
    queue.label(conn, item_id=items["b"], answer="correct", by="ada", at=NOW, source="review")
    windows.advance(conn, window, expect="sampled", state="evaluated")
    late = queue.label(conn, item_id=items["b"], answer="incorrect", by="bo", at=NOW, source="review")
    assert late == "conflict"
    assert window_labels.answered_twice(conn, window) == [("correct", "correct")]
    assert window_labels.conflicts(conn, window) == {"b": ("correct", "incorrect")}


def test_a_double_click_is_one_label(engine: Engine) -> None:
    """Two posts of one form at the same moment, and a second person's: each answer is kept once."""
    with engine.begin() as conn:
        window = twice_window(conn, *(f"p-{i}" for i in range(8)))
        claims = take(conn, "ada", 8)
    became: list[str] = []
    start = threading.Barrier(4)

    def post(by: str) -> None:
        for claim in claims:
            start.wait()
            with engine.begin() as conn:
                if by == "ada":
                    became.append(say(conn, claim, "correct", by))
                else:
                    said = {"item_id": claim.item_id, "answer": "incorrect", "by": by, "at": NOW}
                    queue.label(conn, **said, source="file")

    threads = [threading.Thread(target=post, args=(by,)) for by in ("ada", "ada", "ada", "bo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(became) == 24
    with engine.begin() as conn:
        answers = conn.execute(select(tables.labels.c.item_id, tables.labels.c.by)).all()
        assert sorted(answers) == sorted((claim.item_id, by) for claim in claims for by in ("ada", "bo"))
        people = select(tables.items.c.people).where(tables.items.c.window_id == window)
        assert set(conn.execute(people).scalars()) == {2}
        assert queue.progress(conn, window).complete


def test_progress_by_reviewer_counts_rows_and_not_changes(conn: Connection) -> None:
    window = twice_window(conn, "a", "b", "c")
    for claim in take(conn, "ada", 2):
        say(conn, claim, "correct", "ada")
    own_answers.correct(conn, item_id=claim.item_id, answer="unsure", by="ada", at=NOW + MINUTE)
    for claim in take(conn, "bo", 3):
        say(conn, claim, "correct", "bo")
    found = {row.by: row for row in queue.progress_by_reviewer(conn, window)}
    assert (found["ada"].answered, found["ada"].unsure) == (2, 1)
    assert (found["bo"].answered, found["bo"].unsure) == (3, 0)
    assert found["ada"].last_at == NOW + MINUTE
    progress = queue.progress(conn, window)
    assert (progress.drawn, progress.correct, progress.unsure, progress.missing) == (3, 2, 1, 0)


def test_answers_are_carried_over_with_their_comments_and_not_what_was_taken_back(conn: Connection) -> None:
    old = twice_window(conn, "a", "b")
    for claim in take(conn, "ada", 2):
        say(conn, claim, "correct", "ada", COMMENT)
    own_answers.take_back(conn, item_id=claim.item_id, by="ada", at=NOW)
    conn.execute(update(tables.windows).where(tables.windows.c.id == old).values(discarded_at=NOW))
    settings = {"double_review": 1.0}
    new = windows.insert_new(conn, **(window_row() | {"settings": settings, "revision": 2}))
    assert new is not None
    queue.enqueue(conn, new, [item_row("a", 0), item_row("b", 1)])
    assert window_labels.carry_over(conn, new, earlier=[old]) == 1
    assert counting(conn, new) == {"a": "correct"}
    assert ids(take(conn, "bo", 2)) == ["b", "a"]  # a is carried over with one answer: a second look
    assert own_answers.own_answers(conn, stream="triage", by="ada")[0].comment == COMMENT


def test_a_skip_ends_with_time_alone(conn: Connection) -> None:
    """Skipping an item twice moves the end; it does not fail."""
    open_window(conn, "a")
    for start in (NOW, NOW + timedelta(days=1)):
        (mine,) = queue.claim(conn, stream="triage", by="ada", now=start)
        assert queue.skip(conn, item_id=mine.item_id, token=mine.token, by="ada", now=start)
        assert queue.claim(conn, stream="triage", by="ada", now=start + timedelta(hours=11)) == []
