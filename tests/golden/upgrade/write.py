"""Writes the deployment that later versions must carry on. Runs in an environment with calibwatch 0.1.0.

`make.py` starts it: `python write.py FOLDER`. The database is that of `calib.toml`, or the one that
`CALIB_DATABASE` names. The clock stands still at each step, and every random number has its seed.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from calib.wiring import Deployment
from population import adder, write_traffic
from sqlalchemy import select

from calib import __version__, cycle
from calib.cli import main
from calib.client import MappingClient
from calib.cycle import Ports
from calib.db import tables, windows
from calib.period import Period
from calib.probe import Endpoint
from calib.review import queue
from calib.testing.crash import Crash, CrashAt
from calib.testing.model import KEY, FakeModel
from calib.testing.slack import TOKEN, FakeSlack, broken, refused

LAST = datetime(2026, 6, 3, 6, tzinfo=UTC)  # the moment at which the deployment is left to a later version
PROBED = datetime(2026, 6, 1, 7, 15, tzinfo=UTC)
CLIENT_VALUES = [0.0, 0.31, 0.5, 0.72, 0.9, 0.95, 1.0]


def at(month: int, day: int) -> datetime:
    """A morning of 2026."""
    return datetime(2026, month, day, 6, tzinfo=UTC)


class Old:
    """The command line of 0.1.0 over one folder, with a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "calib.toml"

    def open(self, now: datetime) -> Deployment:
        """The deployment at a moment."""
        return Deployment.open(self.config, now=lambda: now)

    def run(self, now: datetime, *arguments: str) -> dict[str, Any]:
        """What a command prints with --json, and its exit code under `exit_code`."""
        Deployment.open.__func__.__kwdefaults__["now"] = lambda: now
        sys.argv = ["calib", *arguments, "--json", "--config", str(self.config)]
        code, out = 0, io.StringIO()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
                main()
        except SystemExit as end:
            code = int(end.code or 0)
        return json.loads(out.getvalue()) | {"exit_code": code}


def fill(sheet: Path, truth: dict[str, int], *, share: float, wrong_every: int = 0) -> None:
    """Answer the first rows of an exported sheet; every `wrong_every`-th answer is the opposite."""
    with sheet.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        right = truth[row["prediction_id"]] ^ (wrong_every > 0 and i % wrong_every == 0)
        said = "unsure" if i % 25 == 24 else ("correct" if right else "incorrect")
        row["answer"] = said if i < share * len(rows) else ""
    with sheet.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@contextlib.contextmanager
def slack(*faults: Any) -> Iterator[FakeSlack]:
    """A Slack that fails as told, for as long as it is entered."""
    with FakeSlack(now=lambda: LAST.timestamp()) as server:
        for fault in faults:
            server.fail("chat.postMessage", fault)
        os.environ |= {"SLACK_BOT_TOKEN": TOKEN, "CALIB_SLACK__BASE_URL": server.url}
        try:
            yield server
        finally:
            del os.environ["SLACK_BOT_TOKEN"], os.environ["CALIB_SLACK__BASE_URL"]


def write_deployment(old: Old, truth: dict[str, int]) -> None:
    """Everything but the last window of `triage`, which `leave_evaluated` makes."""
    with slack():  # delivered, with the place that Slack gave them
        old.run(at(3, 2), "backfill", "triage", "--from", "2025-09", "--to", "2026-02")
    old.run(at(4, 2), "run", "triage", "--period", "2026-03")
    old.run(at(4, 2), "backfill", "triage", "--from", "2025-05", "--to", "2025-06")
    old.run(at(5, 2), "run", "triage", "--period", "2026-04")

    sheet = old.folder / "sheet.csv"
    old.run(at(4, 3), "sample", "support", "--period", "2026-03")
    old.run(at(4, 3), "labels", "export", "support", "--to", str(sheet))
    review_twice(old, at(4, 4), truth)
    fill(sheet, truth, share=0.5, wrong_every=7)
    old.run(at(4, 6), "labels", "import", str(sheet), "--stream", "support", "--by", "tom")  # conflicts
    old.run(at(4, 7), "evaluate", "support")
    old.run(at(4, 8), "sample", "support", "--period", "2026-02")  # nobody will label it
    with slack(refused("is_archived")):
        old.run(at(5, 19), "evaluate", "support")  # insufficient
        old.run(at(5, 19), "relay")  # and its alert is parked
    old.run(at(5, 20), "sample", "support", "--period", "2026-04")
    old.run(at(5, 20), "labels", "export", "support", "--to", str(sheet))
    fill(sheet, truth, share=0.4)
    old.run(at(5, 21), "labels", "import", str(sheet), "--stream", "support", "--by", "maria")
    fill(sheet, truth, share=0.2, wrong_every=9)
    old.run(at(5, 22), "labels", "import", str(sheet), "--stream", "support", "--by", "noor")
    old.run(at(5, 23), "evaluate", "support")  # in_review
    sheet.unlink()
    old.run(at(6, 2), "sample", "support", "--period", "2026-05")
    half_filled = old.folder / "todo.csv"
    old.run(LAST, "labels", "export", "support", "--to", str(half_filled))
    fill(half_filled, truth, share=0.5)

    for day in (28, 29, 30):  # the 31st is left to a later version
        old.run(datetime(2026, 6, 2, 6, tzinfo=UTC), "run", "router", "--period", f"2026-05-{day}")
    old.run(at(6, 2), "sample", "chat", "--period", "2026-W22")

    os.environ["SUMS_KEY"] = KEY
    with FakeModel(adder(0.2)) as model, asking(model):
        old.run(PROBED, "probe", "sums")
        old.run(PROBED, "probe", "sums", "--accept")
        model.answer = adder(0.7)
        with slack(broken(500), broken(500), broken(500)):
            old.run(PROBED + timedelta(days=1), "probe", "sums")  # degraded; its alert is tried and waits

    entries = old.run(LAST, "mapping", "list", "triage")["entries"]
    first = entries[0]["mapping"]
    old.run(
        at(5, 20), "mapping", "promote", "triage", first[:12], "--channel", "candidate", "--reason", "old"
    )
    with MappingClient(
        f"file:{old.folder / 'mappings'}",
        stream="triage",
        cache=old.folder / "cache",
        background=False,
        now=lambda: LAST,
    ) as client:
        client.refresh_now()


def review_twice(old: Old, now: datetime, truth: dict[str, int]) -> None:
    """One reviewer answers all that waits; another one looks at a share of it again, and differs at times."""
    engine = old.open(now).engine
    for reviewer, n in (("maria", 1000), ("noor", 15)):
        with engine.begin() as conn:
            for i, claim in enumerate(queue.claim(conn, stream="support", by=reviewer, now=now, n=n)):
                right = truth[claim.prediction_id] ^ (reviewer == "noor" and i % 4 == 0)
                queue.answer(
                    conn,
                    item_id=claim.item_id,
                    token=claim.token,
                    answer="correct" if right else "incorrect",
                    by=reviewer,
                    at=now,
                )


@contextlib.contextmanager
def asking(model: FakeModel) -> Iterator[None]:
    """Ask a model on this machine in place of the one that the settings name."""
    given = Deployment.endpoint

    def endpoint(self: Deployment, name: str) -> Endpoint:
        del self, name
        return Endpoint(model.url, model="fake-1", key=KEY, request={}, timeout=60, limit=4)

    Deployment.endpoint = endpoint
    try:
        yield
    finally:
        Deployment.endpoint = given


def leave_evaluated(old: Old) -> None:
    """Die after the evaluation of `triage` 2026-05 is committed and before anything of it is published."""
    opened = old.open(LAST)
    watch, ports = opened.watch("triage"), opened.ports("triage")
    window = cycle.open_window(watch, ports, Period.parse("2026-05", "month"), channel=cycle.PRODUCTION)
    crash = CrashAt(3, "after")  # labels, the state `in_review`, the evaluation
    dying = Ports(
        engine=crash.engine(ports.engine),
        store=crash.store(ports.store),
        traffic=ports.traffic,
        now=ports.now,
    )
    with contextlib.suppress(Crash):
        cycle.advance(window, dying)
    opened.engine.dispose()
    with old.open(LAST).engine.connect() as conn:
        state = conn.execute(
            select(tables.windows.c.state).where(
                tables.windows.c.stream == "triage", tables.windows.c.period == "2026-05"
            )
        ).scalar_one()
    if state != "evaluated":
        raise SystemExit(f"the window should be evaluated and is {state}")


def leave_alerts_waiting(old: Old) -> None:
    """Let the watchdog find days without a window, and die before it delivers what it found."""
    opened = old.open(LAST)
    cycle.watch_over(opened.watch("router"), opened.ports("router"))
    opened.engine.dispose()


def snapshot(old: Old) -> dict[str, Any]:
    """What 0.1.0 itself reports of its deployment, without changing it."""
    opened = old.open(LAST)
    columns = ("id", "kind", "stream", "period", "state", "attempts", "last_error")
    with opened.engine.connect() as conn:
        names = conn.execute(
            select(tables.windows.c.stream, tables.windows.c.period).order_by(tables.windows.c.id)
        ).all()
        found = [windows.find(conn, name.stream, name.period) for name in names]
        waiting = conn.execute(select(tables.outbox).order_by(tables.outbox.c.id)).all()
    results = [cycle.account(window, opened.ports(window.stream)) for window in found]
    opened.engine.dispose()
    channels = [
        ("triage", "production"),
        ("triage", "candidate"),
        ("triage", "backfill-2025-05"),
        ("support", "production"),
        ("router", "production"),
    ]
    return {
        "windows": results,
        "alerts": [{column: getattr(row, column) for column in columns} for row in waiting],
        "channels": {
            f"{stream}/{channel}": old.run(LAST, "mapping", "history", stream, "--channel", channel)[
                "entries"
            ]
            for stream, channel in channels
        },
    }


def client_answers(folder: Path) -> dict[str, Any]:
    """What the client of 0.1.0 says from its cache alone, its store being gone."""
    with MappingClient(
        f"file:{folder / 'gone'}",
        stream="triage",
        cache=folder / "cache",
        background=False,
        now=lambda: LAST,
    ) as client:
        status = client.status()
        return {
            "raw": CLIENT_VALUES,
            "calibrated": [client.calibrate(raw).value for raw in CLIENT_VALUES],
            "sales": [client.calibrate(raw, segment="sales").value for raw in CLIENT_VALUES],
            "decided": [client.decide(raw, target=0.3).act for raw in CLIENT_VALUES],
            "mapping": status.mapping,
            "epoch": status.epoch,
            "generation": status.generation,
        }


def carry_on(old: Old) -> dict[str, Any]:
    """How 0.1.0 itself goes on from here: what a later version must arrive at too."""
    imported = old.run(
        LAST, "labels", "import", str(old.folder / "todo.csv"), "--stream", "support", "--by", "maria"
    )
    evaluated = old.run(LAST, "evaluate")["windows"]
    later = datetime(2026, 9, 1, 6, tzinfo=UTC)  # all cohorts have closed
    closed = old.run(later, "evaluate")["windows"]
    return {"imported": imported, "evaluated": evaluated, "later": closed} | {
        key: value for key, value in snapshot(old).items() if key != "windows"
    }


def write(folder: Path) -> None:
    """The deployment in `folder`, and `expected.json` beside it."""
    old = Old(folder)
    old.config.write_text((Path(__file__).parent / "settings.toml").read_text())
    truth = write_traffic(folder)
    write_deployment(old, truth)
    leave_evaluated(old)
    leave_alerts_waiting(old)
    expected = {
        "made_by": __version__,
        "at": LAST.isoformat(),
        **snapshot(old),
        "client": client_answers(folder),
        "routes": {name: old.run(LAST, "routes", name) for name in ("triage", "support", "router")},
        "plan": old.run(LAST, "plan", "support", "--period", "2026-05"),
        "probe": [old.run(PROBED + timedelta(days=days), "probe", "sums") for days in (0, 1)],
    }
    if "CALIB_DATABASE" not in os.environ:  # else a copy of the folder would share its database
        copy = folder.with_name("calm")
        shutil.copytree(folder, copy)
        expected["carried_on"] = carry_on(Old(copy))
        shutil.rmtree(copy)
    text = json.dumps(expected, indent=1, sort_keys=True)
    folder.with_name("expected.json").write_text(text + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
