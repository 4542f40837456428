"""Labelling: the streams that wait, and one item at a time."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import Select, select
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from calib.db import tables
from calib.web.asking import Number, SignedIn, TheSite, stream_seen
from calib.web.cohorts import waiting
from calib.web.items import fields_of_context, names_of
from calib.web.refusals import refusal
from calib.web.site import page
from calib.web.texts import plain
from calib.web.work import (
    IN_HAND,
    claimed,
    following,
    guidelines_of,
    item_html,
    labelled_by,
    labelled_here,
    status_of,
    view_of,
)

router = APIRouter(prefix="/review")
items, labels, windows = tables.items, tables.labels, tables.windows


@router.get("")
def choose(request: Request, site: TheSite, visitor: SignedIn) -> Response:
    """The streams that wait for labels; straight to the only one."""
    names = labelled_by(site, visitor)
    if len(names) == 1:
        return RedirectResponse(site.path("review", names[0]), 303)
    now = site.project.now()
    with site.engine.begin() as conn:
        of_streams = waiting(conn, names)
    return page(request, "review_list.html", waiting=of_streams, now=now, names=names)


@router.get("/{stream}")
def review(
    request: Request, site: TheSite, visitor: SignedIn, stream: str, item: Number = 0, note: str = ""
) -> Response:
    """The item to label, beside it the guidelines and how far the cohort is.

    `item`: one that was taken back, which is shown before any other.
    """
    settings = stream_seen(site, visitor, stream)
    if not labelled_here(settings):
        kind = settings.review.kind
        words = f"The labels of {stream} are not given on this page: its kind of review is {kind}."
        return refusal(request, 404, words)
    with site.engine.begin() as conn:
        in_hand = claimed(conn, site, visitor, stream, IN_HAND if item else 1)
        status = status_of(conn, site, visitor, stream, note=note)
    current = next((claim for claim in in_hand if claim.item_id == item), in_hand[0] if in_hand else None)
    return page(
        request,
        "review.html",
        stream=stream,
        status=status,
        item=None if current is None else view_of(site, settings, current),
        guidelines=guidelines_of(site, settings, stream),
    )


@router.get("/{stream}/next")
def next_item(request: Request, site: TheSite, visitor: SignedIn, stream: str, after: Number) -> Response:
    """The item that follows the one that is shown, for the script that shows it without waiting."""
    settings = stream_seen(site, visitor, stream)
    with site.engine.begin() as conn:
        claim = following(conn, site, visitor, stream, after) if labelled_here(settings) else None
    return JSONResponse({"next": item_html(request, site, settings, claim)})


@router.get("/{stream}/items/{item}")
def texts(request: Request, site: TheSite, visitor: SignedIn, stream: str, item: Number) -> Response:
    """All texts of an item that this person has answered."""
    settings = stream_seen(site, visitor, stream)
    own = select(labels.c.id).where(labels.c.item_id == items.c.id, labels.c.by == visitor.name)
    with site.engine.begin() as conn:
        row = conn.execute(_item(stream, item).where(own.exists())).first()
    if row is None:
        raise HTTPException(404)
    images = site.project.settings.web.images
    fields = fields_of_context(row.context or {}, order=settings.columns.context, images=images)
    return page(
        request,
        "own_item.html",
        stream=stream,
        item_id=item,
        prediction_id=row.prediction_id,
        fields=fields,
    )


@router.get("/{stream}/items/{item}/{number}")
def text(site: TheSite, visitor: SignedIn, stream: str, item: Number, number: Number) -> Response:
    """All of one text of an item, as it stands, as plain text."""
    settings = stream_seen(site, visitor, stream)
    with site.engine.begin() as conn:
        row = conn.execute(_item(stream, item)).first()
    context = row.context or {} if row is not None else {}
    names = names_of(context, order=settings.columns.context)
    if not 0 <= number < len(names):
        raise HTTPException(404)
    whole = plain(context[names[number]]).encode("utf-8", "replace")
    return PlainTextResponse(whole, headers={"content-security-policy": "default-src 'none'; sandbox"})


def _item(stream: str, item: int) -> Select[Any]:
    """The texts of an item, where it is one of the stream."""
    query = select(items.c.prediction_id, items.c.context).join(windows, windows.c.id == items.c.window_id)
    return query.where(items.c.id == item, windows.c.stream == stream)
