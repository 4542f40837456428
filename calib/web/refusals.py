"""Pages that say why there is no other: what is wrong, and what to do."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from starlette.responses import JSONResponse, Response

from calib.web.site import page

TITLES = {
    HTTPStatus.BAD_REQUEST: "This form is not one of ours",
    HTTPStatus.UNAUTHORIZED: "Please sign in",
    HTTPStatus.FORBIDDEN: "This is refused",
    HTTPStatus.NOT_FOUND: "There is no such page",
    HTTPStatus.CONFLICT: "This has changed meanwhile",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong here",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available at the moment",
}


def refusal(request: Request, status: int, words: str) -> Response:
    """A page with a status that says in words what is wrong; for scripts of ours an object with `error`."""
    if wants_json(request):
        return JSONResponse({"error": words}, status)
    title = TITLES.get(HTTPStatus(status), HTTPStatus(status).phrase)
    return page(request, "refused.html", code=status, title=title, words=words)


def wants_json(request: Request) -> bool:
    """Whether a script of our pages asks."""
    return request.headers.get("accept", "").split(",")[0].strip() == "application/json"
