"""The way back on the page: a roll back or a withdrawal, confirmed on a page of its own, with a reason."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import RedirectResponse, Response

from calib import store
from calib.cycle import by_hand
from calib.cycle.stream import PRODUCTION
from calib.cycle.thread_notes import tell_of_move
from calib.db import reviewers
from calib.errors import CalibError, Conflict, InvalidInput
from calib.format import Entry
from calib.format.keys import NAME
from calib.redaction import reason as in_a_line
from calib.text import one_line
from calib.web.asking import Admin, Posted, TheSite, stream_seen
from calib.web.forms import PostedBeforeError, PostedForm, posted_once
from calib.web.refusals import WayOn, refusal
from calib.web.routes.overview import TheFleet
from calib.web.routes.versions import Channel, channel_seen
from calib.web.site import Site, page
from calib.web.streams.fleet import Fleet
from calib.web.streams.versions import ChannelView, channel_view, scope_note
from calib.web.visitors import Visitor

router = APIRouter()
LONGEST_REASON = 500  # characters
NAMESPACE = uuid.UUID("5b7f0f5e-6f0c-5d0a-9a55-0b0a4f6f6d21")  # of the publish ids of forms


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A move that somebody is about to make, in words.

    `now_named` and `seen`: what the channel names now, in words and by its entry's digest. `to`: the mapping
    that was chosen, if one was.
    """

    now_named: str
    seen: str
    title: str
    action: str
    effect: str
    bad: bool
    to: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMove:
    """Why there is nothing to confirm."""

    title: str
    words: str
    status: HTTPStatus = HTTPStatus.NOT_FOUND


@router.get("/streams/{name}/versions/roll-back")
def ask_roll_back(
    request: Request,
    site: TheSite,
    admin: Admin,
    name: str,
    channel: Channel = PRODUCTION,
    to: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """What a roll back would do, to be confirmed."""
    return _ask(request, site, channel_seen(site, admin, name, channel), kind="roll-back", to=to)


@router.get("/streams/{name}/versions/withdraw")
def ask_withdraw(
    request: Request, site: TheSite, admin: Admin, name: str, channel: Channel = PRODUCTION
) -> Response:
    """What a withdrawal would do, to be confirmed."""
    return _ask(request, site, channel_seen(site, admin, name, channel), kind="withdraw", to=None)


@router.post("/streams/{name}/versions/roll-back")
def roll_back(
    request: Request, site: TheSite, admin: Admin, fleet: TheFleet, name: str, form: Posted
) -> Response:
    """Roll back, as `calib mapping rollback` does."""
    return _move(request, site, admin, fleet, name, form, kind="roll-back")


@router.post("/streams/{name}/versions/withdraw")
def withdraw(
    request: Request, site: TheSite, admin: Admin, fleet: TheFleet, name: str, form: Posted
) -> Response:
    """Withdraw, as `calib mapping withdraw` does."""
    return _move(request, site, admin, fleet, name, form, kind="withdraw")


def _ask(
    request: Request,
    site: Site,
    view: ChannelView,
    *,
    kind: str,
    to: str | None,
    problem: str = "",
    reason: str = "",
    status: int = 200,
) -> Response:
    if view.trouble is not None:
        words = f"The store could not be read: {view.trouble}"
        return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, words)
    move = _planned(site, view, kind=kind, to=to)
    if isinstance(move, NoMove):
        versions = site.path("streams", view.stream, "versions", channel=view.channel)
        way_on = WayOn(address=versions, words=f"Versions of {view.stream}: what it served and can serve")
        return refusal(request, move.status, move.words, title=move.title, way_on=way_on)
    return page(
        request,
        "move.html",
        code=status,
        stream=view.stream,
        channel=view.channel,
        now_named=move.now_named,
        seen=move.seen,
        title=move.title,
        action=move.action,
        effect=move.effect,
        bad=move.bad,
        to=move.to,
        scope_note=move.note,
        problem=problem,
        reason=reason,
    )


def _planned(site: Site, view: ChannelView, *, kind: str, to: str | None) -> Move | NoMove:
    """The move in words, or why there is none."""
    present, channel = view.present, f"The channel {view.channel} of {view.stream}"
    if present is None:
        return NoMove(title="Nothing was published here yet", words=f"{channel} names no mapping yet.")
    if kind == "withdraw":
        if present.withdrawn:
            return NoMove(
                title=f"{view.stream} is withdrawn already",
                words=(
                    f"{channel} was withdrawn by {one_line(present.by)} on {present.at[:10]} "
                    f"at {present.at[11:16]} UTC: {one_line(present.reason)}. Clients serve the raw "
                    "confidence and act on nothing until a mapping is promoted, or until you roll back."
                ),
                status=HTTPStatus.CONFLICT,
            )
        return Move(
            now_named=_named(present),
            seen=present.digest,
            title=f"Withdraw the mapping of {view.stream}",
            action="Withdraw",
            effect=(
                "No mapping is served any more: from their next poll on clients serve the raw confidence, "
                "say UNCALIBRATED, and act on nothing. It lasts until a person promotes a mapping or rolls "
                "back. Schedules go on measuring, and what they fit goes to the channel candidate. An open "
                "episode ends."
            ),
            bad=True,
            to=None,
            note=None,
        )
    if to == present.mapping and not present.withdrawn:
        return NoMove(
            title="It is served already",
            words=f"{channel} {_named(present)} already.",
            status=HTTPStatus.CONFLICT,
        )
    target = view.before if to is None else view.named(to)
    if target is None and to is None:
        return NoMove(
            title="There is nothing to roll back to",
            words=f"{channel} named nothing before its present entry.",
            status=HTTPStatus.CONFLICT,
        )
    if target is None:
        return NoMove(
            title="There is no such version",
            words=f"{channel} did not name the mapping {one_line(to or '')[:12]} among its latest entries.",
        )
    scope = site.project.watch(view.stream).scope
    return Move(
        now_named=_named(present),
        seen=present.digest,
        title=f"Roll back {view.stream}",
        action="Roll back",
        effect=(
            f"The channel goes back to entry {target.epoch}/{target.generation} of {target.at[:10]}, which "
            f"{_named(target)}. A new entry is added and nothing is deleted; clients follow at their next "
            "poll."
        ),
        bad=target.withdrawn,
        to=to,
        note=scope_note(site.project.store, target, scope),
    )


def _named(entry: Entry) -> str:
    if entry.withdrawn:
        return "is withdrawn: the raw confidence is served"
    return f"names mapping {entry.mapping[:12]}"


def _move(
    request: Request,
    site: Site,
    visitor: Visitor,
    fleet: Fleet,
    name: str,
    form: PostedForm,
    *,
    kind: str,
) -> Response:
    channel, to = form.text("channel", longest=63), form.text("to", longest=64) or None
    reason, seen = form.text("reason", longest=LONGEST_REASON), form.text("seen", longest=64)
    stream_seen(site, visitor, name)
    if not NAME.fullmatch(channel) or not seen:
        raise HTTPException(HTTPStatus.BAD_REQUEST)

    def again(problem: str, status: HTTPStatus) -> Response:
        fleet.changed(name)
        view = channel_view(site.project.store, stream=name, channel=channel)
        return _ask(request, site, view, kind=kind, to=to, problem=problem, reason=reason, status=status)

    if not reason:
        return again("Write why: whoever reads the history later needs it.", HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        entry = _carry_out(
            site, visitor, name, form, kind=kind, channel=channel, to=to, reason=reason, seen=seen
        )
    except Conflict as error:
        words = f"Nothing was changed: {in_a_line(error)}. This page shows how the channel stands now."
        return again(words, HTTPStatus.CONFLICT)
    except InvalidInput as error:
        return again(f"Nothing was changed: {in_a_line(error)}.", HTTPStatus.CONFLICT)
    except CalibError as error:  # a new form could move the channel a second time
        fleet.changed(name)
        words = (
            f"Whether the channel was moved is not known: {in_a_line(error)}. Load this page again, which "
            "sends the same form: it moves the channel once at most. The page of the versions shows what "
            "stands there."
        )
        return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, words)
    fleet.changed(name)
    where = site.path("streams", name, "versions", channel=channel, moved=entry.digest)
    return RedirectResponse(where, HTTPStatus.SEE_OTHER)


def _carry_out(
    site: Site,
    visitor: Visitor,
    name: str,
    form: PostedForm,
    *,
    kind: str,
    channel: str,
    to: str | None,
    reason: str,
    seen: str,
) -> Entry:
    """Move the channel, once for each form, and note who did it."""
    project, now = site.project, site.project.now()
    intent = by_hand.intent_of_a_person(
        project.watch(name),
        by=visitor.name,
        reason=reason,
        now=now,
        publish_id=str(uuid.uuid5(NAMESPACE, form.once)),
    )
    if kind == "withdraw":
        withdrawal = by_hand.withdraw(
            project.store, lambda: project.engine, stream=name, channel=channel, intent=intent, seen=seen
        )
        entry = withdrawal.entry
    else:
        entry = store.rollback(project.store, stream=name, channel=channel, intent=intent, to=to, seen=seen)
        if (trouble := tell_of_move(lambda: project.engine, "rollback", entry, now=now)) is not None:
            raise trouble
    try:
        with posted_once(site.engine, form, now=now) as conn:
            reviewers.record(
                conn,
                who=visitor.name,
                what="withdrew" if kind == "withdraw" else "rolled_back",
                at=now,
                stream=name,
                details={
                    "channel": channel,
                    "epoch": entry.epoch,
                    "generation": entry.generation,
                    "mapping": entry.mapping,
                },
            )
    except PostedBeforeError:  # the same form: the entry is that of the first time
        pass
    return entry
