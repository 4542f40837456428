"""`calib report`: a period's report as one HTML file, or a page of all streams."""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calib.cli import exit_codes, output
from calib.cli.options import CONFIG, Config, Json

if TYPE_CHECKING:
    from calib.app import App
    from calib.cli.progress import Step
    from calib.db.windows import Window
    from calib.report.months import Month
    from calib.results.report import ReportResult


def report(
    stream: Annotated[
        str | None, typer.Argument(metavar="[STREAM]", help="The stream, unless --fleet.")
    ] = None,
    period: Annotated[
        str | None, typer.Option("--period", help="Default: the latest that is closed.")
    ] = None,
    fleet: Annotated[bool, typer.Option("--fleet", help="One page for all streams.")] = False,
    to: Annotated[Path, typer.Option("--to", help="The folder to write into; it is made.")] = Path(),
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """A period's report as one HTML file: the verdict, what it means, what was done, the evidence, the cost.

    Beside it its data as JSON with the schema of that. The page needs no network and runs no script. It shows
    what was known when the period was closed: made again, it has the same bytes. Exit code 3: no period is
    closed yet.
    """
    from calib.app import App
    from calib.errors import InvalidInput

    if fleet == (stream is not None):
        raise InvalidInput(
            "name a stream, or write --fleet for all of them" + (", not both" if fleet else "")
        )
    if fleet and period is not None:
        raise InvalidInput("--fleet shows the latest period of each stream: take --period out")
    opened = App.open(config)
    with output.progress("report", total=2) as step:
        step("reading")
        if stream is None:
            result = _fleet(opened, to, step)
        else:
            opened.settings.stream(stream)
            result = _write_report(opened, stream, period, to, step)
    if open_ and result is not None and result.html is not None:
        import webbrowser

        webbrowser.open(Path(result.html).resolve().as_uri())
    if result is None:
        if json:
            from calib.results.report import ReportResult

            output.emit(ReportResult().to_json())
        else:
            sys.stdout.write(
                f"{stream or 'all streams'}: no period is closed yet; `calib run` takes one on\n"
            )
        raise typer.Exit(exit_codes.NOT_ENOUGH)
    if json:
        output.emit(result.to_json())
    else:
        _show(result)


def _write_report(opened: App, stream: str, period: str | None, to: Path, step: Step) -> ReportResult | None:
    """Write the report of one window, its data and the schema of that."""
    from calib.cycle.reporting import months_of
    from calib.cycle.window_summary import summary
    from calib.report.document import report_document, report_verdict
    from calib.report.page import report_page
    from calib.results.codec import json_schema
    from calib.results.report import ReportDocument, ReportResult

    window = _window(opened, stream, period)
    if window is None:
        return None
    with opened.engine.connect() as conn:
        months = months_of(conn, window)
    step("drawing")
    last = months[-1].result
    name = f"{stream}-{last.period}-r{last.revision}"
    document = report_document(months, summary(window, opened.ports(stream)))
    html = _write(to / f"{name}.html", report_page(months))
    data = _write(to / f"{name}.json", _text(document.to_json()))
    schema = _write(to / "report-document.schema.json", _text(json_schema(ReportDocument)))
    return ReportResult(
        html=str(html),
        data=str(data),
        schema=str(schema),
        stream=stream,
        period=last.period,
        revision=last.revision,
        verdict=report_verdict(last),
    )


def _fleet(opened: App, to: Path, step: Step) -> ReportResult | None:
    from calib.report.page import fleet_page
    from calib.results.report import ReportResult

    months = fleet_months(opened)
    if not any(months.values()):
        return None
    step("drawing")
    return ReportResult(html=str(_write(to / "fleet.html", fleet_page(months))))


def fleet_months(opened: App) -> dict[str, list[Month]]:
    """Every stream's windows that are over, oldest first."""
    from calib.cycle.reporting import closed_months

    with opened.engine.connect() as conn:
        return {name: closed_months(conn, name, now=opened.now()) for name in opened.settings.streams}


def _window(opened: App, stream: str, period: str | None) -> Window | None:
    """The window of a period, by default the latest that is over; `InvalidInput` where it is not over."""
    from calib.cycle.reporting import OVER
    from calib.db import windows
    from calib.errors import InvalidInput

    with opened.engine.connect() as conn:
        if period is None:
            known = windows.earlier(conn, stream, before=opened.now())
            return next((window for window in known if window.standing and window.state in OVER), None)
        standing = windows.find_standing(conn, stream, period)
    if standing is None or standing.state not in OVER:
        state = "is not there" if standing is None else f"is {standing.state.replace('_', ' ')}"
        raise InvalidInput(
            f"{stream}: the window of {period} {state}; `calib run {stream} --period {period}` takes it "
            "on until it is closed"
        )
    return standing


def _text(value: object) -> str:
    return json_text.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> Path:
    from calib.errors import InvalidInput

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}; name a folder with --to") from None
    return path


def _show(result: ReportResult) -> None:
    from calib.cli.page import Page

    page = Page()
    if result.verdict is not None:
        page.title(f"{result.stream} {result.period}", result.verdict.word)
        page.say(result.verdict.sentence)
    page.say("Report:")
    page.command(str(result.html))
