"""`/metrics`: what Prometheus reads, without a session.

With `CALIB_METRICS_TOKEN` the token is asked for, whoever reads. Without it this machine alone is answered,
and only while nothing says that the pages stand behind a proxy (docs/adr/0185-who-may-read-metrics.md).
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from calib.app import App
from calib.errors import StoreError
from calib.format import Entry
from calib.metrics import CONTENT_TYPE, collect, text_of
from calib.web.asking import TheSite
from calib.web.options import LOOPBACK_NAMES, name_of_host
from calib.web.site import Site
from calib.web.streams.heads import Heads
from calib.web.visitors import came_through_proxy

router = APIRouter()
FRESH = 10.0  # seconds for which an answer is repeated: several servers may read in each minute
CHANNELS = timedelta(seconds=60)


class MetricsText:
    """The text of `/metrics`, read anew when it is older than `FRESH`; one thread reads at a time."""

    def __init__(self, app: App, heads: Heads, *, clock: Callable[[], float]) -> None:
        self._app, self._heads, self._clock = app, heads, clock
        self._lock = threading.Lock()
        self._made: float | None = None
        self._text = b""

    def text(self) -> bytes:
        """The text; `SourceError` where the database does not answer."""
        with self._lock:
            if self._made is None or self._clock() - self._made >= FRESH:
                self._heads.refresh(list(self._app.settings.streams), at_most=CHANNELS)
                self._text = text_of(collect(self._app, entry_of=self._entry))
                self._made = self._clock()
            return self._text

    def _entry(self, stream: str) -> Entry | None:
        head = self._heads.of(stream, at_most=CHANNELS)
        if head.trouble is not None:
            raise StoreError(head.trouble)
        return head.entry


@router.get("/metrics")
def metrics(request: Request, site: TheSite) -> Response:
    """All metrics in Prometheus' text format."""
    refused = _refused(request, site)
    if refused is not None:
        return refused
    kept: MetricsText = request.app.state.metrics
    return Response(kept.text(), media_type=CONTENT_TYPE)


def _refused(request: Request, site: Site) -> Response | None:
    secret = site.project.settings.metrics_token
    if secret is not None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = secret.get_secret_value().encode()
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token):
            return None
        seconds = site.sign_ins.wait(request.client.host if request.client else "")
        if seconds:
            return PlainTextResponse(f"Wait {seconds} seconds.\n", 429, {"retry-after": str(seconds)})
        return PlainTextResponse(
            "Send the token of CALIB_METRICS_TOKEN: `authorization: credentials` in Prometheus' settings.\n",
            401,
            {"www-authenticate": "Bearer"},
        )
    host = name_of_host(request.headers.get("host", "")) or ""
    through_proxy = came_through_proxy(request.headers, site.options)
    if site.options.loopback and site.url is None and host in LOOPBACK_NAMES and not through_proxy:
        return None
    return PlainTextResponse(
        "Metrics are for this machine alone until CALIB_METRICS_TOKEN is set where `calib web` runs.\n", 403
    )
