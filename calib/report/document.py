"""A report as data, with the same sentences as its page. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from calib.report.ledger import ledger_of
from calib.report.months import Month
from calib.report.notes import episode_notes, notes
from calib.results import WindowResult
from calib.results.report import ReportDocument, ReportVerdict
from calib.times import timestamp
from calib.wording.window import done_sentences, routing_sentences, verdict, verdict_word


def report_verdict(window: WindowResult) -> ReportVerdict:
    """The verdict of a window."""
    return ReportVerdict(word=verdict_word(window), sentence=verdict(window))


def report_document(months: Sequence[Month], window: WindowResult) -> ReportDocument:
    """The data of the report of the last month; `window`: that month as `calib run --json` shows it now."""
    last = months[-1].result
    return ReportDocument(
        stream=last.stream,
        period=last.period,
        revision=last.revision,
        as_of=timestamp(months[-1].closed_at),
        verdict=report_verdict(last),
        routing=tuple(routing_sentences(last)),
        done=tuple(done_sentences(last)),
        notes=(*notes(last), *episode_notes([month.result for month in months])),
        window=window,
        ledger=ledger_of(months),
    )
