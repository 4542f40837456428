"""Taking a window as far as its labels allow: collect, evaluate, publish, close.

Each step is committed before the next begins, and each effect carries a key of its own, so that a run
that was killed anywhere is completed by the next one with the same outcome.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from calib.alerts import Previous, blind, early_warning, rejected_share, window_alerts
from calib.cycle.early import early_watch
from calib.cycle.evaluation import evaluate
from calib.cycle.ports import Ports, Watch
from calib.db import windows
from calib.db.windows import Window
from calib.errors import Conflict
from calib.mapping import Mapping
from calib.outbox import queue as outbox
from calib.review import outcomes, queue
from calib.store import Entry, head, history, promote, publish
from calib.traffic import Interval

if TYPE_CHECKING:
    from sqlalchemy import Connection

PUBLISHER = "calibwatch"
ATTEMPTS = 5  # at a channel that others move at the same time
NAMESPACE = uuid.UUID("6f7a2d4c-6d5b-5e0a-9f0e-0c1b7d1f2a33")


def advance(window: Window, ports: Ports) -> Window:
    """Take the window on until it is closed, insufficient, or waiting for labels."""
    if window.state in ("closed", "insufficient"):
        return window
    if window.state in ("sampled", "in_review"):
        window = _collect(window, ports)
        if not _due(window, ports):
            _warn_early(window, ports)
            return window
        window = _evaluate(window, ports)
    if window.state == "evaluated":
        window = _publish_and_close(window, ports)
    return window


def _collect(window: Window, ports: Ports) -> Window:
    """Fetch the labels that arrive by themselves."""
    if Watch.from_json(window.settings).outcomes:
        known_by = min(ports.now(), window.closes_at)
        with ports.engine.connect() as conn:
            ids = queue.unlabelled(conn, window.id)
        found = ports.traffic.outcomes(ids, Interval(window.starts_at, window.ends_at), known_by=known_by)
        with ports.engine.begin() as conn:
            outcomes.sync(conn, window.id, found, now=ports.now())
    with ports.engine.begin() as conn:
        if Watch.from_json(window.settings).outcomes or queue.progress(conn, window.id).begun:
            windows.advance(conn, window.id, expect="sampled", state="in_review")
    return _reload(window, ports)


def _due(window: Window, ports: Ports) -> bool:
    with ports.engine.connect() as conn:
        progress = queue.progress(conn, window.id)
    return progress.complete or ports.now() >= window.closes_at


def _warn_early(window: Window, ports: Ports) -> None:
    """Tell people, once, that the labels so far speak against the mapping."""
    early = early_watch(window, ports)
    if early is not None and early.alarm:
        with ports.engine.begin() as conn:
            outbox.put(conn, early_warning(window.stream, window.period, early.to_json()), now=ports.now())


def _evaluate(window: Window, ports: Ports) -> Window:
    """Commit what the labels say and what they propose; where they cannot say anything, close."""
    done = evaluate(window, ports)
    if done.insufficient is not None:
        return _close(window, ports, done.result, state="insufficient")
    with ports.engine.begin() as conn:
        windows.advance(
            conn,
            window.id,
            expect=window.state,
            state="evaluated",
            evaluated_at=ports.now(),
            result=done.result | {"proposal": done.proposal()},
            resets_baseline=done.confirmed_change,
        )
    return _reload(window, ports)


def _publish_and_close(window: Window, ports: Ports) -> Window:
    """Carry out the committed proposal, decide again where the channel has moved, close with the alerts."""
    for _ in range(ATTEMPTS):
        result = dict(window.result or {})
        proposal = result.pop("proposal")
        try:
            entry = _carry_out(window, ports, proposal)
        except Conflict:
            there = head(ports.store, stream=window.stream, channel=window.channel)
            if there is not None and there.by != PUBLISHER:
                return _close(window, ports, _stand_back(result, there), state="closed")
            window = _evaluate(replace(window, state="evaluated"), ports)
            continue
        if entry is not None and proposal["mapping"] is not None:
            result["refit"] |= {"published": True, "generation": entry.generation}
        return _close(window, ports, result, state="closed")
    raise Conflict(
        f"{window.stream}/{window.channel}: others moved the channel {ATTEMPTS} times while "
        f"{window.period} was being published; run it again"
    )


def _carry_out(window: Window, ports: Ports, proposal: dict[str, Any]) -> Entry | None:
    """Publish the proposed mapping, or renew the one that is upheld.

    The publish id is the window's own: a second attempt finds the entry of the first.
    """
    watch = Watch.from_json(window.settings)
    at = window.ends_at if window.replay else ports.now()
    log = history(ports.store, stream=window.stream, channel=window.channel)
    expected = next((entry for entry in log if entry.digest == proposal["expected"]), None)
    where: dict[str, Any] = {
        "channel": window.channel,
        "publish_id": str(uuid.uuid5(NAMESPACE, f"{window.stream}/{window.period}/{window.channel}")),
        "at": at,
        "by": PUBLISHER,
        "expires_at": watch.expiry(at),
        "expected": expected,
    }
    if proposal["mapping"] is not None:
        mapping = Mapping.from_bytes(proposal["mapping"].encode())
        return publish(ports.store, mapping, reason=f"refit on {window.period}", **where)
    if expected is not None and proposal["renew"]:
        reason = f"upheld by {window.period}"
        return promote(ports.store, stream=window.stream, digest=expected.mapping, reason=reason, **where)
    return None


def _stand_back(result: dict[str, Any], there: Entry) -> dict[str, Any]:
    """A person moved the channel while this window was being evaluated: their decision stands."""
    reason = f"{there.by} moved the channel meanwhile ({there.reason}): that decision stands"
    return result | {"refit": result["refit"] | {"published": False, "reason": reason, "mapping": None}}


def _close(window: Window, ports: Ports, result: dict[str, Any], *, state: str) -> Window:
    """The window's final state and its alerts, in one transaction."""
    now = ports.now()
    result = result | {"state": state}
    with ports.engine.begin() as conn:
        watch = Watch.from_json(window.settings)
        alerts = window_alerts(
            result, previous=_previous(conn, window), max_rise=watch.max_rise, scope=watch.scope
        )
        closed = windows.advance(
            conn, window.id, expect=window.state, state=state, closed_at=now, result=result
        )
        if closed:  # else another run was faster, and said the same
            for alert in alerts:
                outbox.put(conn, alert, now=now)
    return _reload(window, ports)


def _previous(conn: Connection, window: Window) -> Previous:
    """What the alert policy needs to know of the windows before this one."""
    before = windows.earlier(conn, window.stream, before=window.starts_at)
    told = outbox.kinds_of(conn, window.stream)
    last = next((w for w in before if told.get(w.period, set()) & {"degraded", "recovered"}), None)
    is_open = last is not None and "degraded" in told[last.period]
    served = last.result["served"] if last is not None and last.result else None
    last_result = before[0].result if before else None
    return Previous(
        degradation_open=is_open,
        degraded_mappings=tuple(part["mapping"] for part in served["mappings"]) if served else (),
        rejected_share=rejected_share(last_result) if last_result else None,
        blind=blind(last_result) if last_result else False,
        scope=before[0].settings.get("scope") if before else None,
    )


def _reload(window: Window, ports: Ports) -> Window:
    with ports.engine.connect() as conn:
        found = windows.by_ids(conn, [window.id])
    return found[0]
