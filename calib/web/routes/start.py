"""The first page, and the way in for the person who started a process without reviewers."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from calib.db import reviewers
from calib.web.asking import SignedIn, TheSite
from calib.web.cohorts import waiting
from calib.web.cookies import session_cookie
from calib.web.refusals import refusal
from calib.web.site import admission_of
from calib.web.visitors import open_session
from calib.web.work import labelled_by

router = APIRouter()


@router.get("/")
def first(site: TheSite, visitor: SignedIn) -> Response:
    """Where work begins: where something waits to be labelled, else at the streams."""
    with site.engine.connect() as conn:
        missing = any(cohort.missing for cohort in waiting(conn, labelled_by(site, visitor)))
    return RedirectResponse(site.path("review" if missing else "streams"), 303)


@router.get("/start")
def start(request: Request, site: TheSite, token: str = "") -> Response:
    """Exchange the token that `calib web` printed for a session; it is worth nothing beside reviewers."""
    if admission_of(request).asks_for_sign_in:
        raise HTTPException(404)
    if not hmac.compare_digest(token.encode(), site.options.start_token.encode()):
        words = "This is not the token that this process printed. Open the address that `calib web` printed."
        return refusal(request, 403, words)
    now = site.project.now()
    with site.engine.begin() as conn:
        session = open_session(conn, None, now=now)
        reviewers.record(conn, who=site.local_name, what="started", at=now)
    answer = RedirectResponse(site.path(), 303)
    answer.headers.append("set-cookie", session_cookie(site, session, local=True))
    return answer
