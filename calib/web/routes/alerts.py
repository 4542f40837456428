"""Alerts and episodes: what was said, what waits and why, and what a person does about it."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from calib.db import reviewers
from calib.errors import InvalidInput
from calib.outbox import handling
from calib.redaction import reason as in_a_line
from calib.web.asking import Admin, Posted, TheSite, stream_seen
from calib.web.forms import PostedBeforeError, posted_once
from calib.web.refusals import refusal
from calib.web.site import Site, page
from calib.web.streams.alert_list import alerts_of, episodes_of

router = APIRouter()
LONGEST_REASON = 500  # characters
NOTES = {
    "resend": "It goes out with the next relay.",
    "ack": "Acknowledged: the thread says that you take care of it.",
    "acked": "You have acknowledged it already: nothing new was said.",
}
DID = {"resend": "resent", "ack": "acknowledged"}


@router.get("/streams/{name}/alerts")
def of_stream(request: Request, site: TheSite, admin: Admin, name: str, note: str = "") -> Response:
    """A stream's episodes and alerts."""
    stream_seen(site, admin, name)
    return _alerts(request, site, name, note)


@router.get("/alerts")
def of_all(request: Request, site: TheSite, admin: Admin, note: str = "") -> Response:
    """The alerts of all streams and probes."""
    del admin
    return _alerts(request, site, None, note)


@router.post("/alerts")
def handle(request: Request, site: TheSite, admin: Admin, form: Posted) -> Response:
    """Send an alert again or acknowledge it, as `calib alerts resend` and `ack` do."""
    action, alert = form.fields.get("action", ""), form.text("alert", longest=36)
    stream, reason = form.text("stream", longest=63), form.text("reason", longest=LONGEST_REASON)
    if action not in DID or len(alert) != 36:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    do, now = _resend if action == "resend" else _acknowledge, site.project.now()
    note = action
    try:
        with posted_once(site.engine, form, now=now) as conn:
            note = do(conn, alert, by=admin.name, reason=reason or "on the page", now=now)
            details = {"alert": alert}
            reviewers.record(conn, who=admin.name, what=DID[action], at=now, details=details)
    except PostedBeforeError:  # a double click: it was done then
        pass
    except InvalidInput as error:
        return refusal(request, HTTPStatus.CONFLICT, f"Nothing was changed: {in_a_line(error)}")
    parts = ("streams", stream, "alerts") if stream in site.project.settings.streams else ("alerts",)
    return RedirectResponse(site.path(*parts, note=note), HTTPStatus.SEE_OTHER)


def _resend(conn: Connection, alert: str, *, by: str, reason: str, now: datetime) -> str:
    """Send an alert again; the key of what the page says then."""
    handling.resend(conn, [alert], by=by, reason=reason, now=now)
    return "resend"


def _acknowledge(conn: Connection, alert: str, *, by: str, reason: str, now: datetime) -> str:
    """Acknowledge an alert; the key of what the page says then."""
    (done,) = handling.acknowledge(conn, [alert], by=by, reason=reason, now=now)
    return "ack" if done.new else "acked"


def _alerts(request: Request, site: Site, stream: str | None, note: str) -> Response:
    names = frozenset(site.project.settings.streams)
    with site.project.reading.connect() as conn:
        listed, more = alerts_of(conn, stream=stream, streams=names)
        episodes = [] if stream is None else episodes_of(conn, stream)
    return page(
        request,
        "alerts.html",
        title="Alerts" if stream is None else f"Alerts and episodes of {stream}",
        stream=stream,
        as_of=f"{site.project.now():%Y-%m-%d %H:%M:%S}",
        alerts=listed,
        more=more,
        parked=sum(alert.state == "parked" for alert in listed),
        episodes=episodes,
        note=NOTES.get(note, ""),
    )
