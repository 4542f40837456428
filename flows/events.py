"""Telling Prefect that labels have arrived, where there is a Prefect to tell."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from calib.redaction import reason

EVENT = "labels.arrived"  # what infra/prefect.yaml waits for
RESOURCE = "calibwatch.stream.{}"


def labels_arrived(stream: str) -> bool:
    """Emit the event on which `evaluate-windows` runs at once; False where nobody listens.

    Only a courtesy: the daily run would find the labels too. So nothing that Prefect does here is an error,
    and where no Prefect is configured it is not even imported.
    """
    if not (os.environ.get("PREFECT_API_URL") or (Path.home() / ".prefect" / "profiles.toml").is_file()):
        return False
    try:
        from prefect.events import emit_event
        from prefect.events.worker import EventsWorker
        from prefect.settings import PREFECT_API_URL

        if PREFECT_API_URL.value() is None:
            return False
        resource = {"prefect.resource.id": RESOURCE.format(stream), "prefect.resource.name": stream}
        emit_event(EVENT, resource=resource)
        EventsWorker.drain_all(timeout=10)  # before this process ends
    except Exception as error:  # noqa: BLE001  whatever Prefect raises
        logging.getLogger(__name__).warning(
            "Prefect was not told of new labels of %s: %s", stream, reason(error)
        )
        return False
    return True
