"""Who may label and decide on the web page: reviewers, one-time links, sessions, and who did what.

Of a link's and of a session's token only the SHA-256 is stored: whoever reads the database cannot sign in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast, get_args

from sqlalchemy import Connection, Row, Select, insert, select, update

from calib.db import tables
from calib.errors import ConstraintViolated, InvalidInput
from calib.json_object import Json

people, links, sessions, actions = (
    tables.reviewers,
    tables.sign_in_links,
    tables.web_sessions,
    tables.web_actions,
)
Role = Literal["reviewer", "admin"]
LINK_LIFE = timedelta(hours=24)
LONGEST_NAME = 80  # characters
SEEN_EVERY = timedelta(minutes=1)  # a session's last use is stored no more often


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Somebody who may use the page. `streams`: those that this person sees; None is every stream."""

    id: int
    name: str
    role: Role
    streams: tuple[str, ...] | None
    created_at: datetime
    revoked_at: datetime | None

    def sees(self, stream: str) -> bool:
        """Whether a stream is one that this person was given."""
        return self.streams is None or stream in self.streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open session. `reviewer`: None where a page without reviewers was opened by its start token."""

    id: int
    reviewer: Reviewer | None
    csrf: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that somebody did on the page or by a command of sign-in."""

    who: str
    what: str
    at: datetime
    stream: str | None
    details: Json | None


def digest(token: str) -> str:
    """The SHA-256 of a token as 64 hexadecimal digits: what is stored of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def add(conn: Connection, name: str, *, role: Role, streams: Sequence[str] | None, now: datetime) -> Reviewer:
    """Add a reviewer, or give a revoked one back the right to sign in, with this role and these streams.

    Raises `InvalidInput` for a name that is empty, longer than 80 characters or holds characters that cannot
    be printed, for an unknown role, and for a name that a reviewer has who was not revoked.
    """
    if not name or name != name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            f"{name!r:.100} cannot be a reviewer's name: write 1 to {LONGEST_NAME} printable characters, "
            "without blanks at the ends"
        )
    if role not in get_args(Role):
        raise InvalidInput(f"{role!r:.40} is not a role; the roles are {', '.join(get_args(Role))}")
    values: dict[str, Any] = {
        "role": role,
        "streams": None if streams is None else sorted(set(streams)),
        "created_at": now,
        "revoked_at": None,
    }
    again = update(people).where(people.c.name == name, people.c.revoked_at.is_not(None)).values(**values)
    if conn.execute(again).rowcount == 0:
        try:
            with conn.begin_nested():
                conn.execute(insert(people).values(name=name, **values))
        except ConstraintViolated:
            raise InvalidInput(
                f"there is a reviewer {name!r} already: `calib reviewers revoke {name!r}` first, or choose "
                "another name"
            ) from None
    return _reviewer(conn.execute(select(people).where(people.c.name == name)).one())


def list_all(conn: Connection) -> list[Reviewer]:
    """Every reviewer, revoked ones too, by name."""
    return [_reviewer(row) for row in conn.execute(select(people).order_by(people.c.name))]


def find(conn: Connection, name: str) -> Reviewer | None:
    """The reviewer of that name, who may have been revoked; None where there is none."""
    row = conn.execute(select(people).where(people.c.name == name)).first()
    return None if row is None else _reviewer(row)


def any_active(conn: Connection) -> bool:
    """Whether there is a reviewer who was not revoked, so that the page asks for a sign-in."""
    return conn.execute(select(people.c.id).where(people.c.revoked_at.is_(None)).limit(1)).first() is not None


def revoke(conn: Connection, name: str, *, now: datetime) -> bool:
    """Take somebody's right to sign in, end their sessions and void their links; False for nobody active."""
    active = select(people.c.id).where(people.c.name == name, people.c.revoked_at.is_(None))
    reviewer_id = conn.execute(active.with_for_update()).scalar()
    if reviewer_id is None:
        return False
    conn.execute(update(people).where(people.c.id == reviewer_id).values(revoked_at=now))
    open_ones = (sessions.c.reviewer_id == reviewer_id) & sessions.c.ended_at.is_(None)
    conn.execute(update(sessions).where(open_ones).values(ended_at=now))
    unused = (links.c.reviewer_id == reviewer_id) & links.c.used_at.is_(None)
    conn.execute(update(links).where(unused).values(used_at=now))
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeLink:
    """A link that was stored; `withdrawn`: how many earlier ones could have been used until then."""

    expires_at: datetime
    withdrawn: int


def make_link(
    conn: Connection, reviewer: Reviewer, *, token: str, now: datetime, life: timedelta = LINK_LIFE
) -> MadeLink:
    """Store a one-time link of a reviewer by the hash of its token; earlier ones that were not used are void.

    The token is the caller's: at least 256 bits of a cryptographic generator (`secrets.token_urlsafe(32)`).
    """
    conn.execute(select(people.c.id).where(people.c.id == reviewer.id).with_for_update())
    unused = (links.c.reviewer_id == reviewer.id) & links.c.used_at.is_(None) & (links.c.expires_at > now)
    withdrawn = conn.execute(update(links).where(unused).values(used_at=now)).rowcount
    expires_at = now + life
    values = {"hash": digest(token), "reviewer_id": reviewer.id, "created_at": now, "expires_at": expires_at}
    conn.execute(insert(links).values(**values))
    return MadeLink(expires_at=expires_at, withdrawn=withdrawn)


def use_link(conn: Connection, token: str, *, now: datetime) -> Reviewer | None:
    """The reviewer whose link this is, once: by compare-and-set, so that of two who try at once one gets in.

    None for a link that is unknown, used or expired, and for one of a reviewer who was revoked. Looking at a
    link without using it up is `holder_of_link`.
    """
    use = update(links).where(*_good(token, now)).values(used_at=now)
    if conn.execute(use).rowcount != 1:
        return None
    query = (
        select(people).join(links, links.c.reviewer_id == people.c.id).where(links.c.hash == digest(token))
    )
    row = conn.execute(query.where(people.c.revoked_at.is_(None))).first()
    return None if row is None else _reviewer(row)


def holder_of_link(conn: Connection, token: str, *, now: datetime) -> Reviewer | None:
    """Whose link this is, where it could be used now; it is not used up."""
    query = select(people).join(links, links.c.reviewer_id == people.c.id)
    row = conn.execute(query.where(*_good(token, now), people.c.revoked_at.is_(None))).first()
    return None if row is None else _reviewer(row)


def _good(token: str, now: datetime) -> tuple[Any, ...]:
    return (links.c.hash == digest(token), links.c.used_at.is_(None), links.c.expires_at > now)


def open_session(
    conn: Connection,
    reviewer: Reviewer | None,
    *,
    token: str,
    csrf: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Store a session by the hash of its token, with the secret of its forms' tokens."""
    values = {"created_at": now, "seen_at": now, "expires_at": expires_at, "csrf": csrf}
    reviewer_id = None if reviewer is None else reviewer.id
    conn.execute(insert(sessions).values(hash=digest(token), reviewer_id=reviewer_id, **values))


class MustWriteError(Exception):
    """Something has to be stored, and the connection is for reading alone: do it again with another one."""


def find_session(
    conn: Connection, token: str, *, now: datetime, idle: timedelta, reads_only: bool = False
) -> Session | None:
    """The open session of a token, which is thereby seen; None for any other.

    A session ends at `expires_at`, `idle` after it was last seen, when it is closed, and when its reviewer is
    revoked. That it was seen is written once a minute at most; with `reads_only` `MustWriteError` is raised
    when it is time for that.
    """
    query = _with_reviewer().where(sessions.c.hash == digest(token), sessions.c.ended_at.is_(None))
    query = query.where(sessions.c.expires_at > now, sessions.c.seen_at > now - idle)
    row = conn.execute(query).first()
    if row is None or (row.reviewer_id is not None and row.revoked_at is not None):
        return None
    if now - row.seen_at >= SEEN_EVERY:
        if reads_only:
            raise MustWriteError
        conn.execute(update(sessions).where(sessions.c.id == row.session_id).values(seen_at=now))
    return Session(
        id=row.session_id,
        reviewer=None if row.reviewer_id is None else _reviewer(row),
        csrf=row.csrf,
        created_at=row.session_created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )


def _with_reviewer() -> Select[Any]:
    own = (sessions.c.csrf, sessions.c.seen_at, sessions.c.expires_at, sessions.c.reviewer_id)
    return select(
        sessions.c.id.label("session_id"), sessions.c.created_at.label("session_created_at"), *own, people
    ).outerjoin(people, people.c.id == sessions.c.reviewer_id)


def close_session(conn: Connection, session_id: int, *, now: datetime) -> bool:
    """End a session; False where it had ended."""
    open_one = (sessions.c.id == session_id) & sessions.c.ended_at.is_(None)
    return conn.execute(update(sessions).where(open_one).values(ended_at=now)).rowcount == 1


def end_local_sessions(conn: Connection, *, now: datetime) -> int:
    """End every session without a reviewer, as when the first reviewer is added; how many."""
    local = sessions.c.reviewer_id.is_(None) & sessions.c.ended_at.is_(None)
    return conn.execute(update(sessions).where(local).values(ended_at=now)).rowcount


def record(
    conn: Connection,
    *,
    who: str,
    what: str,
    at: datetime,
    stream: str | None = None,
    details: Json | None = None,
) -> None:
    """Keep who did what. `details`: ids, numbers and words of ours; never a text of a person or a model."""
    conn.execute(insert(actions).values(who=who, what=what, at=at, stream=stream, details=details))


def recorded(conn: Connection, *, stream: str | None = None, limit: int = 100) -> list[Action]:
    """What was done, the newest first; of one stream, or of all."""
    columns = (actions.c.who, actions.c.what, actions.c.at, actions.c.stream, actions.c.details)
    query = select(*columns).order_by(actions.c.at.desc(), actions.c.id.desc()).limit(limit)
    if stream is not None:
        query = query.where(actions.c.stream == stream)
    return [Action(**row._mapping) for row in conn.execute(query)]


def _reviewer(row: Row[Any]) -> Reviewer:
    return Reviewer(
        id=row.id,
        name=row.name,
        role=cast("Role", row.role),
        streams=None if row.streams is None else tuple(row.streams),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
