"""Pages that say why there is no other: what is wrong, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOn:
    """A link from a page that has nothing to offer to one that has."""

    address: str
    words: str


def refusal(
    request: Request, status: int, words: str, *, title: str | None = None, way_on: WayOn | None = None
) -> Response:
    """A page with a status that says in words what is wrong; for scripts of ours an object with `error`."""
    if wants_json(request):
        return JSONResponse({"error": words}, status)
    title = title or TITLES.get(HTTPStatus(status), HTTPStatus(status).phrase)
    return page(request, "refused.html", code=status, title=title, words=words, way_on=way_on)


def wants_json(request: Request) -> bool:
    """Whether a script of our pages asks."""
    return request.headers.get("accept", "").split(",")[0].strip() == "application/json"
