"""Whoever gets the alerts: raises each in its real situation, and runs the commands that its text names."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from conftest import World
from in_process import Ran
from sqlalchemy import select

from calib.alerts.message import message
from calib.db import tables
from calib.store import Entry, head

OUTCOMES = 'review = { kind = "outcomes", column = "correct" }'
NOW = datetime(2026, 6, 3, 6, tzinfo=UTC)


def fell(by: float) -> Callable[[Any], Any]:
    return lambda stated: stated - by


class OnCall:
    """Whoever gets the alerts, in the folder of the deployment."""

    def __init__(self, world: World, run: Callable[..., Ran], clock: dict[str, datetime]) -> None:
        self.world, self._run, self._clock = world, run, clock
        self.settings()

    def settings(self, stream: str = "", *, review: str = OUTCOMES, labels: int = 120, **how: Any) -> None:
        self.world.settings(stream, review=review, **how)
        text = self.world.config.read_text().replace("labels = 300", f"labels = {labels}")
        self.world.config.write_text(text)

    def at(self, now: datetime) -> None:
        self._clock["now"] = now

    def calib(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Ran:
        ran = self._run(*arguments)
        assert ran.code in codes, (arguments, ran)
        return ran

    def months(self, *names: str, **how: Any) -> None:
        for name in names:
            self.world.write(name, n=500, **how)

    def payload(self, kind: str) -> dict[str, Any]:
        """The newest alert of a kind that this deployment has raised."""
        opened = self.world.open()
        with opened.engine.connect() as conn:
            query = select(tables.outbox.c.payload).where(tables.outbox.c.kind == kind)
            found = conn.execute(query.order_by(tables.outbox.c.created_at.desc())).scalars().first()
            kinds = conn.execute(select(tables.outbox.c.kind)).scalars().all()
        opened.engine.dispose()
        assert found is not None, f"no {kind} among {kinds}"
        return dict(found)

    def follow(
        self, kind: str, *, codes: tuple[int, ...] = (0,), without: tuple[str, ...] = ()
    ) -> dict[str, Ran]:
        """Run the commands of an alert as they stand, one after the other; what each did.

        `without`: verbs that another test of the same alert runs, where one of two ways is taken.
        """
        commands = commands_in(message(self.payload(kind)).text)
        assert commands
        done = {}
        for words in commands:
            line = " ".join(words)
            if not any(line.startswith(verb) for verb in without):
                done[line] = self.calib(*words, codes=codes)
        return done

    def head(self) -> Entry:
        current = head(self.world.open().store, stream="triage", channel="production")
        assert current is not None
        return current

    def state(self, period: str) -> str:
        windows = self.calib("window", "list", "triage", "--json").json["windows"]
        return next(one["state"] for one in windows if one["period"] == period and one["standing"])

    def found(self) -> list[str]:
        return [
            one["kind"] for one in self.calib("watchdog", "triage", "--json", codes=(0, 1)).json["findings"]
        ]


def commands_in(text: str) -> list[list[str]]:
    """The commands of a message, each once, in their order."""
    found = dict.fromkeys(re.findall(r"`calib ([^`]+)`", text))
    return [shlex.split(command) for command in found]


def months_then(desk: OnCall, accuracy: Callable[[Any], Any], *, last: str = "2026-04") -> None:
    """Three healthy months and one that is not, watched one after the other."""
    desk.months("2026-01", "2026-02", "2026-03")
    desk.months(last, accuracy=accuracy)
    desk.calib("backfill", "triage", "--from", "2026-01", "--to", last)


def label(desk: OnCall, sheet: str, *, rows: int, wrong_in: int = 3) -> None:
    """Let the stream's reviewers answer so many rows; every `wrong_in`-th prediction is wrong."""
    desk.calib("labels", "export", "triage", "--to", sheet)
    fill_in(Path(sheet), rows=rows, wrong_in=wrong_in)
    desk.calib("labels", "import", sheet, "--stream", "triage")


def outcomes_missing(desk: OnCall, period: str, table: pa.Table, *, share: float) -> Callable[[], None]:
    """Take the outcomes of a share of the rows away; a function that brings them back."""
    path = desk.world.folder / "traffic" / f"{period}.parquet"
    keep = np.random.default_rng(1).random(len(table)) >= share
    known = [int(v) if k else None for v, k in zip(table.column("correct").to_pylist(), keep, strict=True)]
    column = table.column_names.index("correct")
    pq.write_table(table.set_column(column, "correct", pa.array(known, pa.int8())), path)
    return lambda: pq.write_table(table, path)


def fill_in(sheet: Path, *, rows: int, wrong_in: int = 3) -> None:
    """Answer so many rows of an exported sheet; every `wrong_in`-th is wrong."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    for i, row in enumerate(table[:rows]):
        row["label"] = "correct" if i % wrong_in else "incorrect"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        writer.writerows(table)
