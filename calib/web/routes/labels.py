"""What reviewers post: a label, a skip, an answer taken back, an answer changed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import Connection, select
from starlette.responses import JSONResponse, RedirectResponse, Response

from calib.db import reviewers, tables
from calib.review import claims, labelling, own_answers
from calib.review.labelling import ANSWERS
from calib.web.asking import Number, Posted, SignedIn, TheSite, stream_seen
from calib.web.cohorts import any_missing
from calib.web.forms import ForgedFormError, PostedBeforeError, PostedForm, posted_once
from calib.web.refusals import wants_json
from calib.web.site import Site, fragment, page
from calib.web.texts import plain
from calib.web.visitors import Visitor
from calib.web.work import NOTES, following, item_html, labelled_here, status_of

router = APIRouter(prefix="/review")
LONGEST_COMMENT = 2_000  # characters
ON_A_PAGE = 25  # own answers
BEGINNING = 200  # characters of an item's first text by which an own answer is recognised


@router.post("/{stream}/label")
def label(request: Request, site: TheSite, visitor: SignedIn, form: Posted, stream: str) -> Response:
    """Label the item in hand, or give it back; then the next one.

    For the script: `status` and `cohort` in HTML, and `next`, the item after the one that it shows by now.
    """
    settings = stream_seen(site, visitor, stream)
    item, word = form.number("item"), form.fields.get("answer", "")
    if word not in (*ANSWERS, "skip") or not labelled_here(settings):
        raise ForgedFormError
    note, complete = "", False
    try:
        with posted_once(site.engine, form, now=site.project.now()) as conn:
            note = _label(conn, site, visitor, form, stream, item, word)
            complete = word != "skip" and not any_missing(conn, stream)
    except PostedBeforeError:  # a double click: what it asked for was done
        pass
    else:
        if word != "skip":
            site.batches.add(stream, last=complete)
    if not wants_json(request):
        return _back(site, ("review", stream), note)
    shown = form.number("shown") if form.fields.get("shown") else item
    with site.engine.begin() as conn:
        after = following(conn, site, visitor, stream, shown)
        status = status_of(conn, site, visitor, stream, note=note)
    return JSONResponse(
        {
            "status": fragment(request, "review_status.html", status=status, stream=stream),
            "cohort": fragment(request, "review_cohort.html", status=status),
            "next": item_html(request, site, settings, after),
        }
    )


@router.post("/{stream}/undo")
def undo(site: TheSite, visitor: SignedIn, form: Posted, stream: str) -> Response:
    """Take an own answer back and have its item in hand again."""
    stream_seen(site, visitor, stream)
    item, now = form.number("item"), site.project.now()
    note = ""
    try:
        with posted_once(site.engine, form, now=now) as conn:
            _belongs(conn, item, stream)
            outcome = own_answers.take_back(conn, item_id=item, by=visitor.name, at=now)
            if outcome == "taken_back":
                _record(conn, site, visitor, "took_back", stream, item=item)
            else:
                note = {"late": "closed", "nothing": "nothing"}[outcome]
    except PostedBeforeError:
        pass
    if note:
        return _back(site, ("review", stream), note)
    return RedirectResponse(site.path("review", stream, item=item), 303)


@router.get("/{stream}/mine")
def mine(
    request: Request, site: TheSite, visitor: SignedIn, stream: str, before: Number = 0, note: str = ""
) -> Response:
    """One's own answers, the newest first, which can be changed until their period is evaluated."""
    settings = stream_seen(site, visitor, stream)
    skipped = max(0, before)
    with site.engine.begin() as conn:
        answers = own_answers.own_answers(
            conn, stream=stream, by=visitor.name, limit=ON_A_PAGE + 1, offset=skipped
        )
    order = settings.columns.context
    return page(
        request,
        "mine.html",
        stream=stream,
        note=NOTES.get(note),
        answers=[(answer, _beginning(answer.context, order)) for answer in answers[:ON_A_PAGE]],
        words=ANSWERS,
        longest=LONGEST_COMMENT,
        newer=max(0, skipped - ON_A_PAGE) if skipped else None,
        older=skipped + ON_A_PAGE if len(answers) > ON_A_PAGE else None,
    )


@router.post("/{stream}/mine")
def change(site: TheSite, visitor: SignedIn, form: Posted, stream: str) -> Response:
    """Change an own answer."""
    stream_seen(site, visitor, stream)
    item, word, now = form.number("item"), form.fields.get("answer", ""), site.project.now()
    if word not in ANSWERS:
        raise ForgedFormError
    note = ""
    try:
        with posted_once(site.engine, form, now=now) as conn:
            _belongs(conn, item, stream)
            comment = form.text("comment", longest=LONGEST_COMMENT)
            outcome = own_answers.correct(
                conn, item_id=item, answer=word, by=visitor.name, at=now, comment=comment
            )
            note = {"late": "closed", "conflict": "beside"}.get(outcome, "changed")
            if outcome != "late":
                _record(conn, site, visitor, "changed", stream, item=item, answer=word)
    except PostedBeforeError:
        pass
    return _back(site, ("review", stream, "mine"), note)


def _label(
    conn: Connection, site: Site, visitor: Visitor, form: PostedForm, stream: str, item: int, word: str
) -> str:
    """Carry a label or a skip out; one of `NOTES` where something has to be said of it."""
    _belongs(conn, item, stream)
    token, now = form.number("lease"), site.project.now()
    if word == "skip":
        skipped = claims.skip(conn, item_id=item, token=token, by=visitor.name, now=now)
        _record(conn, site, visitor, "skipped", stream, item=item)
        return "" if skipped else "gone"
    comment = form.text("comment", longest=LONGEST_COMMENT) or None
    outcome = labelling.answer(
        conn, item_id=item, token=token, answer=word, by=visitor.name, at=now, comment=comment
    )
    _record(conn, site, visitor, "labelled", stream, item=item, answer=word, outcome=outcome)
    return outcome if outcome in ("fenced", "late") else ""


def _belongs(conn: Connection, item: int, stream: str) -> None:
    """Raise `ForgedFormError` for an item of another stream, which this person may not have been given."""
    items, windows = tables.items, tables.windows
    query = select(windows.c.stream).join(items, items.c.window_id == windows.c.id).where(items.c.id == item)
    if conn.execute(query).scalar() != stream:
        raise ForgedFormError


def _record(
    conn: Connection, site: Site, visitor: Visitor, what: str, stream: str, **details: str | int
) -> None:
    reviewers.record(conn, who=visitor.name, what=what, at=site.project.now(), stream=stream, details=details)


def _back(site: Site, parts: tuple[str, ...], note: str) -> Response:
    return RedirectResponse(site.path(*parts, **({"note": note} if note else {})), 303)


def _beginning(context: dict[str, object], order: tuple[str, ...]) -> str:
    """The beginning of an item's first text that is not empty."""
    names = [*(name for name in order if name in context), *context]
    for name in names:
        text = " ".join(plain(context[name])[: 4 * BEGINNING].split())
        if text:
            return text if len(text) <= BEGINNING else f"{text[:BEGINNING]}…"
    return ""
