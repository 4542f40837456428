"""Windows whose answers come from elsewhere: how they get there, and what is taken away in the end."""

from __future__ import annotations

import logging
from functools import partial

from calib.cycle.ports import Ports
from calib.cycle.stream import StreamPolicy, review_kind
from calib.db.windows import Window
from calib.errors import StudioError
from calib.redaction import reason
from calib.review.sources import Elsewhere, source_of
from calib.traffic import Interval

LOG = logging.getLogger(__name__)


def elsewhere(window: Window, ports: Ports) -> Elsewhere:
    """Where the answers to a window's rows may come from."""
    return Elsewhere(
        outcomes=partial(ports.traffic.outcomes, interval=Interval(window.starts_at, window.ends_at)),
        studio=partial(ports.studio, window.stream, window.settings.get("studio")),
    )


def put_up(window: Window, ports: Ports) -> None:
    """Take the rows of a window that was just opened to where people answer.

    Raises `StudioError` where that fails: the window is open all the same, and evaluating it tries again.
    """
    put_rows_up = source_of(review_kind(window.settings)).put_up
    if put_rows_up is None or not window.waits:
        return
    try:
        put_rows_up(ports.engine, window, elsewhere(window, ports))
    except StudioError as error:
        raise type(error)(
            f"{window.stream}: the window of {window.period} is open, but its rows are not all put up for "
            f"review: {error}. `calib evaluate {window.stream}` tries again"
        ) from None


def wind_up(window: Window, ports: Ports) -> None:
    """Take away what a window that has ended left where people answer; where that fails, later is as good."""
    wind_stream_up = source_of(review_kind(window.settings)).wind_up
    if wind_stream_up is None:
        return
    try:
        wind_stream_up(ports.engine, window.stream, elsewhere(window, ports), now=ports.now())
    except StudioError as error:
        keys = {"event": "not_wound_up", "stream": window.stream, "period": window.period}
        LOG.warning("%s %s: %s", window.stream, window.period, reason(error), extra=keys)


def wind_up_stream(policy: StreamPolicy, ports: Ports, windows: list[Window]) -> None:
    """Take away what any ended window of a stream left where people answer; raises where that fails."""
    wind_stream_up = source_of(policy.review_kind).wind_up
    if wind_stream_up is not None and windows:
        wind_stream_up(ports.engine, policy.stream, elsewhere(windows[-1], ports), now=ports.now())
