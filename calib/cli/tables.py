"""Results for people: one window as lines, many as a table, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from calib.cli.page import Page
from calib.cli.terminal_picture import windows_picture
from calib.reasons import UNREADABLE
from calib.results import EceInterval, WindowResult
from calib.results.demo import DemoYear
from calib.results.window import CertificateKept
from calib.wording.change import change_words
from calib.wording.label_error import kappa_words, label_error_sentences
from calib.wording.measured import information_words
from calib.wording.numbers import interval, number, odds

RAW, SERVED = "raw ECE (95%)", "served ECE (95%)"


def windows_table(results: Sequence[WindowResult]) -> None:
    """A line for each window, and one more where there is news of it."""
    rows: list[tuple[str, ...]] = []
    for result in results:
        labels = f"{result.labels.n:,}"
        cells = (short_interval(result.raw), short_interval(result.served))
        rows.append((result.period, labels, *cells, verdict_of(result)))
        if news := "; ".join(_news(result)):
            rows.append((news,))
    Page().table(("period", "labels", RAW, SERVED, "change"), rows, left=(0, 4), indent=0)


def verdict_of(result: WindowResult) -> str:
    """The change, or how far the window came, in one or two words."""
    state = result.change.state or result.state
    return "DEGRADED" if state == "degraded" else str(state).replace("_", " ")


def _news(result: WindowResult) -> Iterator[str]:
    """What a window did, and what it waits for."""
    if result.revision > 1:
        yield f"revision {result.revision}"
    if not result.standing:
        yield "does not stand for its period"
    if missing := result.labels.missing:
        yield f"{missing:,} of {result.sample.n:,} without a label"
    if result.refit.published and result.refit.mapping:
        waits = " on candidate" if _waits(result) else ""
        yield f"new mapping {result.refit.mapping[:8]}{waits}"
    elif result.refit.upheld:
        yield "mapping upheld"
    if alerts := ", ".join(alert.kind.replace("_", " ") for alert in result.alerts):
        yield f"alerts: {alerts}"


def short_interval(measured: EceInterval | None) -> str:
    """An ECE with its interval, as narrow as it can be."""
    if measured is None or measured.ece is None:
        return "–"
    return f"{number(measured.ece)} ({number(measured.low)}–{number(measured.high)})"


def demo_year(year: DemoYear, *, calib: str) -> None:
    """The demo's year with the truth beside it, and what to look at; `calib`: how to call it here."""
    page = Page()
    rows: list[tuple[str, ...]] = []
    for window in year.windows:
        true = window.true
        cells = [window.period]
        for measured, truth in ((window.raw, true.raw_ece), (window.served, true.served_ece)):
            cells += [short_interval(measured), number(truth)]
        rows.append((*cells, verdict_of(window)))
        if news := "; ".join(_news(window)):
            rows.append((news,))
    page.table(("period", RAW, "true", SERVED, "true", "change"), rows, left=(0, 5), indent=0)
    changed = next(w for w in year.windows if w.period == year.changed_at)
    page.say("")
    page.say(
        f"In {changed.period} the camera slipped: served confidence was off by "
        f"{interval(changed.served)}, and the change test said {verdict_of(changed)}."
    )
    page.picture(windows_picture(year.windows, width=page.width))
    page.say("The last month's report, the page of all streams, and the year as a picture:")
    for path in (year.report, year.fleet, year.picture):
        page.command(str(path))
    page.say("Next:")
    page.command(f"cd {shlex.quote(str(Path(year.store).parent))} && {calib} mapping list {changed.stream}")
    page.command(f"{calib} measure FILE    (a file of your own)")


def window_panel(result: WindowResult) -> None:
    """One window in words."""
    page = Page()
    stream, period, labels = result.stream, result.period, result.labels
    again = "" if result.revision == 1 else f" revision {result.revision}"
    page.title(f"{stream} {period}{again}", result.state.replace("_", " "))
    if not result.standing:
        page.row("revision", f"another one stands for {period}, or none: `calib window list {stream}`")
    rejected = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in result.rejected.items())
    page.row("population", f"{result.population:,}" + (f"  (not counted: {rejected})" if rejected else ""))
    if result.rounded:
        page.row("rounded", f"{result.rounded:,} confidences just beyond 0 or 1 were taken as the end")
    page.row(
        "labels",
        f"{labels.n:,} of {result.sample.n:,}: {labels.correct:,} correct, "
        f"{labels.unsure:,} unsure, {labels.missing:,} missing{_of_missing(result)}",
    )
    if result.label_conflicts:
        page.row("conflicts", f"{result.label_conflicts:,}; `calib labels conflicts {stream}` lists them")
    if result.raw.ece is not None:
        page.row("raw ECE", f"{interval(result.raw)}   AUROC {number(result.raw.auroc)}")
        page.row("served ECE", f"{interval(result.served)}   ({result.served.source})")
    change, refit = result.change, result.refit
    if change.state is not None:
        page.row("change", change_words(change))
    if result.above_limit:
        page.row("limit", "the served ECE is above max_ece, and this is the first window of its scope")
    for heading, line in _evidence(result):
        page.row(heading, line)
    if change.state is not None or result.state == "insufficient":
        published = refit.mapping if refit.published else None
        where = f" on {refit.channel}" if _waits(result) else ""
        if refit.certificates_dropped:
            page.row("dropped", f"{refit.certificates_dropped} certificates that these labels break")
        new = "no new mapping: " if published is None else f"new mapping {published[:12]}{where}: "
        page.row("refit", f"{new}{refit.reason}")
    for alert in result.alerts:
        page.row("alert", f"{alert.kind.replace('_', ' ')}{'' if alert.delivered else ' (waiting)'}")
    page.say(f"Next: {_next(result, stream, period)}")


def _of_missing(result: WindowResult) -> str:
    """What is known of the outcomes that are missing."""
    outcomes = result.outcomes
    parts = (
        f"{outcomes.not_an_answer:,} with an outcome that says neither right nor wrong"
        if outcomes.not_an_answer
        else "",
        f"{outcomes.not_found:,} no longer in the traffic" if outcomes.not_found else "",
    )
    words = "; ".join(filter(None, parts))
    return f" ({words})" if words else ""


def _waits(result: WindowResult) -> bool:
    """Whether the new mapping waits on another channel, because a person withdrew the window's own."""
    return result.refit.channel not in (None, result.channel)


def _evidence(result: WindowResult) -> Iterator[tuple[str, str]]:
    """What else is known, a line each."""
    if words := information_words(result.raw):
        yield "signal", words
    clusters = result.clusters
    if clusters.why is not None and clusters.why_code != "clusters_not_found":
        yield "clusters", clusters.why
    if (judge := result.change.judge) is not None:
        yield "judge", f"{'used' if judge.used else 'not used'}: {judge.reason}"
    for name, part in result.segments.items():
        change = part.change
        words = "too few labels to compare" if change is None else change_words(change)
        yield "segment", f"{name}: served ECE {interval(part.served)}, {part.labels} labels; {words}"
    for certificate in result.certificates_kept:
        yield "certificate", kept_words(certificate)
    if (mix := result.score_mix) is not None and mix.notable:
        yield "score mix", f"{mix.moved:.1%} of predictions moved to another stated confidence"
    response = result.response
    if response is not None and response.share is not None and response.share < 1:
        low, high = response.accuracy_if_missing_wrong, response.accuracy_if_missing_right
        yield (
            "response",
            f"{response.share:.1%}; with every missing answer wrong accuracy is {low:.3f}, right {high:.3f}",
        )
    if response is not None and response.agreement.rows:
        agreed = response.agreement
        yield (
            "agreement",
            f"{agreed.share:.1%} ({agreed.low:.1%} to {agreed.high:.1%}) of {agreed.rows} rows "
            f"that two people labelled{kappa_words(agreed)}; with such labels a perfect mapping shows an "
            f"ECE of {agreed.ece_floor:.3f}",
        )
    if result.change.label_error is not None:
        for sentence in label_error_sentences(result.change.label_error):
            yield "label error", sentence
    if (early := result.early_watch) is not None and early.off is not None:
        yield "early watch", f"off: {early.off}"
    elif early is not None:
        word = "ALARM" if early.alarm else "quiet"
        yield (
            "early watch",
            f"{word} after {early.labels} labels: evidence {odds(early.e_value)}, alarm at "
            f"{early.needed:,.0f} to 1",
        )


def refused(result: WindowResult) -> bool:
    """Whether the reason for no verdict lies in what came in, so that more labels would not help."""
    return result.refit.reason_code in UNREADABLE


def kept_words(certificate: CertificateKept) -> str:
    """What became of an earlier certificate."""
    verdict = {"yes": "kept", "no": "BROKEN", "unknown": "not known yet"}[certificate.kept]
    seen = "no label there"
    if certificate.accuracy is not None:
        seen = f"{certificate.accuracy:.1%} right ({certificate.low:.1%} to {certificate.high:.1%})"
    target, cut = certificate.target, certificate.cut
    return f"{target:.1%} from {cut:g} on (proven by {certificate.from_}): {verdict}; {seen}"


def _next(result: WindowResult, stream: str, period: str) -> str:
    if result.state in ("sampled", "in_review"):
        return _next_of_open(result, stream, period)
    if result.refit.mapping is not None and _waits(result):
        return (
            f"{result.channel} is withdrawn; `calib mapping promote {stream} {result.refit.mapping[:12]}` "
            "serves the new mapping"
        )
    if result.refit.published:
        undo = (
            "" if result.refit.generation in (None, 1) else f"; `calib mapping rollback {stream}` undoes it"
        )
        return f"`calib mapping list {stream}` shows what is served{undo}"
    if result.state == "insufficient" and refused(result):
        return "`calib check` shows the first row of each kind; the mapping stays as it is"
    if result.state == "insufficient":
        return (
            f"`calib window reopen {stream} {period} --reason …` watches the period again, with labels that "
            "came late; the mapping stays as it is"
        )
    return f"`calib mapping list {stream}` shows what is served"


def _next_of_open(result: WindowResult, stream: str, period: str) -> str:
    """How a window goes on that is not evaluated: its labels first, then the periods before it."""
    from calib.review.sources import source_of

    source, before = source_of(result.review), ", ".join(result.waits_for)
    if result.labels.missing and not source.by_itself:
        return source.next_step(stream, period) + (f"; {before} must be evaluated first" if before else "")
    if before:
        rest = "`calib check` shows the table of outcomes"
        if not source.by_itself:
            rest = f"`calib labels export {stream} --to todo.csv` gives the rows that still wait for a label"
        return f"`calib evaluate {stream}` evaluates {before} first, then this period; {rest}"
    if not result.labels.missing:
        return f"every label is there: `calib run {stream} --period {period}` evaluates the period"
    return source.next_step(stream, period)
