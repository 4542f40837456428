"""Taking a window as far as its labels allow: collect, evaluate, publish, close.

Each step is committed before the next begins, and each effect carries a key of its own, so that a run
that was killed anywhere is completed by the next one with the same outcome.

Several runs may work on one window at the same time. Three rules make that as if there was only one:

1. After every step that reads the window again, its state is looked at again, and what to do next follows
   from that state alone.
2. A window only moves forward, from the state that was read (`windows.advance`). A run that was overtaken
   writes nothing and goes on with what the faster one stored.
3. The proposal that is carried out is the stored one, and the window is closed only with the result that
   holds that proposal. Every run therefore publishes the same mapping under the same publish id.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection

from calib.alerts import Previous, blind, early_warning, rejected_share, window_alerts
from calib.cycle.early import early_watch
from calib.cycle.evaluation import evaluate
from calib.cycle.ports import Ports, Watch
from calib.db import windows
from calib.db.windows import Window
from calib.errors import Conflict
from calib.format import Mapping
from calib.outbox import queue as outbox
from calib.review import outcomes, queue
from calib.store import Entry, Intent, head, promote, publish, recent
from calib.traffic import Interval

PUBLISHER = "calibwatch"
ATTEMPTS = 5  # at a channel that others move at the same time
NAMESPACE = uuid.UUID("6f7a2d4c-6d5b-5e0a-9f0e-0c1b7d1f2a33")


def advance(window: Window, ports: Ports) -> Window:
    """Take the window on until it is closed, insufficient, or waiting for labels."""
    if window.state in windows.LABELLED:
        window = _collect(window, ports)
    if window.state in windows.LABELLED:
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
            if windows.by_ids(conn, [window.id])[0].state in windows.LABELLED:  # else the verdict is known
                outbox.put(
                    conn, early_warning(window.stream, window.period, early.to_json()), now=ports.now()
                )


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
            decided=window.result,
            evaluated_at=ports.now(),
            result=done.result | {"proposal": done.proposal()},
            resets_baseline=done.confirmed_change,
        )
    return _reload(window, ports)


def _publish_and_close(window: Window, ports: Ports) -> Window:
    """Carry out the stored proposal, decide again where the channel has moved, close with the alerts."""
    for _ in range(ATTEMPTS):
        if window.state != "evaluated":  # another run has closed it
            return window
        result = dict(window.result or {})
        proposal = result.pop("proposal")
        try:
            entry = _carry_out(window, ports, proposal)
        except Conflict:
            newest = head(ports.store, stream=window.stream, channel=window.channel)
            if newest is not None and newest.by != PUBLISHER:
                window = _close(window, ports, _stand_back(result, newest), state="closed")
            else:
                window = _evaluate(window, ports)
            continue
        if entry is not None and proposal["mapping"] is not None:
            result["refit"] = result["refit"] | {"published": True, "generation": entry.generation}
        window = _close(window, ports, result, state="closed")
    if window.state != "evaluated":
        return window
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
    log = recent(ports.store, stream=window.stream, channel=window.channel, since=window.starts_at)
    expected = next((entry for entry in log if entry.digest == proposal["expected"]), None)
    renewal = proposal["mapping"] is None
    intent = Intent(
        publish_id=str(uuid.uuid5(NAMESPACE, f"{window.stream}/{window.period}/{window.channel}")),
        at=at,
        by=PUBLISHER,
        reason=f"upheld by {window.period}" if renewal else f"refit on {window.period}",
        expires_at=watch.expiry(at),
        since=window.ends_at,
    )
    if not renewal:
        mapping = Mapping.from_bytes(proposal["mapping"].encode())
        return publish(ports.store, mapping, channel=window.channel, intent=intent, expected=expected)
    if proposal["renew"]:
        if expected is None:
            raise Conflict(f"{window.stream}/{window.channel} has been moved meanwhile; decide again")
        return promote(
            ports.store,
            stream=window.stream,
            digest=expected.mapping,
            channel=window.channel,
            intent=intent,
            expected=expected,
        )
    return None


def _stand_back(result: dict[str, Any], newest: Entry) -> dict[str, Any]:
    """A person moved the channel while this window was being evaluated: their decision stands."""
    reason = f"{newest.by} moved the channel meanwhile ({newest.reason}): that decision stands"
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
            conn,
            window.id,
            expect=window.state,
            state=state,
            decided=window.result,
            closed_at=now,
            result=result,
        )
        if closed:  # else another run was faster
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
