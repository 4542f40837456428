"""What a reviewer has in hand: the item, the one after it, the last answer, and how far the cohort is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request
from markupsafe import Markup
from sqlalchemy import Connection

from calib.errors import InvalidInput
from calib.review import claims, own_answers
from calib.review.claims import Claim
from calib.review.guidelines import read_guidelines
from calib.review.own_answers import OwnAnswer
from calib.review.sources import source_of
from calib.stream_settings import Stream
from calib.web.cohorts import NEXT, Cohort, cohorts_of, left_for
from calib.web.items import ItemView, item_view
from calib.web.markdown import rendered
from calib.web.site import Site, fragment
from calib.web.visitors import Visitor

IN_HAND = 4  # items that one person can have open: in two tabs, each with the next one fetched
LAST_FOR = timedelta(hours=1)  # how long the last answer stands above the next item
NOTES = {
    "fenced": "You had that item for more than half an hour, and somebody else has it now. Your answer is "
    "kept, and does not count.",
    "late": "The period was evaluated before your answer came. It is kept, and counts in the baselines of "
    "later periods.",
    "gone": "You had that item for more than half an hour, and it had gone back already.",
    "nothing": "There was no answer of yours to take back.",
    "closed": "The period has been evaluated: its answers can no longer be changed.",
    "changed": "Your answer was changed.",
    "beside": "Your answer was changed. Somebody else's answer to the same item counts; both are kept.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What stands above an item: the last answer, the cohort, and how many items this person could answer."""

    stream: str
    last: OwnAnswer | None
    note: str | None
    cohorts: list[Cohort]
    left: int
    now: datetime
    next_labels: int = NEXT

    @property
    def cohort(self) -> Cohort | None:
        """The cohort that is labelled now: the oldest that lacks a label, else the oldest."""
        return next((one for one in self.cohorts if one.missing), self.cohorts[0] if self.cohorts else None)

    def days_left(self, closes_at: datetime) -> int:
        """Whole days until a deadline, 0 on the last day and after it."""
        return max(0, (closes_at - self.now).days)


def labelled_here(settings: Stream) -> bool:
    """Whether the labels of a stream are given on this page."""
    return source_of(settings.review.kind).on_page


def labelled_by(site: Site, visitor: Visitor) -> list[str]:
    """The streams that the visitor may label on these pages, in the order of the settings."""
    streams = site.project.settings.streams.items()
    return [name for name, stream in streams if visitor.sees(name) and labelled_here(stream)]


def status_of(conn: Connection, site: Site, visitor: Visitor, stream: str, *, note: str = "") -> Status:
    """What stands above an item; `note` is one of `NOTES`, anything else says nothing."""
    now = site.project.now()
    last = own_answers.own_answers(conn, stream=stream, by=visitor.name, limit=1)
    return Status(
        stream=stream,
        last=last[0] if last and now - last[0].at < LAST_FOR else None,
        note=NOTES.get(note),
        cohorts=cohorts_of(conn, stream),
        left=left_for(conn, stream, visitor.name),
        now=now,
    )


def claimed(conn: Connection, site: Site, visitor: Visitor, stream: str, n: int) -> list[Claim]:
    """Up to `n` items for this person, those in hand already first."""
    return claims.claim(conn, stream=stream, by=visitor.name, now=site.project.now(), n=n)


def following(conn: Connection, site: Site, visitor: Visitor, stream: str, shown: int) -> Claim | None:
    """The item that comes after the one that is shown; None where there is no other."""
    others = [claim for claim in claimed(conn, site, visitor, stream, 2) if claim.item_id != shown]
    return others[0] if others else None


def view_of(site: Site, settings: Stream, claim: Claim) -> ItemView:
    """An item with its texts as the stream's settings want them."""
    images = site.project.settings.web.images
    return item_view(claim, order=settings.columns.context, images=images)


def item_html(request: Request, site: Site, settings: Stream, claim: Claim | None) -> str | None:
    """An item with its form, for the script that shows it when its turn comes."""
    if claim is None:
        return None
    return fragment(request, "review_item.html", item=view_of(site, settings, claim), stream=claim.stream)


def guidelines_of(site: Site, settings: Stream, stream: str) -> Markup | None:
    """The guidelines as HTML, None where the settings name none; what is wrong with the file, in words."""
    try:
        text = read_guidelines(settings.guidelines, base=site.project.settings.folder, stream=stream)
    except InvalidInput:
        return Markup("<p>{}</p>").format(
            "The guidelines of this stream cannot be read at the moment. `calib check` says why."
        )
    return None if text is None else rendered(text, images=site.project.settings.web.images)
