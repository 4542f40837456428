"""What every page needs: the project, how it is served, the limits, and the templates."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Engine
from starlette.responses import HTMLResponse

from calib import __version__
from calib.app import App
from calib.web.batches import Batches
from calib.web.forms import field_of_token
from calib.web.navigation import entries
from calib.web.options import WebOptions
from calib.web.rate import RateLimit
from calib.web.texts import visible
from calib.web.visitors import Admission, Visitor

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One process that serves the pages.

    `clock`: monotonic seconds, for the limits; times that are stored come from the project. `local_name`: who
    labels where there are no reviewers. `random`: texts that nobody guesses, for the tokens of forms.
    """

    project: App
    options: WebOptions
    local_name: str
    clock: Callable[[], float]
    sign_ins: RateLimit
    posts: RateLimit
    batches: Batches
    random: Callable[[], str] = field(default=lambda: secrets.token_urlsafe(16))

    @property
    def engine(self) -> Engine:
        """The database."""
        return self.project.engine

    @property
    def url(self) -> str | None:
        """`[web] url`, where the settings have it."""
        return self.project.settings.web.url

    @property
    def https(self) -> bool:
        """Whether people reach the pages encrypted, so that cookies never go another way."""
        return self.url is not None and urlsplit(self.url).scheme == "https"

    @property
    def prefix(self) -> str:
        """The path of `[web] url`, which stands before each of ours."""
        return "" if self.url is None else urlsplit(self.url).path.rstrip("/")

    def path(self, *parts: str | int, **query: str | int) -> str:
        """The address of a page from its parts, each escaped: `path("review", stream)`."""
        address = self.prefix + ("".join(f"/{quote(str(part), safe='')}" for part in parts) or "/")
        asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
        return address + (f"?{asked}" if asked else "")

    def cookie(self, *, proxy: bool) -> str:
        """The name of the session's cookie; several processes on one machine do not share it.

        A session that a proxy's word opened has a name of its own: without that word it is worth nothing.
        """
        kind = "calib_proxied" if proxy else "calib_session"
        return kind if self.url else f"{kind}_{self.options.port}"


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    return cast("Site", request.app.state.site)


def admission_of(request: Request) -> Admission:
    """Who asks, as the door found out."""
    return cast("Admission", request.scope["state"]["admission"])


def page(request: Request, template: str, *, code: int = 200, **values: Any) -> HTMLResponse:
    """A page of one of the templates, with an HTTP status; every name that it uses must be given."""
    return HTMLResponse(fragment(request, template, **values), code)


def fragment(request: Request, template: str, **values: Any) -> str:
    """The text of one of the templates.

    Each has: `path(…)` and `static(name)` for addresses, `form_token()` for the hidden field of a form that
    posts, `visitor` (None where nobody is signed in), and `here`, the address of the page itself.
    """
    site, visitor = site_of(request), visitor_or_none(request)
    return (
        environment()
        .get_template(template)
        .render(
            path=site.path,
            static=lambda name: site.path("static", name, v=_fingerprint(name)),
            form_token=lambda: _token_field(site, visitor),
            visitor=visitor,
            navigation=entries(site.path, visitor),
            here=site.prefix + request.url.path,
            version=__version__,
            **values,
        )
    )


def visitor_or_none(request: Request) -> Visitor | None:
    """Who asks; None where nobody is signed in, and where that could not be found out."""
    admission = request.scope.get("state", {}).get("admission")
    return None if admission is None else admission.visitor


def _token_field(site: Site, visitor: Visitor | None) -> Markup:
    if visitor is None:
        raise ValueError("a form that posts needs somebody who is signed in")
    return field_of_token(site.random(), visitor.csrf)


def _with_commands(words: str) -> Markup:
    """A sentence of ours whose commands, between backticks, are set as code."""
    parts = str(Markup.escape(visible(words))).split("`")
    return Markup("".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts)))  # noqa: S704


@cache
def _fingerprint(name: str) -> str:
    """A digest of a static file: its address changes with it, so that browsers may keep it for ever."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


@cache
def environment() -> Environment:
    """The templates: everything is escaped, and what would steer a display is shown as a sign."""

    def seen(value: Any) -> Any:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = Environment(
        loader=PackageLoader("calib.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=seen,
    )
    made.filters["commands"] = _with_commands
    made.filters["thousands"] = lambda n: f"{n:,}"
    return made
