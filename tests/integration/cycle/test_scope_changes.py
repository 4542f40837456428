"""A changed scope begins anew: served raw, measured, fitted, published, and compared with nothing older."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from stream_life import StreamLife, quick_fits

from calib.client import MappingClient
from calib.store import read_mapping

A, B = {"model": "a"}, {"model": "b"}


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamLife]:
    quick_fits(monkeypatch)
    made = StreamLife(scope=A)
    yield made
    made.close()


def change(life: StreamLife, scope: dict[str, str], **settings: Any) -> None:
    life.policy = replace(life.policy, scope=scope, **settings)


def off(by: float) -> Any:
    return lambda raw: raw - by


def test_what_was_served_under_another_scope_is_the_raw_confidence(life: StreamLife) -> None:
    life.month("2026-01")
    life.month("2026-02")
    assert life.summary("2026-02").served.source == "reconstructed"
    change(life, B)
    old = life.log()[-1].mapping
    first = life.month("2026-03", accuracy=off(0.4))
    assert first.served.source == "raw"
    assert first.served.ece == pytest.approx(first.raw.ece)
    assert [one.mapping for one in first.served.mappings] == [None]
    # it is measured, fitted and published, and held against nothing that another model did
    assert first.change.state == "first"
    assert first.baseline.periods == ()
    assert first.refit.published
    mapping = read_mapping(life.store, stream="triage", digest=str(first.refit.mapping))
    assert mapping.scope == B
    assert mapping.evidence["periods"] == ["2026-03"]
    second = life.month("2026-04", accuracy=off(0.4))
    assert second.served.source == "reconstructed"
    assert [one.mapping for one in second.served.mappings] == [None, first.refit.mapping]
    assert old not in [one.mapping for one in second.served.mappings]
    assert second.baseline.periods == ("2026-03",)


def test_a_mapping_of_the_old_scope_is_not_renewed_for_the_new_one(life: StreamLife) -> None:
    """A model that is calibrated by itself needs no mapping: then the channel stays as it is."""
    life.month("2026-01")
    change(life, B)
    first = life.month("2026-02", accuracy=off(0.0))
    assert not first.refit.published
    assert not first.refit.upheld
    assert first.refit.reason_code == "refit_no_better_than_either"
    assert [entry.reason for entry in life.log()] == ["refit on 2026-01"]


def test_the_client_agrees_on_what_is_served(life: StreamLife, tmp_path: Any) -> None:
    life.month("2026-01")
    for key, data in life.store.objects.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for scope, status in ((A, "FRESH"), (B, "UNCALIBRATED")):
        with MappingClient(
            f"file:{tmp_path}", stream="triage", scope=scope, background=False, now=life.clock.now
        ) as client:
            client.refresh_now()
            assert client.calibrate(0.9).status == status


@pytest.mark.parametrize(
    ("max_ece", "by", "told"), [(0.10, 0.4, True), (1.0, 0.4, False), (0.10, 0.03, False)]
)
def test_far_off_after_a_change_of_scope_is_told(
    life: StreamLife, max_ece: float, by: float, told: bool
) -> None:
    life.month("2026-01")
    change(life, B, max_ece=max_ece)
    result = life.month("2026-02", accuracy=off(by))
    assert result.above_limit is told
    assert life.told("2026-02") == ["above_limit", "scope_changed"][0 if told else 1 :]
    assert result.change.state == "first"
    # no episode is opened, and the baseline is not reset by it
    assert not life.window("2026-02").resets_baseline
    change(life, B, max_ece=max_ece)
    following = life.month("2026-03", accuracy=off(by))
    assert not following.above_limit
    assert "recovered" not in life.told("2026-03")
    assert following.baseline.periods == ("2026-02",)


def test_a_new_stream_only_reports_it(life: StreamLife) -> None:
    result = life.month("2026-01", accuracy=off(0.4))
    assert result.above_limit
    assert life.told("2026-01") == []


def test_it_is_not_said_where_chance_would_do(life: StreamLife) -> None:
    life.month("2026-01")
    change(life, B, max_rise=0.5)
    result = life.month("2026-02", accuracy=off(0.4))
    assert result.served.ece is not None
    assert result.served.ece > 0.10
    assert not result.above_limit


@pytest.mark.parametrize("discarded", [False, True])
def test_a_scope_that_comes_back_never_meets_its_old_baseline(life: StreamLife, discarded: bool) -> None:
    life.month("2026-01")
    life.month("2026-02")
    change(life, B)
    life.month("2026-03")
    if discarded:
        life.discard("2026-03")
    change(life, A)
    back = life.month("2026-04", accuracy=off(0.5))
    assert (back.change.state, back.baseline.periods) == ("first", ())
    assert life.month("2026-05", accuracy=off(0.5)).baseline.periods == ("2026-04",)


def test_an_older_window_of_a_scope_that_came_back_replaces_nothing_newer(life: StreamLife) -> None:
    """What the channel names is for the other scope: it serves nobody of this one, and is still newer."""
    life.month("2026-01")
    change(life, B)
    life.month("2026-02", accuracy=off(0.4))
    life.discard("2026-02")
    change(life, A)
    log = life.log()
    assert read_mapping(life.store, stream="triage", digest=log[-1].mapping).scope == B
    life.reopen("2026-01")
    result = life.advance("2026-01")
    assert result.refit.reason_code == "refit_older_than_served"
    assert life.log() == log
