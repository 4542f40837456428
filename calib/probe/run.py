"""One run of a probe: ask what has no reply yet, read, compare with what was accepted, tell.

A run's key is (probe, period, setup). Each reply is committed as it comes, so that a run that was killed asks
for the rest alone, and one that is finished asks nothing; its alerts carry the key, so that
running it twice changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import anyio

from calib.alerts import probe_alerts
from calib.db import probes
from calib.db.probes import Run, Stored
from calib.elicit import Asked, ask_all, framings
from calib.errors import EndpointRefused, InvalidInput
from calib.json_object import Json
from calib.outbox import queue as outbox
from calib.probe.endpoint import Asks, Completion
from calib.probe.probe import Probe, digest_of
from calib.probe.questions import FEWEST
from calib.probe.reading import read
from calib.probe.result import result_of
from calib.results.probe import ProbeResult

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


def run_probe(probe: Probe, *, period: str, engine: Engine, asks: Asks, now: Callable[[], datetime]) -> Json:
    """Take a period's run as far as the endpoint allows, and return its result.

    Questions that got no reply are asked again by the next call for the same period. Raises nothing for an
    endpoint that fails: that is a result, `cannot_see`, and an alert.
    """
    with engine.begin() as conn:
        run = _open(conn, probe, period, now())
        answered = {(stored.question_id, stored.framing) for stored in probes.replies(conn, run.id)}
    if run.accepted_at is None and not (run.result and not run.result["replies"]["failed"]):
        failed, refused = _ask(probe, run, answered, engine=engine, asks=asks, now=now)
        _evaluate(engine, probe, run, failed=failed, refused=refused, now=now())
    with engine.begin() as conn:
        return account(conn, run)


def accept_run(probe: Probe, *, period: str, engine: Engine, by: str, now: Callable[[], datetime]) -> Json:
    """Make a period's finished run the one that later runs are compared with (idempotent).

    Raises `InvalidInput` if there is no such run, or too little of it could be read to compare with.
    """
    with engine.begin() as conn:
        run = _open(conn, probe, period, now())
        if run.result is None or len(probes.outcomes(conn, run.id)) < FEWEST:
            raise InvalidInput(
                f"probe {probe.name}: {period} has fewer than {FEWEST} replies that can be read, so there is "
                f"nothing to accept; `calib probe {probe.name}` asks"
            )
        probes.accept(conn, run.id, by=by, now=now())
        return account(conn, run)


def account(conn: Connection, run: Run) -> Json:
    """The run as `calib probe --json` shows it, with its alerts as they stand now."""
    run = probes.reload(conn, run.id)
    at = None if run.accepted_at is None else run.accepted_at.isoformat()
    alerts_sent = outbox.of_window(conn, run.probe, run.period)
    return (run.result or {}) | {"accepted_at": at, "accepted_by": run.accepted_by, "alerts": alerts_sent}


def _open(conn: Connection, probe: Probe, period: str, now: datetime) -> Run:
    setup = probe.setup
    digest = digest_of(setup)
    return probes.open_run(conn, probe=probe.name, period=period, setup=setup, digest=digest, now=now)


def _ask(
    probe: Probe,
    run: Run,
    answered: set[tuple[str, int]],
    *,
    engine: Engine,
    asks: Asks,
    now: Callable[[], datetime],
) -> tuple[dict[str, int], str | None]:
    """Ask what has no reply yet; how many got none, by kind of error, and why nothing can, if nothing can."""
    requests = [
        (question.id, i, prompt)
        for question in probe.questions
        for i, prompt in enumerate(framings(question.text, n=probe.framings, size=probe.size))
        if (question.id, i) not in answered
    ]

    def heard(position: int, reply: Asked[Completion]) -> None:
        if reply.reply is not None:
            question_id, i, _ = requests[position]
            stored = Stored(
                question_id=question_id, framing=i, text=reply.reply.text, model=reply.reply.model
            )
            with engine.begin() as conn:
                probes.keep_reply(conn, run.id, stored, at=now())

    async def all_of_them() -> list[Asked[Completion]]:
        async with asks:
            return await ask_all(
                asks.ask,
                [prompt for _, _, prompt in requests],
                concurrency=probe.concurrency,
                attempts=probe.attempts,
                deadline=probe.deadline,
                heard=heard,
            )

    if not requests:
        return {}, None
    try:
        replies = anyio.run(all_of_them)
    except EndpointRefused as error:
        with engine.connect() as conn:
            arrived = len(probes.replies(conn, run.id)) - len(answered)
        return {"refused": len(requests) - arrived}, str(error)
    return dict(Counter(_kind(reply.error) for reply in replies if reply.error is not None)), None


def _kind(error: Exception) -> str:
    names = {"TimeoutError": "too_late", "EndpointBusy": "busy", "EndpointError": "rejected"}
    return names.get(type(error).__name__, type(error).__name__)


def _evaluate(
    engine: Engine, probe: Probe, run: Run, *, failed: dict[str, int], refused: str | None, now: datetime
) -> None:
    """Read and compare, then commit the result with its alerts in one transaction."""
    with engine.connect() as conn:
        replies, accepted, last = (
            probes.replies(conn, run.id),
            probes.accepted(conn, probe.name),
            probes.before(conn, run),
        )
        outcomes = [] if accepted is None else probes.outcomes(conn, accepted.id)
    reading = read(probe.questions, replies, match=probe.match)
    result = result_of(
        probe, run, reading, accepted=accepted, outcomes=outcomes, failed=failed, refused=refused
    )
    known = None if last is None or last.result is None else ProbeResult.from_json(last.result)
    if known is not None and _compared_with(known) != _compared_with(result):
        known = None
    alerts = probe_alerts(result, before=known)
    with engine.begin() as conn:
        if probes.finish(conn, run, result=result.to_json(), outcomes=reading.outcomes, now=now):
            for alert in alerts:
                outbox.put(conn, alert, now=now)


def _compared_with(result: ProbeResult) -> int | None:
    return None if result.accepted is None else result.accepted.run
