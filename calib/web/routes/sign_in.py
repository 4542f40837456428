"""Signing in by a one-time link, and signing out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from calib.db import posted_forms, reviewers
from calib.web.asking import Posted, SignedIn, TheSite, fields_of
from calib.web.cookies import no_session_cookie, session_cookie
from calib.web.refusals import refusal
from calib.web.site import Site, page
from calib.web.visitors import LIFE, open_session

router = APIRouter()
USED_UP = (
    "This link was used, is older than 24 hours, was replaced by a newer one, or was taken back. Ask an "
    "admin for a new one: `calib reviewers link NAME` makes it."
)


@router.get("/sign-in")
def ask(request: Request, site: TheSite, token: str = "") -> Response:
    """A button, and nothing more: chat programs open links to show what is behind them, and use none up."""
    with site.engine.begin() as conn:
        holder = reviewers.holder_of_link(conn, token, now=site.project.now())
    if holder is None:
        return refusal(request, 403, USED_UP)
    return page(request, "sign_in.html", token=token, holder=holder.name)


@router.post("/sign-in")
async def sign_in(request: Request, site: TheSite) -> Response:
    """Use the link up and open a session."""
    from starlette.concurrency import run_in_threadpool

    fields = await fields_of(request)
    session = await run_in_threadpool(_opened, site, fields.get("token", ""))
    if session is None:
        return refusal(request, 403, USED_UP)
    answer = RedirectResponse(site.path(), 303)
    answer.headers.append("set-cookie", session_cookie(site, session))
    return answer


@router.post("/sign-out")
def sign_out(site: TheSite, visitor: SignedIn, form: Posted) -> Response:
    """End the session."""
    del form
    now = site.project.now()
    with site.engine.begin() as conn:
        reviewers.close_session(conn, visitor.session, now=now)
        reviewers.record(conn, who=visitor.name, what="signed_out", at=now)
    answer = RedirectResponse(site.path("signed-out"), 303)
    answer.headers.append("set-cookie", no_session_cookie(site))
    return answer


@router.get("/signed-out")
def signed_out(request: Request) -> Response:
    """Says that the session has ended."""
    return page(request, "signed_out.html")


def _opened(site: Site, token: str) -> str | None:
    """The token of a new session; None where the link is worth nothing."""
    now = site.project.now()
    with site.engine.begin() as conn:
        reviewer = reviewers.use_link(conn, token, now=now)
        if reviewer is None:
            return None
        session = open_session(conn, reviewer, now=now)
        reviewers.record(conn, who=reviewer.name, what="signed_in", at=now)
        posted_forms.forget(conn, before=now - LIFE)  # no session lives longer, nor do its forms' tokens
    return session
