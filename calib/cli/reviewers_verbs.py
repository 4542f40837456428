"""`calib reviewers`: who may use the pages in a browser."""

from __future__ import annotations

import enum
import getpass
import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Config, Json

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from calib.app import App
    from calib.db.reviewers import Reviewer
    from calib.results.web import ReviewerLink

app = typer.Typer(no_args_is_help=True, help="Reviewers: who may label, and who decides, on `calib web`.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The reviewer's name, as labels will have it.")]


class RoleName(enum.StrEnum):
    """What a reviewer may do."""

    REVIEWER = "reviewer"
    ADMIN = "admin"


@app.command("add")
def add(
    name: Name,
    role: Annotated[
        RoleName, typer.Option("--role", help="A reviewer labels; an admin also decides and rolls back.")
    ] = RoleName.REVIEWER,
    stream: Annotated[
        list[str] | None,
        typer.Option("--stream", help="A stream that this person sees; may be repeated. Default: all."),
    ] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Add a reviewer and print the link to sign in, which works once, within 24 hours.

    Whoever has the link is that reviewer: send it to that person alone. As soon as there is a reviewer,
    `calib web` asks everybody to sign in, also where it runs already; so make yourself an admin first. A
    revoked reviewer is let in again by adding them anew.
    """
    from calib.app import App
    from calib.db import reviewers

    opened = App.open(config)
    for each in stream or ():
        opened.settings.stream(each)
    now = opened.now()
    with opened.engine.begin() as conn:
        first = not reviewers.any_active(conn)
        added = reviewers.add(conn, name, role=role.value, streams=stream or None, now=now)
        reviewers.end_local_sessions(conn, now=now)
        details = {"name": added.name, "role": added.role, "streams": stream or None}
        reviewers.record(conn, who=getpass.getuser(), what="added", at=now, details=details)
        result = _link(conn, opened, added, now)
    _show(opened, result, json)
    if first and not json:
        sys.stdout.write("This is the first reviewer: from now on `calib web` asks everybody to sign in\n")


@app.command("link")
def link(name: Name, config: Config = CONFIG, json: Json = False) -> None:
    """Print a new link to sign in for a reviewer, which works once, within 24 hours.

    Earlier links of this reviewer that were not used are withdrawn. Sessions that are open stay so; a
    session ends after 7 days without use, and after 30 days in any case.
    """
    from calib.app import App
    from calib.db import reviewers

    opened = App.open(config)
    now = opened.now()
    with opened.engine.begin() as conn:
        reviewer = _active(conn, name)
        reviewers.record(conn, who=getpass.getuser(), what="linked", at=now, details={"name": name})
        result = _link(conn, opened, reviewer, now)
    _show(opened, result, json)


@app.command("list")
def list_(config: Config = CONFIG, json: Json = False) -> None:
    """List the reviewers with their roles and streams, revoked ones too."""
    from calib.app import App
    from calib.cli.page import Page
    from calib.db import reviewers
    from calib.results.web import ReviewerList, ReviewerListed
    from calib.times import timestamp

    opened = App.open(config)
    with opened.engine.begin() as conn:
        everybody = reviewers.list_all(conn)
    if json:
        listed = tuple(
            ReviewerListed(
                name=reviewer.name,
                role=reviewer.role,
                streams=reviewer.streams,
                created_at=timestamp(reviewer.created_at),
                revoked_at=None if reviewer.revoked_at is None else timestamp(reviewer.revoked_at),
            )
            for reviewer in everybody
        )
        output.emit(ReviewerList(reviewers=listed).to_json())
        return
    page = Page()
    if not everybody:
        page.say("There are no reviewers: `calib web` serves this machine alone. To add the first:")
        page.command("calib reviewers add NAME --role admin")
        return
    rows = [
        (
            reviewer.name,
            reviewer.role,
            "all" if reviewer.streams is None else ", ".join(reviewer.streams),
            "" if reviewer.revoked_at is None else f"revoked {reviewer.revoked_at:%Y-%m-%d}",
        )
        for reviewer in everybody
    ]
    page.table(("reviewer", "role", "streams", ""), rows, left=(0, 1, 2, 3))


@app.command("revoke")
def revoke(name: Name, config: Config = CONFIG, json: Json = False) -> None:
    """Take a reviewer's right to sign in; their sessions and links end at once. Their labels stay."""
    from calib.app import App
    from calib.db import reviewers
    from calib.results.web import ReviewerRevoked
    from calib.times import timestamp

    opened = App.open(config)
    now = opened.now()
    with opened.engine.begin() as conn:
        _active(conn, name)
        reviewers.revoke(conn, name, now=now)
        reviewers.record(conn, who=getpass.getuser(), what="revoked", at=now, details={"name": name})
        last = not reviewers.any_active(conn)
    if json:
        output.emit(ReviewerRevoked(name=name, revoked_at=timestamp(now)).to_json())
        return
    sys.stdout.write(f"{output.printable(name)} can no longer sign in; their labels stay\n")
    if last:
        sys.stdout.write(
            "This was the last reviewer: `calib web` now serves nobody but who started it on this machine\n"
        )


def _active(conn: Connection, name: str) -> Reviewer:
    from calib.db import reviewers
    from calib.errors import InvalidInput
    from calib.text import did_you_mean

    reviewer = reviewers.find(conn, name)
    if reviewer is not None and reviewer.revoked_at is None:
        return reviewer
    active = [each.name for each in reviewers.list_all(conn) if each.revoked_at is None]
    hint = did_you_mean(name, active) or "`calib reviewers list` names them"
    raise InvalidInput(f"there is no reviewer {name!r:.100} who may sign in; {hint}")


def _link(conn: Connection, opened: App, reviewer: Reviewer, now: datetime) -> ReviewerLink:
    from calib.db import reviewers
    from calib.results.web import ReviewerLink
    from calib.times import timestamp
    from calib.web.options import PORT

    token = secrets.token_urlsafe(32)
    made = reviewers.make_link(conn, reviewer, token=token, now=now)
    base = (opened.settings.web.url or f"http://127.0.0.1:{PORT}").rstrip("/")
    return ReviewerLink(
        name=reviewer.name,
        role=reviewer.role,
        streams=reviewer.streams,
        link=f"{base}/sign-in?token={token}",
        expires_at=timestamp(made.expires_at),
        withdrawn=made.withdrawn,
    )


def _show(opened: App, result: ReviewerLink, json: bool) -> None:
    from calib.cli.page import Page

    if json:
        output.emit(result.to_json())
        return
    page = Page()
    page.say(f"For {result.name}, {result.role}: this link works once, until {result.expires_at}.")
    page.command(result.link)
    if result.withdrawn:
        earlier = "An earlier link" if result.withdrawn == 1 else f"{result.withdrawn} earlier links"
        page.say(f"{earlier} of {result.name} that had not been used can no longer be used.")
    if opened.settings.web.url is None:
        page.say(
            "It leads to this machine and the port that `calib web` takes by default. For others, set `url` "
            "under [web] in calib.toml to the address that they open."
        )
