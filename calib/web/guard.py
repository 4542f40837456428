"""What stands before every page: limits of a request, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024  # bytes; the longest form of ours is a comment of some thousand characters
THROWN_AWAY = 128 * 1024 * 1024  # bytes of a body that is too large are read and kept nowhere,
PATIENCE = 10.0  # for so many seconds
SAFE_METHODS = {"GET", "HEAD"}
METHODS = SAFE_METHODS | {"POST"}


def content_policy(images: Sequence[str] = ()) -> str:
    """The content security policy of the pages: nothing inline, nothing from elsewhere.

    `images`: the origins that pictures in reviewers' texts may be loaded from.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(("img-src 'self'", *images)),
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


class Guard:
    """ASGI middleware: large bodies and strange methods are refused unread, and each answer is guarded.

    `prefix`: the path of `[web] url`, which a proxy may leave in the address or take out. An answer that has
    a content security policy of its own keeps it.
    """

    def __init__(self, app: ASGIApp, *, images: Sequence[str] = (), prefix: str = "", https: bool = False):
        self.app = app
        self.prefix = prefix
        self.headers = {
            "content-security-policy": content_policy(images),
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
            "cache-control": "no-store",
        }
        if https:
            self.headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        if self.prefix and (scope["path"] + "/").startswith(self.prefix + "/"):
            scope = {**scope, "path": scope["path"][len(self.prefix) :] or "/"}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["method"] not in METHODS:
            await _refused(405, "this method is not answered here")(scope, receive, guarded)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            await _too_large(scope, receive, guarded)
            return
        body = await _body(receive)
        if body is None:
            await _too_large(scope, receive, guarded)
            return
        await self.app(scope, _again(body, receive), guarded)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None as soon as it is larger than allowed, whatever its header said."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then what comes after it."""
    given = False

    async def once() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return once


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse at once, then throw away what is still being sent: else many clients never see the answer."""
    answer = _refused(413, f"a form of more than {LARGEST_BODY // 1024} KiB is not taken")
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    if "expect" not in Headers(scope=scope):  # who asks first sends nothing now
        with anyio.move_on_after(PATIENCE):
            await _throw_away(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _throw_away(receive: Receive) -> None:
    size = 0
    while size < THROWN_AWAY:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        size += len(message.get("body", b""))


def _refused(status: int, why: str) -> PlainTextResponse:
    """An answer after which the connection ends."""
    return PlainTextResponse(f"{why}\n", status, headers={"connection": "close"})
