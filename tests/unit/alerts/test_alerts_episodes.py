"""Episodes: what opens one, what each window says of it, and that each ends in one of its ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from alert_results import result
from hypothesis import given
from hypothesis import strategies as st

from calib.alerts.episodes import Ending, Episode, Turn, take_turn
from calib.results import Measured, WindowResult
from calib.results.window import ChangeResult, MappingShare, SegmentResult

NOW = datetime(2026, 12, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def turn_of(found: WindowResult, *open_: Episode, **how: Any) -> Turn:
    usual: dict[str, Any] = {
        "max_rise": 0.03,
        "scope_changed": False,
        "withdrawn_at": None,
        "ends_at": NOW,
        "now": NOW,
    }
    return take_turn(open_, found, **usual | how)


def served(
    state: Any, low: float | None, high: float | None, *curves: str | None, ece: float = 0.1, **more: Any
) -> WindowResult:
    """A window that was served by these curves, with the interval of its served ECE."""
    made = result(state, **more)
    shares = tuple(MappingShare(mapping=c and f"of {c}", share=1 / len(curves)) for c in curves)
    measured = {"ece": ece, "low": low, "high": high}
    return replace(made, served=replace(made.served, mappings=shares, curves=curves, **measured))


WORSE = served("degraded", 0.07, 0.13, "old")
(DEGRADED,) = turn_of(WORSE).episodes
WARNED = Episode.begin("early_warning", "triage", "2026-10", revision=1, now=NOW, since=NOW)


def test_a_degradation_begins_an_episode_and_the_alert_s_window_belongs_to_it() -> None:
    turn = turn_of(WORSE)
    assert (DEGRADED.opened_by, DEGRADED.degraded_in, DEGRADED.ended_by) == ("degraded", "2026-10", None)
    assert turn.current == DEGRADED.id == turn_of(WORSE).current  # a run that died begins the same again
    assert turn.said == {DEGRADED.id: "degraded"}
    assert turn_of(replace(WORSE, revision=2)).current != DEGRADED.id
    assert turn_of(result("stable")) == Turn()


@pytest.mark.parametrize(
    ("found", "recovered"),
    [
        (served("no_change_seen", 0.0, 0.06, "new"), True),
        (served("stable", 0.03, 0.0999, "new", "newer"), True),
        (served("changed", 0.0, 0.06, "new"), True),
        (served("no_change_seen", 0.031, 0.06, "new"), False),  # not small
        (served("no_change_seen", 0.0, 0.10, "new"), False),  # perhaps as large as it was
        (served("no_change_seen", 0.0, 0.06, "new", "old"), False),  # not wholly
        (served("no_change_seen", 0.0, 0.06, "new", None), False),  # the raw confidence, in part
        (served("no_change_seen", 0.0, 0.06), False),
        (served("no_change_seen", None, None, "new"), False),
        (served("first", 0.0, 0.06, "new"), False),  # no verdict
        (served(None, 0.0, 0.06, "new", window="insufficient"), False),
    ],
)
def test_recovered_by_the_rule_and_not_before(found: WindowResult, recovered: bool) -> None:
    turn = turn_of(found, DEGRADED)
    assert turn.recovered == recovered
    (episode,) = turn.episodes
    assert (episode.ended_by, episode.ended_in) == (("recovered", "2026-10") if recovered else (None, None))
    assert turn.current == DEGRADED.id


def test_the_same_curve_under_another_digest_is_not_newer() -> None:
    """A mapping that is published anew with fewer certificates calibrates as before."""
    found = served("no_change_seen", 0.0, 0.06, "new")
    renamed = (MappingShare(mapping="another digest", share=1.0),)
    anew = replace(found, served=replace(found.served, mappings=renamed, curves=("old",)))
    assert not turn_of(anew, DEGRADED).recovered


def test_what_version_0_1_0_stored_has_digests_in_the_place_of_curves() -> None:
    stored = (MappingShare(mapping="a", share=1.0),)
    old = replace(WORSE, served=replace(WORSE.served, mappings=stored, curves=()))
    (episode,) = turn_of(old).episodes
    assert episode.degradation is not None
    assert episode.degradation.curves == ("a",)


def segment(state: Any, low: float, high: float, ece: float = 0.2) -> SegmentResult:
    part = Measured(n=100, ece=ece, low=low, high=high)
    change = ChangeResult(state=state)
    return SegmentResult(population=1000, labels=100, raw=part, served=part, change=change, gap_pooled=None)


def test_a_segment_s_degradation_ends_when_that_segment_has_recovered() -> None:
    worse = served("no_change_seen", 0.0, 0.05, "old", segments={"law": segment("degraded", 0.15, 0.25)})
    (episode,) = turn_of(worse).episodes
    for law, ends in (
        (segment("stable", 0.0, 0.1), True),
        (segment("stable", 0.1, 0.15), False),
        (segment("stable", 0.0, 0.2), False),
        (None, False),
    ):
        parts = {} if law is None else {"law": law}
        found = served("no_change_seen", 0.0, 0.3, "new", segments=parts)
        assert turn_of(found, episode).recovered == ends


@pytest.mark.parametrize(
    ("found", "outcome", "ended"),
    [
        (WORSE, "confirmed", None),
        (result("no_change_seen", segments={"law": segment("degraded", 0.1, 0.2)}), "confirmed", None),
        (result("stable"), "not_confirmed", "not_confirmed"),
        (result("no_change_seen"), "not_confirmed", "not_confirmed"),
        (result("changed"), "not_confirmed", "not_confirmed"),
        (result("first"), "still_open", None),
        (result(None, window="insufficient"), "still_open", None),
    ],
)
def test_an_early_warning_is_taken_up_by_the_verdict(
    found: WindowResult, outcome: str, ended: str | None
) -> None:
    turn = turn_of(found, WARNED)
    assert (turn.warning, turn.warned_in, turn.current) == (outcome, "2026-10", WARNED.id)
    (episode,) = turn.episodes
    assert (episode.id, episode.ended_by) == (WARNED.id, ended)
    assert (episode.degraded_in is not None) == (outcome == "confirmed")


def test_a_confirmed_warning_recovers_like_any_degradation() -> None:
    (confirmed,) = turn_of(WORSE, WARNED).episodes
    turn = turn_of(served("stable", 0.0, 0.05, "new"), confirmed)
    assert (turn.recovered, turn.current) == (True, WARNED.id)


def test_a_newer_degradation_ends_the_one_before() -> None:
    next_month = replace(WORSE, period="2026-11")
    new, old = turn_of(next_month, DEGRADED).episodes
    assert (old.id, old.ended_by, old.ended_in) == (DEGRADED.id, "newer_degradation", "2026-11")
    assert (new.opened_in, new.ended_by) == ("2026-11", None)


def test_another_scope_and_a_later_withdrawal_end_what_is_open() -> None:
    quiet = result("stable")
    for open_ in (DEGRADED, WARNED):
        assert turn_of(quiet, open_, scope_changed=True).episodes[0].ended_by == "scope_change"
        assert turn_of(quiet, open_, withdrawn_at=NOW).episodes[0].ended_by == "withdrawal"
        # what began while the channel was withdrawn is not ended by that
        assert turn_of(quiet, open_, withdrawn_at=NOW - DAY).episodes[0].ended_by != "withdrawal"


STATES: Sequence[Any] = ("first", "stable", "no_change_seen", "changed", "degraded", None)
ENDS: tuple[str, ...] = get_args(Ending)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(STATES),
            st.booleans(),
            st.sampled_from([0.0, 0.05]),
            st.sampled_from(["a", "b", "c", None]),
            st.sampled_from(["", "", "", "scope", "withdrawn"]),
        ),
        max_size=12,
    )
)
def test_a_stream_s_life(months: list[tuple[Any, bool, float, Any, str]]) -> None:
    """A model that knows no more than: there is at most one warning and at most one degradation open."""
    known: dict[str, Episode] = {}
    for number, (state, warned, low, curve, event) in enumerate(months):
        period, now = f"2026-{number + 1:02d}", NOW + number * DAY
        if warned:
            begun = Episode.begin("early_warning", "triage", period, revision=1, now=now, since=now)
            known[begun.id] = begun
        window = "insufficient" if state is None else "closed"
        found = replace(served(state, low, 0.08, curve, window=window), period=period)
        open_ = [episode for episode in known.values() if episode.ended_by is None]
        turn = turn_of(
            found,
            *open_,
            scope_changed=event == "scope",
            withdrawn_at=now if event == "withdrawn" else None,
            ends_at=now,
            now=now,
        )
        assert {episode.id for episode in open_} <= set(turn.said) == {e.id for e in turn.episodes}
        for episode in turn.episodes:
            before = known.get(episode.id)
            assert before is None or before.ended_by is None, "an episode that has ended went on"
            assert episode.ended_by is None or episode.ended_by in ENDS
            known[episode.id] = episode
        still = [episode for episode in known.values() if episode.ended_by is None]
        waiting = [episode for episode in still if episode.degraded_in is None]
        assert len(still) - len(waiting) <= 1
        if state in ("stable", "no_change_seen", "changed", "degraded") or event:
            assert waiting == []
        if state == "degraded":
            assert turn.current in {episode.id for episode in still}
        assert (turn.current is None) == (not turn.episodes)
        if turn.recovered:
            assert state in ("stable", "no_change_seen", "changed")
            assert low <= 0.03
            assert curve is not None
