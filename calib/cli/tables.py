"""Results for people: one window as lines, many as a table, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from calib.cli.output import interval, number, printable

STATES = {
    "first": "first window: nothing to compare with yet",
    "stable": "stable: a rise beyond what is allowed is ruled out",
    "no_change_seen": "no change seen",
    "degraded": "DEGRADED",
    "changed": "changed",
}


HEADERS = ("period", "labels", "raw ECE (95%)", "served ECE (95%)", "change", "mapping", "alerts")


def windows_table(results: list[dict[str, Any]]) -> None:
    """A line for each window."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in HEADERS:
        table.add_column(name, no_wrap=True)
    for result in results:
        table.add_row(*row_of(result))
    wide_enough(table).print(table)


def wide_enough(table: Table) -> Console:
    """A console that cuts no cell off: a narrow terminal and a log file wrap long lines by themselves."""
    console = Console(highlight=False, soft_wrap=True)
    needed = Measurement.get(console, console.options.update(max_width=1000), table).maximum
    console.width = max(console.width, needed)
    return console


def row_of(result: dict[str, Any]) -> tuple[str, ...]:
    """The cells of one window."""
    change = result["change"]
    word = (change["state"] or result["state"]).replace("_", " ")
    refit = result["refit"]
    return (
        result["period"],
        f"{result['labels']['n']} of {result['sample']['n']}",
        interval(result["raw"]),
        interval(result["served"]),
        word,
        f"new {refit['mapping'][:8]}" if refit["published"] else "upheld" if refit.get("upheld") else "–",
        ", ".join(alert["kind"].replace("_", " ") for alert in result["alerts"]) or "–",
    )


def demo_year(summary: dict[str, Any]) -> None:
    """The demo's year with the truth beside it, and what there is to look at."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (*HEADERS, "true raw", "true served"):
        table.add_column(name, no_wrap=True)
    for window in summary["windows"]:
        true = window["true"]
        cells = (*row_of(window), number(true["raw_ece"]), number(true["served_ece"]))
        table.add_row(*cells, style="bold" if window["alerts"] else None)
    console = wide_enough(table)
    console.print(table)
    changed = next(w for w in summary["windows"] if w["period"] == summary["changed_at"])
    console.print(
        f"\nIn {changed['period']} the camera slipped: served confidence was off by "
        f"{interval(changed['served'])}, and the change test said {changed['change']['state']}.\n"
        f"Pictures: {summary['report']}\n          {summary['picture']}\n"
        f"Next: cd {Path(summary['store']).parent} && calib mapping list {changed['stream']}, "
        "or `calib measure` on a file of your own"
    )


def window_panel(result: dict[str, Any]) -> None:
    """One window in words."""
    console = Console(highlight=False, soft_wrap=True)
    say = console.print
    stream, period, labels = result["stream"], result["period"], result["labels"]
    say(f"[bold]{stream} {period}[/bold]  {result['state'].replace('_', ' ')}")
    rejected = ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in result["rejected"].items())
    say(f"  population  {result['population']:,}" + (f"  (not counted: {rejected})" if rejected else ""))
    say(
        f"  labels      {labels['n']} of {result['sample']['n']}: {labels['correct']} correct, "
        f"{labels['unsure']} unsure, {labels['missing']} missing"
    )
    if result["raw"]["ece"] is not None:
        say(f"  raw ECE     {interval(result['raw'])}   AUROC {number(result['raw']['auroc'])}")
        say(f"  served ECE  {interval(result['served'])}   ({result['served']['source']})")
    change, refit = result["change"], result["refit"]
    if change["state"] is not None:
        say(f"  change      {change_words(change)}")
    for heading, line in _evidence(result):
        say(f"  {heading:11} {escape(printable(line))}")
    if change["state"] is not None or result["state"] == "insufficient":
        new = f"new mapping {refit['mapping'][:12]}: " if refit["published"] else "no new mapping: "
        say(f"  refit       {new}{printable(refit['reason'])}")
    for alert in result["alerts"]:
        say(f"  alert       {alert['kind'].replace('_', ' ')}{'' if alert['delivered'] else ' (waiting)'}")
    say(f"Next: {_next(result, stream, period)}")


def _evidence(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What else is known, a line each."""
    if result["raw"]["n"] and not result["raw"]["informative"]:
        yield "signal", "no information: this confidence does not tell right answers from wrong ones"
    if (judge := result["change"]["judge"]) is not None:
        yield "judge", f"{'used' if judge['used'] else 'not used'}: {judge['reason']}"
    for name, part in result["segments"].items():
        change = part["change"]
        words = "too few labels to compare" if change is None else change_words(change)
        yield "segment", f"{name}: served ECE {interval(part['served'])}, {part['labels']} labels; {words}"
    if (mix := result["score_mix"]) is not None and mix["notable"]:
        yield "score mix", f"{mix['moved']:.1%} of predictions moved to another stated confidence"
    response = result["response"]
    if response is not None and response["share"] is not None and response["share"] < 1:
        low, high = response["accuracy_if_missing_wrong"], response["accuracy_if_missing_right"]
        yield (
            "response",
            f"{response['share']:.1%}; with every missing answer wrong accuracy is {low:.3f}, "
            f"right {high:.3f}",
        )
    if response is not None and response["agreement"]["rows"]:
        agreed = response["agreement"]
        yield (
            "agreement",
            f"{agreed['share']:.1%} ({agreed['low']:.1%} to {agreed['high']:.1%}) of {agreed['rows']} rows "
            "that two people looked at; through such labels a perfect mapping reads an ECE of "
            f"{agreed['ece_floor']:.3f}",
        )
    if (early := result["early_watch"]) is not None:
        word = "ALARM" if early["alarm"] else "quiet"
        yield (
            "early watch",
            f"{word} after {early['labels']} labels: evidence {early['e_value']:,.1f} to 1, alarm at "
            f"{early['needed']:,.0f} to 1",
        )


def change_words(change: dict[str, Any]) -> str:
    """The verdict with what carries it."""
    words = STATES[change["state"]]
    if change["rise"] is None:
        return words
    rise = (
        f"rise {change['rise']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f}), p = {change['p']:.3f}"
    )
    seen = change["minimum_detectable_rise"]
    could = "" if seen is None else f"; a rise of {seen:.3f} would have been seen 4 times in 5"
    direction = f", {change['direction']}" if change["direction"] else ""
    return f"{words}{direction}: {rise}{could}"


def _next(result: dict[str, Any], stream: str, period: str) -> str:
    if result["state"] in ("sampled", "in_review"):
        return (
            f"`calib labels export {stream} > todo.csv`, fill in answer, `calib labels import todo.csv "
            f"--stream {stream}`, then `calib run {stream} --period {period}` again"
        )
    if result["refit"]["published"]:
        return f"`calib mapping list {stream}`; `calib mapping rollback {stream}` undoes it"
    if result["state"] == "insufficient":
        return "get more of the sample labelled before it closes; the mapping stays as it is"
    return f"`calib mapping list {stream}` shows what is served"
