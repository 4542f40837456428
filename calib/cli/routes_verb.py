"""`calib routes`: where to cut so that an accuracy is proven, and what today's threshold achieves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Config, Json, StreamName

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from calib.calibrators import Labels
    from calib.cli.page import Page
    from calib.cycle.design import Design
    from calib.db.windows import Window

NOTHING: dict[str, Any] = {
    "period": None,
    "labels": 0,
    "certificates": [],
    "threshold": None,
    "segments": {},
    "chain": [],
}


def routes(
    stream: StreamName,
    period: Annotated[
        str | None, typer.Option("--period", help="Default: the latest that is closed.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option("--preset", help="Targets by name: finance (.90, .95), customer-service (.80, .85)."),
    ] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """For each target the cut above which it is proven, the share of traffic there, or why there is none.

    Rests on the labels of one closed window. A certificate holds with probability .95, whatever the design
    of the sample; where there is none it says whether more labels would help. For the `threshold` in the
    settings it says how much passes, what that stated and how much of it was really right. Exit code 3: no
    window is closed yet.
    """
    from calib.routing import preset as targets_of
    from calib.wiring import Deployment

    opened = Deployment.open(config)
    watch = opened.watch(stream)
    targets = targets_of(preset) if preset else watch.targets
    result = {"stream": stream, "targets": list(targets)} | NOTHING
    with output.progress(stream, total=1) as step, opened.engine.connect() as conn:
        window = _window(conn, stream, period)
        if window is not None:
            step("certifying")
            result |= _account(conn, window, targets, watch.threshold)
    if json:
        output.emit(result)
    else:
        _show(result)
    if window is None:
        raise typer.Exit(output.NOT_ENOUGH)


def _window(conn: Connection, stream: str, period: str | None) -> Window | None:
    """The closed window of a period, or the latest one; `InvalidInput` where the period's is not closed."""
    from datetime import UTC, datetime

    from calib.db import windows
    from calib.errors import InvalidInput

    if period is None:
        known = windows.earlier(conn, stream, before=datetime.max.replace(tzinfo=UTC))
        return next((window for window in known if window.state == "closed"), None)
    found = windows.find(conn, stream, period)
    if found is None or found.state != "closed":
        there = "is not there" if found is None else f"is {found.state.replace('_', ' ')}"
        raise InvalidInput(
            f"{stream}: the window of {period} {there}; `calib run` takes it on until it is closed"
        )
    return found


def _account(
    conn: Connection, window: Window, targets: tuple[float, ...], threshold: float | None
) -> dict[str, Any]:
    import numpy as np

    from calib.calibrators import labels_of
    from calib.cycle.design import Design
    from calib.cycle.evidence import rows
    from calib.review import queue
    from calib.routing import delivered

    design = Design.from_json(window.design)
    cohort = queue.cohort(conn, window.id)
    there = ~np.isnan(cohort.correct)
    sample = rows(cohort, window.period)
    segment = np.array(cohort.segment, dtype=object)[there]
    raw = labels_of(sample.raw, sample.correct, sample.weight, segment)
    served = labels_of(cohort.served[there], sample.correct, sample.weight, segment)
    start = design.start
    names = sorted({name for name in raw.segments if name is not None})
    result = _part(raw, served, targets, threshold, start)
    for certificate in result["certificates"]:
        if certificate["cut"] is not None:  # of all predictions, not of the labelled ones alone
            certificate["share"] = _share(design, certificate["cut"])
    chain = []
    if threshold is not None and (now := result["threshold"]["served"])["accuracy"] is not None:
        ends = [delivered(now["stated"], now[key]) for key in ("accuracy", "low", "high")]
        for row, worst, best in zip(*ends, strict=True):
            chain.append(
                {"steps": row.steps, "claimed": row.claimed, "delivered": row.delivered}
                | {"low": worst.delivered, "high": best.delivered}
            )
    parts = {}
    for name in names:
        here = raw.segments == name
        parts[name] = _part(raw.take(here), served.take(here), targets, threshold, start)
    return result | {"period": window.period, "chain": chain, "segments": parts}


def _part(
    raw: Labels, served: Labels, targets: tuple[float, ...], threshold: float | None, start: float
) -> dict[str, Any]:
    """Certificates and the threshold's achievement on some labels."""
    from calib.routing import achieved, certified

    found = certified(raw, targets=targets, start=start)
    now = None
    if threshold is not None:
        now = {
            "raw": achieved(raw, threshold).to_json(),
            "served": achieved(served, threshold).to_json(),
        }
    return {"labels": raw.n, "certificates": [one.to_json() for one in found], "threshold": now}


def _share(design: Design, cut: float) -> float:
    from calib.measure import cell

    lowest = int(cell(cut))
    return sum(n for at, n, _ in design.cells if at >= lowest) / max(1, sum(n for _, n, _ in design.cells))


def _show(result: dict[str, Any]) -> None:
    from calib.cli.page import Page

    page, stream = Page(), result["stream"]
    if result["period"] is None:
        page.say(f"{stream}: no window is closed yet; take one on until it is:")
        page.command(f"calib run {stream} --period …")
        return
    page.title(stream, f"by the {result['labels']:,} labels of {result['period']}")
    _show_part(page, result)
    for name, part in result["segments"].items():
        page.title(name.replace("\n", " "), f"{part['labels']:,} labels")
        _show_part(page, part)
    if result["chain"]:
        page.say("A chain of such steps, each acted on at the threshold, failing independently:")
        rows = [
            (
                str(row["steps"]),
                f"{row['claimed']:.2f}",
                f"{row['delivered']:.2f} ({row['low']:.2f} to {row['high']:.2f})",
            )
            for row in result["chain"]
        ]
        page.table(("steps", "claims", "delivers (95%)"), rows, left=())


def _show_part(page: Page, part: dict[str, Any]) -> None:
    for one in part["certificates"]:
        if one["cut"] is None:
            page.say(f"{one['target']:.1%} right: no cut, {one['reason']}", indent=2)
        else:
            page.say(
                f"{one['target']:.1%} right: at or above {one['cut']:g}, {one['share']:.1%} of the "
                f"traffic; accuracy there at least {one['accuracy_low']:.1%}",
                indent=2,
            )
    for kind, now in (part["threshold"] or {}).items():
        what = f"threshold {now['threshold']:g} on {kind} confidence"
        if now["accuracy"] is None:
            page.say(f"{what}: nothing passes", indent=2)
        else:
            page.say(
                f"{what}: {now['share']:.1%} pass, stated {now['stated']:.3f}, "
                f"right {now['accuracy']:.3f} ({now['low']:.3f} to {now['high']:.3f})",
                indent=2,
            )
