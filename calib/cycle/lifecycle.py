"""Taking a window as far as its labels allow: collect labels, load, evaluate, publish, close.

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

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from calib.alerts import (
    Previous,
    early_warning,
    labels_not_found,
    rejected_share,
    underpowered,
    window_alerts,
)
from calib.alerts.episodes import Episode, take_turn
from calib.alerts.note import quiet_line
from calib.cycle.data import WindowData
from calib.cycle.early import early_watch
from calib.cycle.elsewhere import elsewhere, wind_up
from calib.cycle.evaluation import Proposal, evaluate, stored_proposal, stored_result
from calib.cycle.load import load_window
from calib.cycle.order import waits_for
from calib.cycle.own_entries import window_publish_id
from calib.cycle.ports import Ports
from calib.cycle.readable import ANSWERS_LEFT_OUT, ROWS_GONE
from calib.cycle.reconstruction import reconstruct
from calib.cycle.reporting import store_report
from calib.cycle.reviewers import nothing_waits
from calib.cycle.stream import CANDIDATE, StreamPolicy
from calib.db import episodes, windows
from calib.db.windows import Window
from calib.errors import Conflict
from calib.format import Mapping
from calib.json_object import Json
from calib.outbox import queue as outbox
from calib.policy import PUBLISH_ATTEMPTS
from calib.reasons import Reason
from calib.results import WindowResult
from calib.results.window import WindowState
from calib.review import queue
from calib.review.sources import source_of
from calib.store import PUBLISHER, Entry, Intent, head, promote, publish, recent
from calib.times import moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOG = logging.getLogger(__name__)
SAYS = {
    "evaluated": "evaluated",
    "closed": "closed",
    "insufficient": "closed without enough evidence",
    "overtaken": "another run was faster; its result stands",
    "stood_back": "a person moved the channel meanwhile; their decision stands",
    "decided_again": "the channel was moved meanwhile; deciding again",
    "waits": "complete, and waits for the periods before it, whose labels are its baseline",
    "early_warning": "the labels so far speak against the mapping",
}


def advance(window: Window, ports: Ports) -> Window:
    """Take the window on until it is closed, insufficient, or waiting for labels."""
    return advance_and_keep(window, ports)[0]


def advance_and_keep(window: Window, ports: Ports) -> tuple[Window, WindowData | None]:
    """As `advance`, and what was read of a window that still waits; None where it does not."""
    policy = StreamPolicy.from_json(window.settings)
    was_unfinished = window.unfinished
    if window.waits:
        window = _collect(window, policy, ports)
    if window.waits:
        data = load_window(window, engine=ports.engine, store=ports.store)
        if not (data.cohort.complete or ports.now() >= window.closes_at):
            _warn_early(data, ports)
            return window, data
        with ports.engine.connect() as conn:
            earlier = waits_for(conn, window, now=ports.now())
        drawn = len(data.cohort.id) > 0  # else nothing is compared with anything
        if earlier and drawn:
            _log("waits", window, earlier=list(earlier))
            return window, data
        if drawn and reconstruct(window, data.design, policy, ports):
            window = _reload(window, ports)
            data = load_window(window, engine=ports.engine, store=ports.store)
        if window.waits:  # else another run was faster
            window = _evaluate(data, ports)
    if window.state == "evaluated":
        window = _publish_and_close(window, policy, ports)
    store_report(window, ports)
    if was_unfinished and not window.unfinished:
        wind_up(window, ports)
    return window, None


def _collect(window: Window, policy: StreamPolicy, ports: Ports) -> Window:
    """Fetch the labels that arrive elsewhere."""
    source = source_of(policy.review_kind)
    if source.fetch is not None:
        fetched = source.fetch(ports.engine, window, elsewhere(window, ports), now=ports.now())
        with ports.engine.begin() as conn:
            counts = {ANSWERS_LEFT_OUT: fetched.not_an_answer, ROWS_GONE: fetched.not_found}
            windows.count(conn, window.id, counts)
            if gone := fetched.not_found:
                alert = labels_not_found(
                    window.stream,
                    window.period,
                    gone=gone,
                    waiting=fetched.waiting,
                    revision=window.revision,
                )
                outbox.put(conn, alert, now=ports.now())
    with ports.engine.begin() as conn:
        if source.fetch is not None or queue.begun(conn, window.id):
            windows.advance(conn, window.id, expect="sampled", state="in_review")
    return _reload(window, ports)


def _warn_early(data: WindowData, ports: Ports) -> None:
    """Tell people, once, that the labels so far speak against the mapping."""
    early, window = early_watch(data), data.window
    if early is None or not early.alarm:
        return
    with ports.engine.begin() as conn:
        if not windows.by_ids(conn, [window.id])[0].waits:  # the verdict is known
            return
        begun = Episode.begin(
            "early_warning",
            window.stream,
            window.period,
            revision=window.revision,
            now=ports.now(),
            since=window.ends_at,
        )
        alert = early_warning(
            window.stream,
            window.period,
            early,
            revision=window.revision,
            episode=begun.id,
            by_itself=source_of(data.policy.review_kind).by_itself,
        )
        is_new = outbox.put(conn, alert, now=ports.now())
        if is_new:
            episodes.begin(conn, begun, "early_warning")
    if is_new:
        _log("early_warning", window)


def _evaluate(data: WindowData, ports: Ports) -> Window:
    """Commit what the labels say and what they propose; where they cannot say anything, close."""
    window, evaluation = data.window, evaluate(data)
    if evaluation.insufficient is not None:
        baseline = data.baseline.to_json()
        proposal = evaluation.proposal
        return _close(
            window,
            data.policy,
            ports,
            evaluation.result,
            proposal,
            state="insufficient",
            baseline=baseline,
        )
    with ports.engine.begin() as conn:
        evaluated = windows.advance(
            conn,
            window.id,
            expect=window.state,
            state="evaluated",
            decided=window.result,
            evaluated_at=ports.now(),
            baseline=data.baseline.to_json(),
            result=evaluation.to_json(),
            resets_baseline=evaluation.confirmed_change,
        )
    _log("evaluated" if evaluated else "overtaken", window)
    return _reload(window, ports)


def _publish_and_close(window: Window, policy: StreamPolicy, ports: Ports) -> Window:
    """Carry out the stored proposal, decide again where the channel has moved, close with the alerts."""
    for _ in range(PUBLISH_ATTEMPTS):
        if window.state != "evaluated":  # another run has closed it
            return window
        result, proposal = stored_result(window), stored_proposal(window)
        try:
            entry = _carry_out(window, policy, ports, proposal)
        except Conflict:
            newest = head(ports.store, stream=window.stream, channel=window.channel)
            if newest is not None and newest.by != PUBLISHER and not newest.withdrawn:
                _log("stood_back", window, generation=newest.generation)
                result = _stand_back(result, newest)
                window = _close(window, policy, ports, result, proposal, state="closed")
            else:
                _log("decided_again", window)
                data = load_window(window, engine=ports.engine, store=ports.store)
                window = _evaluate(data, ports)
            continue
        if entry is not None and proposal.mapping is not None:
            refit = replace(
                result.refit,
                published=not result.refit.upheld,
                generation=entry.generation,
                mapping=entry.mapping,  # another one where other labels came before a restore
            )
            result = replace(result, refit=refit)
        window = _close(window, policy, ports, result, proposal, state="closed")
    if window.state != "evaluated":
        return window
    raise Conflict(
        f"{window.stream}/{window.channel}: others moved the channel {PUBLISH_ATTEMPTS} times while "
        f"{window.period} was being published; run it again"
    )


def _carry_out(window: Window, policy: StreamPolicy, ports: Ports, proposal: Proposal) -> Entry | None:
    """Publish the new mapping, or renew the one that was upheld, anew where it lost certificates.

    The publish id is the window's own: a second attempt finds the entry of the first.
    """
    at = window.ends_at if window.replay else ports.now()
    channel = window.channel
    log = recent(ports.store, stream=window.stream, channel=window.channel, since=window.starts_at)
    expected = next((entry for entry in log if entry.digest == proposal.expected), None)
    if expected is not None and expected.withdrawn:
        if log[-1] != expected:
            raise Conflict(f"{window.stream}/{channel} is withdrawn no more; decide again")
        channel = CANDIDATE
        log = recent(ports.store, stream=window.stream, channel=channel, since=window.starts_at)
        expected = next((entry for entry in log if entry.digest == proposal.candidate), None)
    intent = Intent(
        publish_id=window_publish_id(window, channel),
        at=at,
        by=PUBLISHER,
        reason=f"upheld by {window.period}" if proposal.renew else f"refit on {window.period}",
        expires_at=policy.expiry(at),
        since=window.ends_at,
    )
    if proposal.mapping is not None:
        mapping = Mapping.from_bytes(proposal.mapping.encode())
        return publish(ports.store, mapping, channel=channel, intent=intent, expected=expected)
    if proposal.renew:
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


def _stand_back(result: WindowResult, newest: Entry) -> WindowResult:
    """A person moved the channel while this window was being evaluated: their decision stands."""
    why = Reason("refit_channel_moved", {"by": newest.by, "entry_reason": newest.reason})
    return replace(result, refit=replace(result.refit, published=False, mapping=None, **why.fields()))


def _close(
    window: Window,
    policy: StreamPolicy,
    ports: Ports,
    result: WindowResult,
    proposal: Proposal,
    *,
    state: WindowState,
    **columns: Json,
) -> Window:
    """The window's final state, whether it stands, its alerts and its part in episodes: one transaction."""
    now = ports.now()
    result = replace(result, state=state)
    withdrawn_at = None if proposal.withdrawn_at is None else moment(proposal.withdrawn_at)
    with ports.engine.begin() as conn:
        if window.revision > 1:
            windows.lock(conn, window.stream, window.period)
        previous = _previous(conn, window, compared=result.baseline.periods)
        turn = take_turn(
            episodes.open_of(conn, window.stream, until=window.ends_at),
            result,
            max_rise=policy.max_rise,
            scope_changed=previous.scope is not None and previous.scope != policy.scope,
            withdrawn_at=withdrawn_at,
            ends_at=window.ends_at,
            now=now,
        )
        result = replace(result, episode=turn.current)
        alerts = window_alerts(
            result,
            previous=previous,
            turn=turn,
            scope=policy.scope,
            by_itself=source_of(policy.review_kind).by_itself,
            withdrawn=withdrawn_at is not None,
            summed_up=ports.summed_up,
            report=None
            if ports.reports is None
            else ports.reports.link(window.stream, window.period, window.revision),
        )
        closed = windows.advance(
            conn,
            window.id,
            expect=window.state,
            state=state,
            decided=window.result,
            closed_at=now,
            result=result.to_json(),
            **columns,
        )
        if closed and window.revision > 1:
            windows.settle_standing(conn, window.stream, window.period)
        if closed:  # else another run was faster
            source_of(policy.review_kind).close(conn, window)
            nothing_waits(conn, window, now=now)
            episodes.record(conn, turn, window.period)
            for alert in alerts:
                outbox.put(conn, alert, now=now)
            if ports.quiet_line and not alerts:
                outbox.put(conn, quiet_line(result), now=now)
    kinds = [alert.kind for alert in alerts] if closed else []
    _log(state if closed else "overtaken", window, alerts=kinds)
    return _reload(window, ports)


def _previous(conn: Connection, window: Window, *, compared: Sequence[str] = ()) -> Previous:
    """What the alert policy needs to know of the windows before this one.

    `compared`: the periods of its baseline.
    """
    before = windows.outlines(conn, window.stream, before=window.starts_at)
    standing = [w for w in before if w.standing]
    needed = [w.id for w in standing[:1]] + [w.id for w in standing if w.period in compared]
    results = {w.id: stored_result(w) for w in windows.by_ids(conn, needed) if w.result}
    latest = results.get(standing[0].id) if standing else None
    return Previous(
        rejected_share=None if latest is None else rejected_share(latest),
        underpowered=latest is not None and underpowered(latest),
        scope=standing[0].settings.get("scope") if standing else None,
        other_scope=any(w.settings.get("scope") != window.settings.get("scope") for w in before),
        compared=next((results[w.id] for w in standing if w.period in compared and w.id in results), None),
    )


def _log(event: str, window: Window, **more: object) -> None:
    """A step that a window took, after it was committed."""
    keys = {"event": event, "stream": window.stream, "period": window.period, "channel": window.channel}
    LOG.info("%s %s: %s", window.stream, window.period, SAYS[event], extra=keys | more)


def _reload(window: Window, ports: Ports) -> Window:
    with ports.engine.connect() as conn:
        return windows.by_ids(conn, [window.id])[0]
