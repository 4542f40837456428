"""The versions of a stream: what each of its channels named, the newest entry first."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from calib.cycle.stream import PRODUCTION
from calib.format.keys import NAME
from calib.web.asking import Admin, TheSite, stream_seen
from calib.web.site import Site, page
from calib.web.streams.cards import entry_words
from calib.web.streams.versions import ChannelView, channel_view
from calib.web.visitors import Visitor

router = APIRouter()
Channel = Annotated[str, Query(max_length=63)]


@router.get("/streams/{name}/versions")
def versions(
    request: Request, site: TheSite, admin: Admin, name: str, channel: Channel = PRODUCTION, moved: str = ""
) -> Response:
    """What a channel named, from its newest entry backwards."""
    view = channel_seen(site, admin, name, channel)
    present, now = view.present, site.project.now()
    mapping, mapping_tone = entry_words(present, now=now) if present else ("", "plain")
    return page(
        request,
        "versions.html",
        view=view,
        mapping=mapping,
        mapping_tone=mapping_tone,
        done=_done(view, moved),
    )


def channel_seen(site: Site, visitor: Visitor, name: str, channel: str) -> ChannelView:
    """A channel of a stream that a visitor may see; for any other there is no such page."""
    stream_seen(site, visitor, name)
    if not NAME.fullmatch(channel):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return channel_view(site.project.store, stream=name, channel=channel)


def _done(view: ChannelView, moved: str) -> str:
    """What the move that led here did, where it stands on the page."""
    entry = next((one.entry for one in view.versions if one.entry.digest == moved), None)
    if entry is None:
        return ""
    named = "withdrawn" if entry.withdrawn else f"on {entry.mapping[:12]}"
    return (
        f"Done: the channel is {named} as of entry {entry.epoch}/{entry.generation}. Clients follow at their "
        "next poll."
    )
