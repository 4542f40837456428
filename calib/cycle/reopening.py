"""Second looks at a window by a person: watch its period anew, or leave it out of all baselines.

Both are kept with who did it, when and why. Nothing that was published or reported is taken back.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import Connection, Engine

from calib.cycle.design import Design
from calib.cycle.kinds import refuse_other_kind
from calib.cycle.opening import open_revision
from calib.cycle.ports import Ports
from calib.cycle.stream import StreamPolicy
from calib.db import windows
from calib.db.windows import Window
from calib.errors import InvalidInput
from calib.period import Period
from calib.review import window_labels

LOG = logging.getLogger(__name__)
LONGEST_REASON = 2_000  # characters


def reopen(policy: StreamPolicy, ports: Ports, period: Period, *, by: str, reason: str) -> Window:
    """Open the next revision of a period's window: a survey and a sample of its own, by the present settings.

    The seed is the same, so that equal rows draw the same sample. Labels of rows that earlier revisions drew
    too come along, late ones included. The revision that stands goes on standing until the new one is closed;
    one that still waits for labels is discarded in favour of the new one. The window keeps its channel, and
    whether it replays the past. Raises `InvalidInput` where the period was never opened, is just being
    published, or has no rows, for an empty reason, and where the settings name another kind of period; then
    nothing is changed.
    """
    _check(reason)
    with ports.engine.connect() as conn:
        refuse_other_kind(conn, policy)
        latest = _latest(conn, policy.stream, period.name)
        before = windows.lock(conn, policy.stream, period.name)
    revision = latest.revision + 1

    def discard_unfinished(conn: Connection) -> None:
        known = windows.lock(conn, policy.stream, period.name)
        _refuse_published(known)
        waiting = [window.id for window in known if window.waits and window.revision < revision]
        windows.discard(conn, waiting, at=ports.now())

    def take_over(conn: Connection, window_id: int) -> None:
        known = windows.lock(conn, policy.stream, period.name)
        earlier = [window.id for window in reversed(known) if window.id != window_id]
        window_labels.carry_over(conn, window_id, earlier=earlier)
        windows.record_action(
            conn, window_id, action="reopened", by=by, at=ports.now(), reason=reason.strip()
        )

    return open_revision(
        policy,
        ports,
        period,
        revision=revision,
        channel=latest.channel,
        replay=latest.replay,
        allow_empty=False,
        earlier=[
            Design.from_json(window.design)
            for window in reversed(before)
            if window.settings["labels"] == policy.labels
        ],
        before=discard_unfinished,
        after=take_over,
    )


def discard(engine: Engine, stream: str, period: str, *, by: str, reason: str, now: datetime) -> list[Window]:
    """Leave a period out of all baselines from now on; its revisions as they are afterwards, oldest first.

    They stay in the history with their results. What was published stays, and so does what was reported: an
    episode that is open stays open. Labels that still come in are kept. Done twice it is done once. Raises
    `InvalidInput` where the period was never opened or is just being published, and for an empty reason.
    """
    _check(reason)
    with engine.begin() as conn:
        _latest(conn, stream, period)
        known = windows.lock(conn, stream, period)
        _refuse_published(known)
        ids = [window.id for window in known if window.discarded_at is None]
        windows.discard(conn, ids, at=now)
        windows.settle_standing(conn, stream, period)
        for window_id in ids:
            windows.record_action(conn, window_id, action="discarded", by=by, at=now, reason=reason.strip())
        after = windows.lock(conn, stream, period)
    if ids:
        keys = {"event": "discarded", "stream": stream, "period": period}
        LOG.info("%s %s: discarded, it counts in no baseline", stream, period, extra=keys)
    return after


def _check(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("--reason is empty: write why, it stays in the history")
    if len(reason) > LONGEST_REASON:
        raise InvalidInput(f"--reason has more than {LONGEST_REASON:,} characters; write a shorter one")


def _latest(conn: Connection, stream: str, period: str) -> Window:
    latest = windows.find(conn, stream, period)
    if latest is None:
        raise InvalidInput(
            f"{stream} has no window of {period}; `calib window list {stream}` shows the periods that it "
            f"has, `calib run {stream} --period {period}` opens one"
        )
    return latest


def _refuse_published(known: list[Window]) -> None:
    for window in known:
        if window.state == "evaluated" and window.discarded_at is None:
            raise InvalidInput(
                f"{window.stream}: the window of {window.period} is evaluated and about to be published; "
                f"`calib evaluate {window.stream}` closes it, then do this again"
            )
