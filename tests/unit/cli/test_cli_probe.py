"""`calib probe`: from a shell and from a flow, against a model on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from probes import NOW, Adder, write_questions

from calib.testing.model import KEY, FakeModel


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModel]:
    monkeypatch.setenv("SUMS_KEY", KEY)
    with FakeModel(Adder()) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, model: FakeModel) -> Path:
    write_questions(tmp_path / "sums.csv", 60)
    path = tmp_path / "calib.toml"
    path.write_text(
        f"""
[probes.sums]
file = "sums.csv"
endpoint = "{model.url}"
model = "fake-1"
api_key_env = "SUMS_KEY"
match = "number"
request = {{ temperature = 0 }}
attempts = 1
"""
    )
    return path


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`day(n)` moves the clock to n days after the start."""
    from calib.app import App

    defaults: dict[str, Any] = App.open.__func__.__kwdefaults__  # type: ignore[attr-defined]

    def move(days: int) -> None:
        monkeypatch.setattr("calib.app.utc_now", lambda: NOW + timedelta(days=days))
        monkeypatch.setattr(
            "calib.app.App.open.__func__.__kwdefaults__",
            defaults | {"now": lambda: NOW + timedelta(days=days)},
        )

    move(0)
    return move


@pytest.mark.slow
def test_the_first_run_is_accepted_by_a_person_and_later_ones_are_compared(
    config: Path, model: FakeModel, calib: Any, day: Any
) -> None:
    first = calib("probe", "sums", "--config", config)
    assert first.code == 0
    assert "nothing is accepted yet" in first.out
    assert "calib probe sums --accept" in first.out
    ran = calib("probe", "sums", "--accept", "--config", config, "--json")
    assert ran.code == 0
    assert ran.json["accepted_at"] is not None
    assert len(model.requests) == 60
    assert model.requests[0]["temperature"] == 0

    day(1)
    model.answer = Adder(wrong=0.5)
    worse = calib("probe", "sums", "--config", config)
    assert worse.code == 1
    assert "DEGRADED" in worse.out
    assert "turned wrong" in worse.out
    assert "waiting" not in worse.out  # delivered at once
    assert (
        "sums 2026-11-26: the model got worse on the fixed questions" in worse.err
    )  # the alert, on a terminal
    again = calib("probe", "sums", "--config", config, "--json")
    assert again.code == 1
    assert [(alert["kind"], alert["delivered"]) for alert in again.json["alerts"]] == [("degraded", True)]
    assert "confidence got worse" not in again.err

    assert calib("probe", "sums", "--accept", "--config", config).code == 0
    day(2)
    quiet = calib("probe", "sums", "--config", config)
    assert quiet.code == 0
    assert "no change seen" in quiet.out
    assert "would have been detected with 80% power" in quiet.out


@pytest.mark.slow
def test_too_little_to_see_exits_three_and_no_reply_at_all_four(
    config: Path, model: FakeModel, calib: Any, day: Any
) -> None:
    model.answer = Adder(mute=0.5)
    ran = calib("probe", "sums", "--config", config)
    assert ran.code == 3
    assert "absent" in ran.out
    day(1)
    model.key = "another"
    ran = calib("probe", "sums", "--config", config, "--json")
    assert ran.code == 4
    assert ran.json["state"] == "cannot_see"
    assert KEY not in ran.out + ran.err


def test_what_the_owner_got_wrong_is_said(config: Path, calib: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = calib("probe", "sum", "--config", config)
    assert (ran.code, "did you mean 'sums'" in ran.err) == (2, True)
    monkeypatch.delenv("SUMS_KEY")
    ran = calib("probe", "sums", "--config", config)
    assert (ran.code, "SUMS_KEY is not set" in ran.err) == (2, True)
    (config.parent / "sums.csv").unlink()
    assert calib("probe", "sums", "--config", config).code == 2


def test_check_tries_the_endpoint_and_asks_nothing(
    config: Path, model: FakeModel, calib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = calib("check", "--config", config)
    assert ran.code == 0
    assert f"ok   probe sums: 60 questions; {model.url} answers" in ran.out
    assert model.requests == []
    monkeypatch.setenv("SUMS_KEY", "sk-very-secret")
    ran = calib("check", "--config", config)
    assert ran.code == 4
    assert "401" in ran.out
    assert "very-secret" not in ran.out + ran.err


@pytest.mark.slow
def test_hostile_names_do_not_drive_the_terminal(
    config: Path, model: FakeModel, calib: Any, day: Any
) -> None:
    model.name = "evil\x1b[31m[bold]\u202e"
    ran = calib("probe", "sums", "--config", config)
    assert ran.code == 0
    assert "\x1b[31m" not in ran.out
    assert "\u202e" not in ran.out
    assert "[bold]" in ran.out


@pytest.mark.slow
def test_the_flow_does_the_same(config: Path, model: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    import inspect

    from prefect.flows import load_flow_from_entrypoint
    from prefect.logging import disable_run_logger
    from prefect.states import Completed

    from calib.init import flows_folder

    flow = load_flow_from_entrypoint(f"{flows_folder()}/probe.py:probe", use_placeholder_flow=False)
    module: Any = inspect.getmodule(flow.fn)
    ask = module.ask.fn

    def without_server(*args: Any, return_state: bool) -> Any:
        return Completed(data=ask(*args))

    monkeypatch.setattr(module, "ask", without_server)  # the tests of the flows have a server
    monkeypatch.setattr(module, "what_to_ask", module.what_to_ask.fn)
    with disable_run_logger():
        first = flow.fn(config=str(config), now=NOW)
        again = flow.fn(config=str(config), name="sums", now=NOW)
    assert [one["state"] for one in first] == ["first"]
    assert again == first
    assert len(model.requests) == 60
