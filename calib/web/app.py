"""The application: its pages, and what stands before them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from calib.app import App
from calib.events import labels_arrived
from calib.web.asking import NotSignedInError
from calib.web.batches import Batches
from calib.web.door import Door
from calib.web.forms import ForgedFormError, PostedBeforeError
from calib.web.guard import Guard
from calib.web.options import WebOptions
from calib.web.rate import RateLimit
from calib.web.refusals import refusal
from calib.web.routes import (
    alerts,
    disagreements,
    health,
    labels,
    metrics,
    moves,
    overview,
    review,
    sign_in,
    start,
    stream_pages,
    versions,
)
from calib.web.site import STATIC, Site, admission_of
from calib.web.streams.fleet import Fleet

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig  # older versions of FastAPI have neither it nor spans

ROUTERS = (
    health.router,
    metrics.router,
    start.router,
    sign_in.router,
    labels.router,
    review.router,
    overview.router,
    versions.router,
    moves.router,
    disagreements.router,
    alerts.router,
    stream_pages.router,
)
SIGN_INS = {"burst": 10, "per_minute": 10}  # for each address that requests come from
# Spans would carry addresses with tokens, and texts of errors, to whatever collects them on this machine.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
POSTS = {"burst": 120, "per_minute": 240}  # for each session: nobody labels four items per second for long


def make_app(
    project: App,
    options: WebOptions,
    *,
    local_name: str,
    clock: Callable[[], float] = time.monotonic,
    told: Callable[[str], object] = labels_arrived,
) -> FastAPI:
    """The pages of a project as one ASGI application; its clock and its database are the project's.

    `local_name`: who labels where there are no reviewers; `clock` gives monotonic seconds, for the limits;
    `told` is called with a stream, in a thread of its own, when a batch of its labels has arrived.
    """
    site = Site(
        project=project,
        options=options,
        local_name=local_name,
        clock=clock,
        sign_ins=RateLimit(**SIGN_INS, clock=clock),
        posts=RateLimit(**POSTS, clock=clock),
        batches=Batches(told),
    )
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, title="calibwatch", telemetry=NO_TELEMETRY)
    app.state.site = site
    app.state.fleet = Fleet(project, clock=clock)
    app.state.metrics = metrics.MetricsText(project, app.state.fleet.heads, clock=clock)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.add_exception_handler(NotSignedInError, _not_signed_in)
    app.add_exception_handler(ForgedFormError, _forged)
    app.add_exception_handler(PostedBeforeError, _posted_before)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_middleware(Door, site=site)
    images = project.settings.web.images
    app.add_middleware(Guard, images=images, prefix=site.prefix, https=site.https)
    return app


class _Static(StaticFiles):
    """Files whose address changes with them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file, to be kept by the browser."""
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


def _not_signed_in(request: Request, _: Exception) -> Response:
    words = (
        "Open the link that an admin sent you. It works once, within 24 hours; for a new one ask for "
        "`calib reviewers link NAME`."
    )
    if not admission_of(request).asks_for_sign_in:
        words = "Open the address that `calib web` printed when it was started: it has the token to sign in."
    return refusal(request, 401, words)


def _forged(request: Request, _: Exception) -> Response:
    return refusal(
        request,
        403,
        "This form does not belong to your session, which may have ended. Nothing was changed. Open the page "
        "anew, and send it from there.",
    )


def _posted_before(request: Request, _: Exception) -> Response:
    return refusal(request, 409, "This form was sent before, and what it asked for was done then.")


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "Check the address, or ask an admin whether you were given this stream."}
    return refusal(request, status, words.get(status, "Open the page anew."))


def _not_found(request: Request, _: Exception) -> Response:
    return _http(request, HTTPException(404))
