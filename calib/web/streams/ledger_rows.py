"""The ledger of labels of all streams, as its page shows it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calib.report.tables import Cell, Row, avoided
from calib.results.history import Ledger
from calib.wording.numbers import number


def ledger_rows(
    ledgers: Sequence[tuple[str, Ledger]], link: Callable[[str], Cell] = lambda name: name
) -> list[Row]:
    """A row for each stream with a closed period, in the order given; `link`: its name as a cell."""
    return [
        [
            link(name),
            f"{ledger.windows:,}",
            f"{ledger.labels:,}",
            f"{ledger.answers:,}",
            number(ledger.seconds_per_label, 0),
            number(ledger.hours, 1),
            str(ledger.changes),
            str(ledger.versions),
            *avoided(ledger),
        ]
        for name, ledger in ledgers
        if ledger.windows
    ]


def totals(ledgers: Sequence[tuple[str, Ledger]]) -> list[tuple[str, str, str]]:
    """The sums over all streams: what each counts, the sum, and what must be known to read it."""
    every = [ledger for _, ledger in ledgers if ledger.windows]
    timed = [ledger for ledger in every if ledger.hours is not None]
    hours = sum(ledger.hours or 0.0 for ledger in timed)
    return [
        ("streams", f"{len(every):,}", "with a closed period"),
        ("labels", f"{sum(ledger.labels for ledger in every):,}", ""),
        (
            "hours of labelling",
            number(hours, 1) if timed else "–",
            f"known of {len(timed):,} of {len(every):,} streams",
        ),
        ("changes confirmed", f"{sum(ledger.changes for ledger in every):,}", ""),
        ("mappings published", f"{sum(ledger.versions for ledger in every):,}", ""),
    ]
