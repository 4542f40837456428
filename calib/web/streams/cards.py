"""A stream on the page of all streams: its verdict, its numbers, its open cohort and its mapping. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from calib.format import Entry
from calib.report.tables import Cell, ends, exact
from calib.review.response import StratumCounts
from calib.times import moment
from calib.web.streams import pictures
from calib.web.streams.known import Waiting
from calib.web.streams.views import StreamView
from calib.wording.numbers import counted, number
from calib.wording.window import tone, verdict, verdict_word

FEW_DRAWN = 10  # rows of a stratum: fewer say little of who answers
TONES = ("bad", "warning", "plain", "good")  # those that need somebody first


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCard:
    """A window that waits for labels: how many rows have one, by when, and where most are missing."""

    period: str
    revision: int
    drawn: int
    labelled: int
    unsure: int
    missing: int
    deadline: datetime
    late: bool
    strata: tuple[tuple[float, float, StratumCounts], ...]
    picture: Markup
    least: str

    @property
    def words(self) -> str:
        """How far the labels are."""
        unsure = f", {self.unsure:,} unsure" if self.unsure else ""
        return f"{self.labelled:,} of {self.drawn:,} labelled{unsure}, {self.missing:,} missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCard:
    """A stream as people see it first; `ece` and `between` hold the exact numbers of `calib run --json`."""

    name: str
    word: str
    tone: str
    sentence: str
    period: str | None
    state: str
    ece: Cell
    between: Cell
    spark: Markup
    dial: Markup
    cohorts: tuple[CohortCard, ...]
    mapping: str
    mapping_tone: str
    waiting: int
    parked: int
    open_episodes: int
    next_run: str
    trouble: str | None

    @property
    def worst(self) -> int:
        """The place in `TONES` of the worst that is known of it; what is late or stuck is a warning."""
        stuck = self.parked > 0 or self.trouble is not None or any(cohort.late for cohort in self.cohorts)
        tones = (self.tone, self.mapping_tone, "warning" if stuck else "good")
        return min(TONES.index(tone) for tone in tones)

    @property
    def look(self) -> str:
        """The tone of the whole card."""
        return TONES[self.worst]

    @property
    def needs_somebody(self) -> bool:
        """Whether somebody should look at it."""
        return self.look in ("bad", "warning") or self.open_episodes > 0

    @property
    def urgency(self) -> tuple[int, int, str]:
        """The order on the page: the worst first, then those with an open episode, then by name."""
        return self.worst, -self.open_episodes, self.name


def card(view: StreamView, *, now: datetime) -> StreamCard:
    """The card of a stream."""
    known, window = view.known, view.known.verdict
    mapping, mapping_tone = mapping_words(view, now=now)
    return StreamCard(
        name=view.name,
        word="No period closed yet" if window is None else verdict_word(window),
        tone="plain" if window is None else tone(window),
        sentence="" if window is None else verdict(window),
        period=None if window is None else window.period,
        state=state_words(view),
        ece="–" if window is None else exact(window.served.ece, number(window.served.ece), "served.ece"),
        between="–" if window is None else ends(window.served.low, window.served.high, "served"),
        spark=known.spark,
        dial=known.dial,
        cohorts=tuple(
            cohort_card(waiting, view.counts.get(waiting.id, ()), now=now) for waiting in known.waiting
        ),
        mapping=mapping,
        mapping_tone=mapping_tone,
        waiting=view.status.alerts.waiting,
        parked=view.status.alerts.parked,
        open_episodes=view.open_episodes,
        next_run=next_run_words(view.status.next_run, now),
        trouble=known.trouble,
    )


def state_words(view: StreamView) -> str:
    """Where the latest window stands."""
    status = view.status
    if status.period is None:
        return "No period was opened yet."
    return f"{status.period}: {(status.state or '').replace('_', ' ')}."


def next_run_words(at: str, now: datetime) -> str:
    """From when on the next window can be opened.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 28, tzinfo=UTC)
    >>> next_run_words("2026-12-02T00:00:00Z", now), next_run_words("2026-11-02T00:00:00Z", now)
    ('Next run from 2026-12-02.', 'Next run due since 2026-11-02.')
    """
    return f"Next run {'due since' if moment(at) <= now else 'from'} {at[:10]}."


def mapping_words(view: StreamView, *, now: datetime) -> tuple[str, str]:
    """What the serving channel names, since when and until when, and how that is coloured."""
    head = view.head
    if head is None:
        return "The store has not been read yet.", "plain"
    if head.trouble is not None:
        return f"The store could not be read: {head.trouble}", "warning"
    if head.entry is None:
        return "No mapping yet: the raw confidence is served.", "plain"
    return entry_words(head.entry, now=now)


def entry_words(entry: Entry, *, now: datetime) -> tuple[str, str]:
    """What a channel's newest entry names, since when and until when, and how that is coloured."""
    if entry.withdrawn:
        return f"Withdrawn {age(entry.at, now)}: the raw confidence is served.", "warning"
    words = f"Mapping {entry.mapping[:8]}, published {age(entry.at, now)}"
    if entry.expires_at is None:
        return f"{words}; it does not expire.", "plain"
    if moment(entry.expires_at) <= now:
        return f"{words}; EXPIRED on {entry.expires_at[:10]}.", "bad"
    return f"{words}; expires on {entry.expires_at[:10]}.", "plain"


def age(at: str, now: datetime) -> str:
    """How long ago a time was, in days.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    >>> age("2026-11-27T10:00:00Z", now), age("2026-11-28T10:00:00Z", now), age("2026-09-01T00:00:00Z", now)
    ('1 day ago', 'today', '88 days ago')
    """
    days = (now - moment(at)) // timedelta(days=1)
    return "today" if days < 1 else f"{counted(days, 'day')} ago"


def cohort_card(waiting: Waiting, counts: Sequence[StratumCounts], *, now: datetime) -> CohortCard:
    """An open cohort with its response by stratum."""
    strata = tuple((*waiting.bounds[part.stratum], part) for part in counts)
    return CohortCard(
        period=waiting.period,
        revision=waiting.revision,
        drawn=sum(part.drawn for part in counts),
        labelled=sum(part.labelled for part in counts),
        unsure=sum(part.unsure for part in counts),
        missing=sum(part.missing for part in counts),
        deadline=waiting.closes_at,
        late=waiting.closes_at <= now,
        strata=strata,
        picture=pictures.response([(low, high, part.drawn, part.labelled) for low, high, part in strata]),
        least=" ".join(_least(strata)),
    )


def _least(strata: tuple[tuple[float, float, StratumCounts], ...]) -> Iterator[str]:
    """Where the smallest share of the drawn rows has a label, where that is not everywhere the same."""
    judged = [part for part in strata if part[2].drawn >= FEW_DRAWN]
    shares = {part[2].labelled / part[2].drawn for part in judged}
    if len(shares) < 2:
        return
    low, high, part = min(judged, key=lambda part: part[2].labelled / part[2].drawn)
    yield (
        f"Fewest at raw confidences from {low:g} to {high:g}: {part.labelled:,} of {part.drawn:,} "
        "have a label."
    )
