"""What a run writes where another one was faster: nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alert_results import result
from queues import NOW, database, open_window
from sqlalchemy import update
from window_values import POLICY

from calib.cycle import lifecycle
from calib.cycle.evaluation import Proposal
from calib.db import tables, windows
from calib.outbox import queue as outbox
from calib.results.window import EarlyResult


@pytest.mark.parametrize(("state", "told"), [("in_review", 1), ("evaluated", 0), ("closed", 0)])
def test_no_early_warning_once_another_run_has_evaluated_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, told: int
) -> None:
    engine = database(tmp_path)
    with engine.begin() as conn:
        window = windows.by_ids(conn, [open_window(conn, "a")])[0]
        conn.execute(update(tables.windows).values(state=state))
    alarm = EarlyResult(labels=60, e_value=500.0, needed=100.0, alarm=True)
    monkeypatch.setattr(lifecycle, "early_watch", lambda *_: alarm)
    ports: Any = SimpleNamespace(
        engine=engine, now=lambda: NOW, reports=None, quiet_line=False, summed_up=False
    )
    data: Any = SimpleNamespace(window=window, policy=POLICY)
    lifecycle._warn_early(data, ports)  # what this run saw is older than what is stored
    with engine.connect() as conn:
        assert len(outbox.of_window(conn, "triage", "2026-10")) == told


@pytest.mark.parametrize("overtaken", [False, True])
def test_a_window_is_closed_only_with_the_result_that_is_stored(tmp_path: Path, overtaken: bool) -> None:
    engine = database(tmp_path)
    mine = {"proposal": {"mapping": "mine"}}
    with engine.begin() as conn:
        window_id = open_window(conn, "a")
        values = {"state": "evaluated", "settings": POLICY.to_json(), "result": mine}
        conn.execute(update(tables.windows).values(**values))
        window = windows.by_ids(conn, [window_id])[0]
        if overtaken:  # another run has decided again, against a channel that moved
            conn.execute(update(tables.windows).values(result={"proposal": {"mapping": "theirs"}}))
    ports: Any = SimpleNamespace(
        engine=engine, now=lambda: NOW, reports=None, quiet_line=False, summed_up=False
    )
    proposal = Proposal(mapping=None, expected=None, renew=False)
    after = lifecycle._close(window, POLICY, ports, result("degraded"), proposal, state="closed")
    with engine.connect() as conn:
        told = outbox.of_window(conn, "triage", "2026-10")
    assert (after.state, bool(told)) == (("evaluated", False) if overtaken else ("closed", True))
