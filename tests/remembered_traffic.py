"""Traffic that is asked each question once; for tests that run one window many times over equal traffic.

Surveying and drawing take half the time of a window. A test that repeats the same window to look at its
database, its store or its alerts asks the real traffic the first time, and gets copies of its answers then.
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field, replace
from typing import Any

from calib.cycle import Ports


@dataclass
class TrafficMemory:
    """The answers so far, by question; one memory for one kind of traffic, whatever folder holds it."""

    answers: dict[tuple[str, bytes], Any] = field(default_factory=dict)

    def ports(self, ports: Ports) -> Ports:
        """The same ports over remembered traffic."""
        return replace(ports, traffic=_Remembered(ports.traffic, self.answers))


class _Remembered:
    def __init__(self, traffic: Any, answers: dict[tuple[str, bytes], Any]) -> None:
        self._traffic, self._answers = traffic, answers

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._traffic, name)
        if not callable(method):
            return method

        def remembered(*arguments: Any, **named: Any) -> Any:
            question = name, pickle.dumps((arguments, sorted(named.items())))
            if question not in self._answers:
                self._answers[question] = method(*arguments, **named)
            return copy.deepcopy(self._answers[question])

        return remembered
