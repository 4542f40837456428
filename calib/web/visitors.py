"""Who asks: a reviewer with a session, one whom a trusted proxy names, or the person who started the page."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy import Connection
from starlette.datastructures import Headers

from calib.db import reviewers
from calib.db.reviewers import Reviewer, Session
from calib.web.options import LOOPBACK_NAMES, WebOptions, name_of_host

IDLE = timedelta(days=7)  # a session ends when it was not used for so long,
LIFE = timedelta(days=30)  # and after so long in any case
ADD_ONE = "Add one with `calib reviewers add NAME --role admin`."
FORWARDED = "x-forwarded-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who may use the pages. `streams`: None is every stream; `csrf` is the session's secret.

    `local`: the person who started a page that has no reviewers, who may do everything.
    """

    name: str
    admin: bool
    streams: tuple[str, ...] | None
    session: int
    csrf: str
    local: bool = False

    def sees(self, stream: str) -> bool:
        """Whether a stream is one that this person may see."""
        return self.streams is None or stream in self.streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not answered: an HTTP status, and what to do, in words."""

    status: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Who asks; `visitor` is None for somebody who is not signed in, `cookie` is a new session to hand out.

    `asks_for_sign_in`: whether there are reviewers, so that the way in is a link of theirs.
    """

    visitor: Visitor | None
    asks_for_sign_in: bool
    cookie: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says of where it comes from. `cookie`: the token of the session that it names."""

    peer: str
    headers: Headers
    cookie: str | None


def admit(
    conn: Connection,
    asked: Asked,
    options: WebOptions,
    *,
    local_name: str,
    now: datetime,
    reads_only: bool = False,
) -> Admission | Refusal:
    """Who asks, or why the request is not answered.

    Read anew for each request, so that a sign-in is asked for as soon as there is a reviewer, and a revoked
    one is out at once. With `reads_only` nothing is written: `MustWriteError` where something has to be, a
    session of somebody whom a proxy names, or that one is in use.
    """
    if not reviewers.any_active(conn):
        return _local(conn, asked, options, local_name=local_name, now=now, reads_only=reads_only)
    header = options.proxy_header
    if header is not None and header in asked.headers:
        return _named_by_proxy(conn, asked, options, header, now=now, reads_only=reads_only)
    session = _session(conn, asked, now=now, reads_only=reads_only)
    if session is None or session.reviewer is None:
        return Admission(visitor=None, asks_for_sign_in=True)
    return Admission(visitor=visitor_of(session.reviewer, session), asks_for_sign_in=True)


def visitor_of(reviewer: Reviewer, session: Session) -> Visitor:
    """A reviewer at work in a session."""
    return Visitor(
        name=reviewer.name,
        admin=reviewer.role == "admin",
        streams=reviewer.streams,
        session=session.id,
        csrf=session.csrf,
    )


def open_session(conn: Connection, reviewer: Reviewer | None, *, now: datetime) -> str:
    """Open a session and return its token, which is stored as its hash alone."""
    token = secrets.token_urlsafe(32)
    reviewers.open_session(
        conn, reviewer, token=token, csrf=secrets.token_hex(32), now=now, expires_at=now + LIFE
    )
    return token


def _local(
    conn: Connection, asked: Asked, options: WebOptions, *, local_name: str, now: datetime, reads_only: bool
) -> Admission | Refusal:
    """Without reviewers: this machine alone, under its own name, and nothing that came through a proxy."""
    if not options.loopback:
        return Refusal(
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            words=f"There is no reviewer who could sign in. {ADD_ONE}",
        )
    if (name_of_host(asked.headers.get("host", "")) or "") not in LOOPBACK_NAMES:
        return Refusal(
            status=HTTPStatus.MISDIRECTED_REQUEST,
            words="Without reviewers, this page is answered under the names of this machine alone: open the "
            "address that `calib web` printed.",
        )
    through_proxy = came_through_proxy(asked.headers, options)
    if through_proxy:
        return Refusal(
            status=HTTPStatus.FORBIDDEN,
            words=f"This request came through a proxy (its header {through_proxy[0]} says so), and there are "
            f"no reviewers who could sign in. {ADD_ONE}",
        )
    session = _session(conn, asked, now=now, reads_only=reads_only)
    if session is None:
        return Admission(visitor=None, asks_for_sign_in=False)
    visitor = Visitor(
        name=local_name, admin=True, streams=None, session=session.id, csrf=session.csrf, local=True
    )
    return Admission(visitor=visitor, asks_for_sign_in=False)


def came_through_proxy(headers: Headers, options: WebOptions) -> list[str]:
    """The headers that say that a request came through a proxy."""
    names = [name for name in headers if name == "forwarded" or name.startswith(FORWARDED)]
    if options.proxy_header is not None and options.proxy_header.lower() in headers:
        names.append(options.proxy_header.lower())
    return names


def _named_by_proxy(
    conn: Connection, asked: Asked, options: WebOptions, header: str, *, now: datetime, reads_only: bool
) -> Admission | Refusal:
    """The reviewer whom a trusted proxy names; the session is for the tokens of forms."""
    names = asked.headers.getlist(header)
    if not options.trusts(asked.peer):
        return Refusal(
            status=HTTPStatus.FORBIDDEN,
            words=f"The header {header} is believed from the proxy alone, and this request did "
            "not come from there.",
        )
    reviewer = reviewers.find(conn, _as_utf8(names[0])) if len(names) == 1 else None
    if reviewer is None or reviewer.revoked_at is not None:
        return Refusal(
            status=HTTPStatus.FORBIDDEN,
            words="The proxy names somebody who is not a reviewer here. An admin adds reviewers with "
            "`calib reviewers add NAME`.",
        )
    session = _session(conn, asked, now=now, reads_only=reads_only)
    if session is not None and session.reviewer is not None and session.reviewer.id == reviewer.id:
        return Admission(visitor=visitor_of(reviewer, session), asks_for_sign_in=True)
    if reads_only:
        raise reviewers.MustWriteError
    token = open_session(conn, reviewer, now=now)
    session = reviewers.find_session(conn, token, now=now, idle=IDLE)
    visitor = None if session is None else visitor_of(reviewer, session)
    return Admission(visitor=visitor, asks_for_sign_in=True, cookie=token)


def _session(conn: Connection, asked: Asked, *, now: datetime, reads_only: bool) -> Session | None:
    if not asked.cookie:
        return None
    return reviewers.find_session(conn, asked.cookie, now=now, idle=IDLE, reads_only=reads_only)


def _as_utf8(value: str) -> str:
    """A header's value, which is read byte by byte, as the UTF-8 that proxies write where it is that."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value
