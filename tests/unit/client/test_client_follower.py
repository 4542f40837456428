"""Going forward: what is asked for, how often, and what is kept when an answer fails to come."""

from __future__ import annotations

import pytest

from calib.client.follower import AHEAD, Follower
from calib.errors import ArtifactError, Unavailable
from calib.format.keys import entry_key, hint_key
from calib.testing.mappings import a_mapping, put
from calib.testing.store import FaultyStore


class Counting:
    """A store that is read from, and what was asked for.

    `fails` is the key that gets no answer, `oversized` the one whose object is refused for its size.
    """

    def __init__(self, entries: int) -> None:
        self.store, self.fails, self.oversized = FaultyStore(), "", ""
        self.asked: list[str] = []
        for i in range(entries):
            put(self.store, a_mapping(i))

    def get(self, key: str) -> bytes | None:
        self.asked.append(key)
        if key == self.fails:
            raise Unavailable(f"{key}: no answer")
        if key == self.oversized:
            raise ArtifactError(f"{key} has 2 MiB")
        return self.store.get(key)

    def follower(self) -> Follower:
        return Follower(self, stream="triage", channel="production", trusted=None)


def test_a_poll_without_news_asks_three_times() -> None:
    log = Counting(3)
    follower = log.follower()
    follower.poll()
    log.asked.clear()
    follower.poll()
    assert log.asked == [
        entry_key("triage", "production", 2, 1),
        entry_key("triage", "production", 1, 3),
        entry_key("triage", "production", 1, 4),
    ]


def test_a_cold_start_asks_for_each_entry_once() -> None:
    log = Counting(3 * AHEAD)
    log.follower().poll()
    assert len(log.asked) == len(set(log.asked)) == 3 * AHEAD + 4  # an epoch, the hint, the end, a mapping


@pytest.mark.parametrize("hint", [None, b"", b"[]", b"{", b'{"epoch": 1}', b'{"epoch": 2, "generation": 9}'])
def test_without_a_hint_it_goes_one_by_one(hint: bytes | None) -> None:
    log = Counting(5)
    key = hint_key("triage", "production")
    log.store.objects.pop(key)
    if hint is not None:
        log.store.objects[key] = hint
    follower = log.follower()
    follower.poll()
    assert follower.head is not None
    assert follower.head.generation == 5


def test_a_hint_far_beyond_the_end_costs_a_few_requests() -> None:
    log = Counting(2)
    log.store.objects[hint_key("triage", "production")] = b'{"epoch": 1, "generation": 999999999999}'
    log.follower().poll()
    assert len(log.asked) < AHEAD + 8


def test_what_was_verified_is_kept_when_an_answer_fails_to_come() -> None:
    log = Counting(40)
    follower = log.follower()
    log.fails = entry_key("triage", "production", 1, 30)
    with pytest.raises(Unavailable):
        follower.poll()
    assert follower.head is not None
    reached = follower.head.generation
    assert 1 <= reached < 30
    assert follower.trusted is None  # nothing in mid-log is served: the end is near
    log.fails, log.asked = "", []
    follower.poll()
    assert follower.head.generation == 40
    assert entry_key("triage", "production", 1, reached - 1) not in log.asked


def test_a_hint_that_is_far_too_large_is_no_hint() -> None:
    log = Counting(5)
    log.oversized = hint_key("triage", "production")
    follower = log.follower()
    follower.poll()
    assert follower.head is not None
    assert follower.head.generation == 5
