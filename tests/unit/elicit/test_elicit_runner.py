"""Asking many prompts: bounded, again where that may help, and not for ever."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import anyio
import pytest

from calib.elicit import Asked, ask_all
from calib.elicit.runner import pause_after
from calib.errors import EndpointBusy, EndpointError, EndpointRefused, InvalidInput

PROMPTS = [f"prompt {i}" for i in range(12)]


def run(ask: Any, prompts: list[str] = PROMPTS, **how: Any) -> list[Asked[str]]:
    async def main() -> list[Asked[str]]:
        return await ask_all(ask, prompts, **how)

    return anyio.run(main)


async def asked(prompt: str) -> str:
    await anyio.sleep(0.001)
    return prompt.upper()


async def nothing(seconds: float) -> None:
    """No waiting between attempts."""


@pytest.mark.parametrize(
    "ask", [asked, str.upper, lambda prompt: asked(prompt)], ids=["async", "plain", "mixed"]
)
def test_replies_come_in_the_order_of_the_prompts(ask: Any) -> None:
    found = run(ask)
    assert [one.reply for one in found] == [prompt.upper() for prompt in PROMPTS]
    assert {(one.error, one.attempts) for one in found} == {(None, 1)}


@pytest.mark.parametrize("plain", [True, False])
def test_no_more_than_allowed_are_in_hand(plain: bool) -> None:
    lock, here, most = threading.Lock(), 0, 0

    def enter(step: int) -> None:
        nonlocal here, most
        with lock:
            here += step
            most = max(most, here)

    def in_a_thread(prompt: str) -> str:
        enter(1)
        time.sleep(0.01)
        enter(-1)
        return prompt

    async def in_the_loop(prompt: str) -> str:
        enter(1)
        await anyio.sleep(0.01)
        enter(-1)
        return prompt

    run(in_a_thread if plain else in_the_loop, concurrency=3)
    assert most == 3


def test_what_fails_for_now_is_asked_again_and_what_fails_for_good_is_not() -> None:
    tries: Counter[str] = Counter()

    async def ask(prompt: str) -> str:
        tries[prompt] += 1
        if prompt == "busy twice" and tries[prompt] < 3:
            raise EndpointBusy("not now")
        if prompt == "always busy":
            raise TimeoutError
        if prompt == "rejected":
            raise EndpointError("too long")
        if prompt == "a bug":
            raise ZeroDivisionError
        return "fine"

    prompts = ["busy twice", "always busy", "rejected", "a bug", "good"]
    found = {one.prompt: one for one in run(ask, prompts, attempts=4, sleep=nothing)}
    assert (found["busy twice"].reply, found["busy twice"].attempts) == ("fine", 3)
    assert (type(found["always busy"].error), tries["always busy"]) == (TimeoutError, 4)
    assert (type(found["rejected"].error), tries["rejected"]) == (EndpointError, 1)
    assert (type(found["a bug"].error), tries["a bug"]) == (ZeroDivisionError, 1)
    assert found["good"].reply == "fine"


def test_a_refusal_of_everything_ends_it_at_once() -> None:
    tries = 0

    async def ask(prompt: str) -> str:
        nonlocal tries
        tries += 1
        raise EndpointRefused("the key is wrong")

    with pytest.raises(EndpointRefused, match="the key is wrong"):
        run(ask, [f"{i}" for i in range(100)], concurrency=2)
    assert tries < 10


@pytest.mark.parametrize("plain", [True, False])
def test_the_deadline_keeps_what_came_and_says_what_did_not(plain: bool) -> None:
    async def in_the_loop(prompt: str) -> str:
        if prompt == "slow":
            await anyio.sleep(60)
        return "fine"

    def in_a_thread(prompt: str) -> str:
        if prompt == "slow":
            time.sleep(1)
        return "fine"

    start = time.monotonic()
    found = run(in_a_thread if plain else in_the_loop, ["quick", "slow"], deadline=0.3, concurrency=2)
    assert time.monotonic() - start < 5
    assert [one.reply for one in found] == ["fine", None]
    assert isinstance(found[1].error, TimeoutError)
    assert "0.3 seconds" in str(found[1].error)


def test_pauses_double_and_grant_the_servers_wish_within_reason() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def ask(prompt: str) -> str:
        raise EndpointBusy("not now", retry_after=9 if len(waits) == 1 else None)

    run(ask, ["one"], attempts=4, sleep=sleep)
    assert len(waits) == 3
    assert 0.5 <= waits[0] <= 1
    assert waits[1] == 9
    assert 2 <= waits[2] <= 4
    assert pause_after(1, EndpointBusy("", retry_after=1e9), draw=lambda: 0.5) == 300
    assert max(pause_after(n, None, draw=lambda: 1.0) for n in range(1, 2000, 100)) == 60


def test_replies_are_heard_as_they_come_and_a_listener_that_fails_is_heard_of() -> None:
    heard: list[tuple[int, str | None]] = []
    run(asked, heard=lambda i, one: heard.append((i, one.reply)))
    assert sorted(heard) == [(i, prompt.upper()) for i, prompt in enumerate(PROMPTS)]

    def broken(i: int, one: Asked[str]) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(asked, heard=broken)


@pytest.mark.parametrize("how", [{"concurrency": 0}, {"attempts": 0}, {"deadline": 0}])
def test_impossible_numbers_are_refused(how: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="at least 1"):
        run(asked, **how)


def test_no_prompts_are_no_replies() -> None:
    assert run(asked, []) == []
