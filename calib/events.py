"""Telling Prefect that labels have arrived, wherever Prefect itself finds its server."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from calib.redaction import reason

EVENT = "labels.arrived"  # what the deployment of evaluate-windows waits for
RESOURCE = "calibwatch.stream.{}"
PATIENCE = 5.0  # seconds for the server's answer


def labels_arrived(stream: str) -> bool:
    """Emit the event on which `evaluate-windows` runs at once; False if no server was informed.

    Only a courtesy: the daily run would find the labels too. So nothing that Prefect does here is an error,
    and a server that does not answer is given up after a few seconds.
    """
    if not may_have_server(os.environ, cwd=Path.cwd(), home=Path.home()):
        return False
    try:
        return _send(stream)
    except Exception as error:  # noqa: BLE001  whatever goes wrong in there, the labels are stored
        logging.getLogger(__name__).warning(
            "Prefect could not be informed of new labels of %s (%s); the next scheduled run finds them",
            stream,
            reason(error),
        )
        return False


def may_have_server(environment: Mapping[str, str], *, cwd: Path, home: Path) -> bool:
    """Whether there is anything from which Prefect could know a server; if not, it need not be imported.

    Importing Prefect takes a second or two. It reads its settings from environment variables named PREFECT_…,
    from `.env`, `prefect.toml` and the table `tool.prefect` of `pyproject.toml` in the working directory, and
    from the profiles below PREFECT_HOME or ~/.prefect. Where none of these is there its address is unset: its
    built-in profile names no server. A file that merely mentions Prefect is enough to ask Prefect itself.
    """
    return (
        any(name.upper().startswith("PREFECT") for name in environment)
        or (cwd / "prefect.toml").exists()
        or (home / ".prefect" / "profiles.toml").exists()
        or any(_mentions_prefect(cwd / name) for name in (".env", "pyproject.toml"))
    )


def _mentions_prefect(path: Path) -> bool:
    try:
        return b"prefect" in path.read_bytes().lower()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # what cannot be read here, Prefect may still know how to read


def _send(stream: str) -> bool:
    """Post the event, if Prefect's own settings name a server: one request, no thread, no web socket."""
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    if not PREFECT_API_URL.value():
        return False
    from prefect.client.orchestration import get_client
    from prefect.events import Event

    resource = {"prefect.resource.id": RESOURCE.format(stream), "prefect.resource.name": stream}
    event = Event.model_validate({"occurred": datetime.now(UTC), "event": EVENT, "resource": resource})
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(httpx_settings={"timeout": PATIENCE}, sync_client=True) as client,
    ):
        client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()
    return True
