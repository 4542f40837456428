"""Progress on standard error: a bar where a person looks on, else a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from calib.text import printable

FIRST, EVERY = 1.0, 10.0  # seconds until the first line, and between two lines

Step = Callable[[str], None]


@contextmanager
def progress(
    label: str,
    total: int | None = None,
    *,
    bar: bool = True,
    clock: Callable[[], float] = time.monotonic,
    first: float = FIRST,
    every: float = EVERY,
) -> Iterator[Step]:
    """Show how far `label` is; call what it gives once for each of `total` steps, with a word on the step.

    On a terminal it is a bar, unless `bar` is false because the results themselves appear one by one.
    Elsewhere nothing is written in the first second, then a line, then one every ten seconds, so that the
    logs of a schedule stay short. Standard output is never touched.
    """
    if bar and sys.stderr.isatty():
        with _bar(label, total) as step:
            yield step
        return
    lines = _Lines(label, total, sys.stderr, clock)
    finished = threading.Event()

    def tick() -> None:
        wait = first
        while not finished.wait(wait):
            lines.write()
            wait = every

    # A thread of its own, for a step may be one long call into an engine or a library.
    ticker = threading.Thread(target=tick, name="progress", daemon=True)
    ticker.start()
    try:
        yield lines.step
    finally:
        finished.set()
        ticker.join()


class _Lines:
    """The latest step, as a line."""

    def __init__(self, label: str, total: int | None, to: TextIO, clock: Callable[[], float]) -> None:
        self._label, self._total, self._to, self._clock = label, total, to, clock
        self._began = clock()
        self._steps, self._word = 0, ""

    def step(self, word: str) -> None:
        self._steps, self._word = self._steps + 1, word

    def write(self) -> None:
        count = ""
        if self._steps:
            count = f" ({self._steps} of {self._total})" if self._total else f" ({self._steps})"
        word = f": {self._word}" if self._word else ""
        seconds = f"{self._clock() - self._began:.0f} s"
        self._to.write(f"calib: {printable(self._label + word)}{count}, {seconds}\n")
        self._to.flush()


@contextmanager
def _bar(label: str, total: int | None) -> Iterator[Step]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20)]
    with Progress(
        *columns,
        MofNCompleteColumn(),
        Elapsed(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # or what is written to a pipe would end on the terminal
        redirect_stderr=False,
    ) as shown:
        task = shown.add_task(escape(printable(label)), total=total)

        def step(word: str) -> None:
            shown.update(task, description=escape(printable(f"{label}: {word}")), advance=1)

        yield step
