"""Two runs on one window, the second wholly inside the first: at a chosen step the first one waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import event

from calib.cycle import Ports


class PauseAt:
    """Counts the steps of a run on its ports and calls `other` before the `k`-th, 1 for the first.

    A step is a connection to the database, a request to the store, or a question to the traffic.
    """

    def __init__(self, k: int, other: Callable[[], object]) -> None:
        self._k, self._other = k, other
        self.steps = 0

    def ports(self, ports: Ports) -> Ports:
        """The same ports, each step counted; nobody else may use their engine."""
        event.listen(ports.engine, "engine_connect", lambda _: self._step())
        return replace(ports, store=_Paused(ports.store, self), traffic=_Paused(ports.traffic, self))

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self._k:
            self._other()


class _Paused:
    """An object whose methods are steps."""

    def __init__(self, inner: Any, pause: PauseAt) -> None:
        self._inner, self._pause = inner, pause

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def stepped(*arguments: Any, **named: Any) -> Any:
            self._pause._step()
            return found(*arguments, **named)

        return stepped
