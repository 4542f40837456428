"""The polls of one client in one process: one at a time, by a thread of their own."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Protocol

from calib.backoff import back_off

LONGEST_PAUSE = 900.0  # seconds between two polls that fail, unless `refresh` is longer
JITTER = 0.25  # of a pause, either way: clients that start together do not poll together for long


class Polled(Protocol):
    """What a thread polls for."""

    def poll_in_background(self) -> float:
        """Poll once; seconds until the next poll."""
        ...


class Polling:
    """A lock for the polls of a process, and the signs that one was answered and that its thread is to stop.

    A forked process needs new ones: a thread that stayed behind in the parent may hold the lock for ever.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answered = threading.Event()  # the store has answered a poll of this process
        self._stop = threading.Event()

    def start(self, client: Polled) -> None:
        """Poll from now on, until `stop`, or until nobody uses the client.

        Raises `RuntimeError` where the process may not have another thread.
        """
        threading.Thread(
            target=_loop, args=(weakref.ref(client), self._stop.wait), daemon=True, name="calib-client"
        ).start()

    def stop(self) -> None:
        """No more polls; one that is under way ends by itself."""
        self._stop.set()


def pause(refresh: float, failures: int, spread: float) -> float:
    """Seconds until the next poll: doubled by each failure in a row, capped; `spread` in [0, 1) is jitter."""
    longest = max(refresh, LONGEST_PAUSE)
    return back_off(failures, first=refresh, longest=longest, least=1 - JITTER, most=1 + JITTER, draw=spread)


def _loop(reference: weakref.ref[Polled], stopped: Callable[[float], bool]) -> None:
    while (client := reference()) is not None:
        seconds = client.poll_in_background()
        del client
        if stopped(seconds):
            return
