"""The page of all streams, and the ledger of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from markupsafe import Markup
from starlette.responses import Response

from calib.web.asking import Admin, SignedIn, TheSite
from calib.web.site import page
from calib.web.streams.cards import StreamCard
from calib.web.streams.fleet import Fleet
from calib.web.streams.ledger_rows import ledger_rows, totals
from calib.web.streams.pictures import SPARK_PERIODS
from calib.wording.numbers import counted

router = APIRouter()
ON_A_PAGE = 50  # streams
AGAIN = "2"  # seconds after which a page that is not complete loads itself again
CHOICES = (
    ("all", "all streams"),
    ("attention", "those that need somebody"),
    ("cohort", "those with an open cohort"),
)


def fleet_of(request: Request) -> Fleet:
    """What this process knows of the streams."""
    fleet: Fleet = request.app.state.fleet
    return fleet


TheFleet = Annotated[Fleet, Depends(fleet_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of the streams is asked for: a part of their names, a choice, and which page."""

    q: str
    show: str
    page: int


@router.get("/streams")
def streams(
    request: Request,
    visitor: SignedIn,
    fleet: TheFleet,
    q: Annotated[str, Query(max_length=200)] = "",
    show: str = "all",
    number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1,
) -> Response:
    """Every stream that the visitor may see, those that need somebody first."""
    view = fleet.all()
    known = [one for one in view.cards if visitor.sees(one.name)]
    chosen = sorted(_chosen(known, q.strip().lower(), show), key=lambda one: one.urgency)
    pages = max(1, -(-len(chosen) // ON_A_PAGE))
    number = min(number, pages)
    unread = sum(visitor.sees(name) for name in view.unread)
    answer = page(
        request,
        "streams.html",
        as_of=f"{view.as_of:%Y-%m-%d %H:%M:%S}",
        unread=unread,
        total=len(known) + unread,
        asked=Asked(q=q.strip(), show=show, page=number),
        choices=CHOICES,
        found=_found(len(chosen), len(known)),
        cards=chosen[(number - 1) * ON_A_PAGE : number * ON_A_PAGE],
        pages=pages,
        shown=SPARK_PERIODS,
    )
    if unread:
        answer.headers["refresh"] = AGAIN
    return answer


def _chosen(known: Sequence[StreamCard], part: str, show: str) -> list[StreamCard]:
    return [
        one
        for one in known
        if part in one.name
        and (show != "attention" or one.needs_somebody)
        and (show != "cohort" or one.cohorts)
    ]


def _found(chosen: int, known: int) -> str:
    if chosen == known:
        return f"{counted(known, 'stream')}."
    return f"{chosen:,} of {counted(known, 'stream')}."


@router.get("/ledger")
def ledger(request: Request, site: TheSite, admin: Admin, fleet: TheFleet) -> Response:
    """What the labels cost and what they brought, stream by stream."""
    del admin

    def link(name: str) -> Markup:
        return Markup('<a href="{}">{}</a>').format(site.path("streams", name), name)

    view = fleet.all()
    ledgers = [(part.name, part.known.ledger) for part in view.streams]
    answer = page(
        request,
        "ledger.html",
        as_of=f"{view.as_of:%Y-%m-%d %H:%M:%S}",
        unread=len(view.unread),
        totals=totals(ledgers),
        rows=ledger_rows(ledgers, link),
        assumption=next((one.assumption for _, one in ledgers if one.assumption), ""),
    )
    if view.unread:
        answer.headers["refresh"] = AGAIN
    return answer
