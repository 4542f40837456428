"""The public fakes behave like what they stand for."""

from __future__ import annotations

from datetime import timedelta

from queues import NOW, open_window

from calib.review import queue
from calib.testing.clock import ManualClock
from calib.testing.review import Reviewer, database_in_memory


def test_time_passes_on_both_clocks_and_a_step_moves_one() -> None:
    clock = ManualClock(NOW)
    clock.sleep(30)
    clock.pass_by(days=1, hours=1, seconds=30)
    assert clock.now() == NOW + timedelta(days=1, hours=1, minutes=1)
    assert clock.monotonic() == 86_400 + 3_600 + 60
    clock.step(timedelta(days=-3))
    assert clock.now() < NOW
    assert clock.monotonic() == 86_400 + 3_600 + 60


def test_reviewers_share_a_queue_and_a_lease_that_runs_out_goes_to_the_next() -> None:
    engine, clock = database_in_memory(), ManualClock(NOW)
    with engine.begin() as conn:
        window = open_window(conn, "a", "b", "c")
    ana = Reviewer(engine, by="ana", says=lambda _: "correct", now=clock.now)
    bo = Reviewer(engine, by="bo", says=lambda _: "unsure", now=clock.now)
    (kept,) = ana.take("triage")
    assert bo.work("triage") == {"new": 2}  # what ana holds is not offered
    clock.sleep(queue.LEASE.total_seconds())
    assert bo.work("triage") == {"new": 1}
    assert ana.answer(kept) == "fenced"
    with engine.connect() as conn:
        progress = queue.progress(conn, window)
    assert (progress.correct, progress.unsure, progress.missing) == (0, 3, 0)
    engine.dispose()


def test_a_reviewer_sees_what_a_person_would_see() -> None:
    engine, clock = database_in_memory(), ManualClock(NOW)
    with engine.begin() as conn:
        open_window(conn, "a", question="2 + 2?", answer="5")
    seen: list[dict[str, str]] = []

    def says(claim: queue.Claim) -> str:
        seen.append(claim.context)
        return "incorrect"

    assert Reviewer(engine, says=says, now=clock.now).work("triage") == {"new": 1}
    assert seen == [{"question": "2 + 2?", "answer": "5"}]
    engine.dispose()
