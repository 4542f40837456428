"""What production served in a window, reconstructed once more when the window is evaluated.

A backfill publishes as of the end of each period. Where labels come later than the windows were opened, the
channel did not say yet what served them, and says so now (ADR 120).
"""

from __future__ import annotations

import logging

from calib.cycle.design import Design
from calib.cycle.load import load_serving
from calib.cycle.ports import Ports
from calib.cycle.stream import StreamPolicy
from calib.db import windows
from calib.db.windows import Window
from calib.review import window_labels
from calib.traffic import Interval

LOG = logging.getLogger(__name__)


def reconstruct(window: Window, design: Design, policy: StreamPolicy, ports: Ports) -> bool:
    """Store what production served by the channel's log as it is now; False where that is stored already.

    Served values that the client logged stay as they are. Where the traffic has other rows than it had when
    the window was opened, the reconstruction of then stays, and a log line says so.
    """
    if design.served_source == "logged" or design.spans is None or not design.sizes.sum():
        return False
    serving = load_serving(
        ports.store,
        stream=window.stream,
        channel=window.channel,
        scope=policy.scope,
        start=window.starts_at,
        end=window.ends_at,
    )
    if serving.spans == design.spans:
        return False
    survey = ports.traffic.survey(Interval(window.starts_at, window.ends_at), eras=serving.breaks)
    remade = design.reconstructed(survey, serving)
    keys = {"event": "reconstructed", "stream": window.stream, "period": window.period}
    if remade is None:
        LOG.warning(
            "%s %s: the traffic has other rows than when the window was opened; what was served stays as it "
            "was reconstructed then",
            window.stream,
            window.period,
            extra=keys | {"event": "traffic_changed"},
        )
        return False
    with ports.engine.begin() as conn:
        if windows.replace_design(conn, window, remade.to_json()):
            window_labels.serve_again(conn, window.id, serving.at)
    LOG.info("%s %s: what was served is reconstructed anew", window.stream, window.period, extra=keys)
    return True
