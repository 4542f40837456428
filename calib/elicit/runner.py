"""Asking many prompts at once: bounded, with retries and a deadline, through any function that asks one."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from calib.backoff import back_off
from calib.errors import EndpointBusy, EndpointRefused, InvalidInput

if TYPE_CHECKING:
    from anyio import CapacityLimiter

T = TypeVar("T")
LOG = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_WISH = 1.0, 60.0, 300.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Generic[T]):
    """One prompt and its reply, or the error that there is instead; `attempts` is 0 where it was too late."""

    prompt: str
    reply: T | None
    error: Exception | None
    attempts: int


def transient(error: Exception) -> bool:
    """Whether a prompt is worth asking again: a time-out, a broken connection, a busy endpoint."""
    return isinstance(error, EndpointBusy | TimeoutError | ConnectionError)


def pause_after(attempt: int, error: BaseException | None, *, draw: Callable[[], float]) -> float:
    """Seconds to wait after an attempt, 1 for the first: doubling, spread by half, never less than wished.

    The server's wish is granted for five minutes at most. `draw` gives random numbers in [0, 1).
    """
    return back_off(
        attempt - 1,
        first=FIRST_PAUSE,
        longest=LONGEST_PAUSE,
        least=0.5,
        draw=draw(),
        wished=getattr(error, "retry_after", None),
        longest_wish=LONGEST_WISH,
    )


async def ask_all(
    ask: Callable[[str], T | Awaitable[T]],
    prompts: Sequence[str],
    *,
    concurrency: int = 8,
    attempts: int = 4,
    deadline: float | None = None,
    again: Callable[[Exception], bool] = transient,
    draw: Callable[[], float] | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    heard: Callable[[int, Asked[T]], None] | None = None,
) -> list[Asked[T]]:
    """Ask every prompt, at most `concurrency` at a time, and return what came in the order of the prompts.

    `ask` may be a coroutine function or a plain one, which runs in a thread and has to end by itself. After
    an error for which `again` holds it is tried up to `attempts` times; any other, and the last one, is the
    prompt's `error`. `draw` gives the random numbers in [0, 1) that spread the pauses; by default the
    operating system does. After `deadline` seconds, what is not answered has a `TimeoutError`. `heard` is
    called with each prompt's position as its reply comes, never twice at a time.

    Raises `InvalidInput` for impossible numbers and, at once, `EndpointRefused`, which no prompt can
    correct, and any error that `heard` raises.

    >>> import anyio
    >>> [asked.reply for asked in anyio.run(ask_all, str.upper, ["a", "b"])]
    ['A', 'B']
    """
    import anyio

    if concurrency < 1 or attempts < 1 or (deadline is not None and deadline <= 0):
        raise InvalidInput(
            "concurrency and attempts are at least 1 and the deadline is above 0 seconds, not "
            f"{concurrency}, {attempts} and {deadline}"
        )
    pause = functools.partial(pause_after, draw=draw or SystemRandom().random)
    once = _once(ask, anyio.CapacityLimiter(concurrency))
    late = TimeoutError(f"no reply within the {deadline} seconds that all had together")
    results: list[Asked[T]] = [Asked(prompt=prompt, reply=None, error=late, attempts=0) for prompt in prompts]
    limiter = anyio.CapacityLimiter(concurrency)

    async def ask_one(i: int) -> None:
        async with limiter:
            results[i] = await _with_retries(
                once, prompts[i], attempts=attempts, again=again, pause=pause, sleep=sleep or anyio.sleep
            )
            if heard is not None:
                heard(i, results[i])

    try:
        with anyio.move_on_after(deadline):
            async with anyio.create_task_group() as group:
                for i in range(len(prompts)):
                    group.start_soon(ask_one, i)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # the others were cancelled because of it
    return results


async def _with_retries(
    once: Callable[[str], Awaitable[T]],
    prompt: str,
    *,
    attempts: int,
    again: Callable[[Exception], bool],
    pause: Callable[[int, BaseException | None], float],
    sleep: Callable[[float], Awaitable[None]],
) -> Asked[T]:
    from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

    def wait(state: RetryCallState) -> float:
        return pause(state.attempt_number, state.outcome.exception() if state.outcome else None)

    def retried(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        keys = {"event": "ask_retried", "attempt": state.attempt_number, "error": type(error).__name__}
        LOG.info("attempt %d failed with %s", state.attempt_number, type(error).__name__, extra=keys)

    retrying = AsyncRetrying(
        stop=stop_after_attempt(attempts),
        retry=retry_if_exception(lambda error: isinstance(error, Exception) and again(error)),
        wait=wait,
        before_sleep=retried,
        sleep=sleep,
        reraise=True,
    )
    tried = 0
    try:
        async for attempt in retrying:
            tried = attempt.retry_state.attempt_number
            with attempt:
                reply = await once(prompt)
    except EndpointRefused:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, it belongs to this prompt alone
        return Asked(prompt=prompt, reply=None, error=error, attempts=tried)
    return Asked(prompt=prompt, reply=reply, error=None, attempts=tried)


def _once(ask: Callable[[str], Any], limiter: CapacityLimiter) -> Callable[[str], Awaitable[Any]]:
    """The function as one to await; a plain one runs in a thread of its own."""
    import anyio.to_thread

    async def once(prompt: str) -> Any:
        if inspect.iscoroutinefunction(ask):
            return await ask(prompt)
        answer = await anyio.to_thread.run_sync(
            functools.partial(ask, prompt), abandon_on_cancel=True, limiter=limiter
        )
        return await answer if inspect.isawaitable(answer) else answer

    return once
