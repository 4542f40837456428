"""Rows of open cohorts on which people differ, and an admin's decision, as `calib labels decide` makes it."""

from __future__ import annotations

from http import HTTPStatus
from itertools import islice

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import Connection, select
from starlette.responses import RedirectResponse, Response

from calib.db import reviewers, tables
from calib.json_object import Json
from calib.review import conflicts
from calib.review.labelling import ANSWERS
from calib.web.asking import Admin, Posted, TheSite, stream_seen
from calib.web.forms import PostedBeforeError, posted_once
from calib.web.items import fields_of_context
from calib.web.site import page

router = APIRouter()
ON_A_PAGE = 20  # rows: each is shown with its texts
LONGEST_COMMENT = 2_000  # characters
NOTES = {
    "new": "Your decision counts from now on.",
    "same": "You had decided so already.",
    "late": "The period has been evaluated: nothing was changed.",
    "meanwhile": "Nothing was changed: since you opened the page, somebody decided this row, or corrected "
    "the answer that counted. If it is still undecided, it is listed below. A decision is changed by "
    "`calib labels decide`.",
}


@router.get("/streams/{name}/disagreements")
def disagreements(request: Request, site: TheSite, admin: Admin, name: str, note: str = "") -> Response:
    """The rows that nobody has decided, with every answer and comment."""
    settings = stream_seen(site, admin, name)
    with site.project.reading.connect() as conn:
        open_ones = conflicts.of_stream(conn, name, undecided=True)
        shown = list(islice(open_ones, ON_A_PAGE))
        contexts = _contexts(conn, [conflict.item_id for conflict in shown])
    order, images = settings.columns.context, site.project.settings.web.images
    return page(
        request,
        "disagreements.html",
        stream=name,
        conflicts=[
            (conflict, fields_of_context(contexts.get(conflict.item_id, {}), order=order, images=images))
            for conflict in shown
        ],
        total=len(open_ones),
        answers=ANSWERS,
        note=NOTES.get(note, ""),
        note_tone="good" if note in ("new", "same") else "warning",
    )


@router.post("/streams/{name}/disagreements")
def decide(site: TheSite, admin: Admin, name: str, form: Posted) -> Response:
    """Settle one row: the answer counts, whoever gave which before."""
    stream_seen(site, admin, name)
    item, answer, now = form.number("item"), form.fields.get("answer", ""), site.project.now()
    seen = form.number("seen")
    if answer not in ANSWERS:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    note: str = "new"
    try:
        with posted_once(site.engine, form, now=now) as conn:
            if not _is_of(conn, item, name):
                raise HTTPException(HTTPStatus.NOT_FOUND)
            comment = form.text("comment", longest=LONGEST_COMMENT) or None
            note = conflicts.decide(
                conn, item_id=item, answer=answer, by=admin.name, at=now, comment=comment, seen=seen
            )
            details: dict[str, str | int] = {"item": item, "answer": answer, "outcome": note}
            reviewers.record(conn, who=admin.name, what="decided", at=now, stream=name, details=details)
    except conflicts.CountsMeanwhileError:
        note = "meanwhile"
    except PostedBeforeError:  # a double click: it was decided then
        pass
    else:
        if note == "new":
            site.batches.add(name, last=True)  # as `calib labels decide` tells it at once
    return RedirectResponse(site.path("streams", name, "disagreements", note=note), HTTPStatus.SEE_OTHER)


def _contexts(conn: Connection, item_ids: list[int]) -> dict[int, Json]:
    t = tables.items
    rows = conn.execute(select(t.c.id, t.c.context).where(t.c.id.in_(item_ids)))
    return {row.id: row.context or {} for row in rows}


def _is_of(conn: Connection, item: int, stream: str) -> bool:
    t, w = tables.items, tables.windows
    query = select(w.c.stream).join(t, t.c.window_id == w.c.id).where(t.c.id == item)
    return conn.execute(query).scalar() == stream
