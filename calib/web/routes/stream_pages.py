"""A stream's own pages: how it stands, one window of it, and the reports that the store keeps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from fastapi import APIRouter, HTTPException, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from calib.cycle.report_links import report_key
from calib.cycle.reporting import OVER
from calib.cycle.window_summary import summary
from calib.db import windows
from calib.db.windows import Window
from calib.report.tables import Row
from calib.review import queue
from calib.review.conflicts import of_stream as conflicts_of
from calib.review.queue import ReviewerProgress
from calib.web.asking import Number, SignedIn, TheSite, stream_seen
from calib.web.routes.overview import TheFleet
from calib.web.site import Site, page
from calib.web.streams.cards import CohortCard, card
from calib.web.streams.window_page import reliability_pictures, window_values
from calib.wording.ledger import ledger_sentences
from calib.wording.numbers import percent

router = APIRouter()
REPORT = re.compile(r"([0-9A-Za-z-]{1,16})-r([1-9][0-9]{0,5})\.html")
# A report has its own policy inside; here it is also kept from scripts and from everything of this site.
REPORT_POLICY = (
    "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


@router.get("/streams/{name}")
def stream(request: Request, site: TheSite, visitor: SignedIn, fleet: TheFleet, name: str) -> Response:
    """How one stream stands."""
    settings = stream_seen(site, visitor, name)
    view, now = fleet.stream(name), site.project.now()
    known, shown = view.known, card(view, now=now)
    built_in = settings.review.kind == "builtin"
    with site.project.reading.connect() as conn:
        people = {
            waiting.id: _people(queue.progress_by_reviewer(conn, waiting.id)) for waiting in known.waiting
        }
        undecided = len(conflicts_of(conn, name, undecided=True)) if visitor.admin and known.waiting else None
    cohorts = [
        {"card": part, "strata": _strata_rows(part), "people": people[waiting.id]}
        for part, waiting in zip(shown.cohorts, known.waiting, strict=True)
    ]
    verdict = known.verdict
    return page(
        request,
        "stream.html",
        as_of=f"{now:%Y-%m-%d %H:%M:%S}",
        card=shown,
        latest=None if verdict is None else {"key": window_values(verdict)["key"]},
        notes=known.notes,
        cohorts=cohorts,
        reviewed=built_in,
        disagreements=undecided,
        months=known.months,
        month_rows=_with_links(site, name, known.month_rows),
        version_rows=known.version_rows,
        effect_rows=known.effect_rows,
        reliability=[] if verdict is None else reliability_pictures(verdict),
        ledger=ledger_sentences(known.ledger),
    )


@router.get("/streams/{name}/windows/{period}")
def window(
    request: Request, site: TheSite, visitor: SignedIn, name: str, period: str, revision: Number | None = None
) -> Response:
    """One window in all its numbers: the revision that stands, or the one that is asked for."""
    stream_seen(site, visitor, name)
    with site.project.reading.connect() as conn:
        found = (
            windows.find_standing(conn, name, period)
            if revision is None
            else windows.find(conn, name, period, revision=revision)
        )
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        revisions = windows.revisions(conn, name, period)
    if found.waits:  # nothing is known of it but how far its labels are
        return RedirectResponse(site.path("streams", name) + "#cohort", HTTPStatus.SEE_OTHER)
    over = found.state in OVER and site.project.settings.reports
    return page(
        request,
        "window.html",
        **window_values(summary(found, replace(site.project.ports(name), engine=site.project.reading))),
        report=report_key(name, period, found.revision).rpartition("/")[2] if over else None,
        revisions=[_revision_row(site, one) for one in revisions],
    )


@router.get("/{name}/reports/{file}")
def report(site: TheSite, visitor: SignedIn, name: str, file: str) -> Response:
    """The report that the store keeps of a window, as it is."""
    stream_seen(site, visitor, name)
    named = REPORT.fullmatch(file)
    stored = None if named is None else site.project.store.get(report_key(name, named[1], int(named[2])))
    if stored is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    headers = {"content-security-policy": REPORT_POLICY, "cache-control": "private, max-age=3600"}
    return Response(stored, media_type="text/html; charset=utf-8", headers=headers)


def _with_links(site: Site, name: str, rows: Sequence[Row]) -> list[Row]:
    """The rows of periods, each period a link to its window."""
    link = Markup('<a href="{}">{}</a>')
    return [[link.format(site.path("streams", name, "windows", row[0]), row[0]), *row[1:]] for row in rows]


def _strata_rows(cohort: CohortCard) -> list[Row]:
    return [
        [
            f"{low:g} to {high:g}",
            f"{part.drawn:,}",
            f"{part.labelled:,}",
            f"{part.correct:,}",
            f"{part.unsure:,}",
            f"{part.missing:,}",
            percent(part.labelled / part.drawn if part.drawn else None),
        ]
        for low, high, part in cohort.strata
    ]


def _people(progress: Sequence[ReviewerProgress]) -> list[Row]:
    return [
        [row.by, f"{row.answered:,}", f"{row.unsure:,}", f"{row.last_at:%Y-%m-%d %H:%M} UTC"]
        for row in progress
    ]


def _revision_row(site: Site, window: Window) -> Row:
    address = site.path("streams", window.stream, "windows", window.period, revision=window.revision)
    gone = "discarded" if window.discarded_at is not None else "yes" if window.standing else "no"
    return [
        Markup('<a href="{}">{}</a>').format(address, window.revision),
        window.state.replace("_", " "),
        gone,
    ]
