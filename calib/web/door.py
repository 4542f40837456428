"""The door: finds out who asks before anything is answered, and lets no error out that shows too much."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from calib.db.reviewers import MustWriteError
from calib.errors import CalibError
from calib.redaction import redacted
from calib.web.cookies import session_cookie
from calib.web.refusals import refusal
from calib.web.site import Site
from calib.web.visitors import Admission, Asked, Refusal, admit

LOG = logging.getLogger(__name__)


class Door:
    """ASGI middleware around the application."""

    def __init__(self, app: ASGIApp, *, site: Site) -> None:
        self.app = app
        self.site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        begun = False
        cookie: str | None = None

        async def noted(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                if cookie is not None:
                    MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        broken: Exception | None = None
        try:
            answer = await run_in_threadpool(self._admit, request)
            if isinstance(answer, Refusal):
                await refusal(request, answer.status, answer.words)(scope, receive, noted)
                return
            if answer.cookie is not None:
                cookie = session_cookie(self.site, answer.cookie, proxy=True)
            scope.setdefault("state", {})["admission"] = answer
            await self.app(scope, receive, noted)
        except CalibError as error:
            LOG.warning("a page could not be made: %s", redacted(str(error)), extra={"event": "page_failed"})
            if not begun:
                words = "The database or the store does not answer. Try again in a minute."
                await refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, words)(scope, receive, noted)
        except Exception as error:  # noqa: BLE001  its text may be a reviewer's: kind and place are logged
            broken = error
        if broken is not None:
            # Not where the error is handled: what a log says of its own failure would hold that error's text.
            frame = traceback.extract_tb(broken.__traceback__)[-1]
            where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
            extra = {"event": "page_broken", "error": type(broken).__name__, "where": where}
            LOG.error("a page could not be made: %s at %s", type(broken).__name__, where, extra=extra)
            if not begun:
                words = "This page could not be made. The log of `calib web` says where it failed."
                await refusal(request, HTTPStatus.INTERNAL_SERVER_ERROR, words)(scope, receive, noted)

    def _admit(self, request: Request) -> Admission | Refusal:
        site = self.site
        if request.method == "POST" and _from_elsewhere(request.headers, site.url):
            return Refusal(
                status=HTTPStatus.FORBIDDEN,
                words="This form was sent from another site. Open the page here, and send it from there.",
            )
        peer = request.client.host if request.client else ""
        proxied = site.options.proxy_header is not None and site.options.proxy_header in request.headers
        token = request.cookies.get(site.cookie(proxy=proxied))
        asked = Asked(peer=peer, headers=request.headers, cookie=token)
        now = site.project.now()
        who = partial(admit, asked=asked, options=site.options, local_name=site.local_name, now=now)
        try:  # a page that is read waits for nobody who writes
            with site.project.reading.connect() as conn:
                answer = who(conn, reads_only=True)
        except MustWriteError:
            with site.engine.begin() as conn:
                answer = who(conn)
        if isinstance(answer, Refusal) or request.method != "POST":
            return answer
        limit, key = site.sign_ins, peer
        if answer.visitor is not None:
            limit, key = site.posts, str(answer.visitor.session)
        seconds = limit.wait(key)
        if seconds:
            return Refusal(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                words=f"That was too often. Wait {seconds} seconds and send it again; nothing was changed.",
            )
        return answer


def _from_elsewhere(headers: Mapping[str, str], url: str | None) -> bool:
    """Whether a browser says that a page of another site sent this."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    hosts = {headers.get("host", "")} | ({urlsplit(url).netloc} if url else set())
    return urlsplit(origin).netloc not in hosts
