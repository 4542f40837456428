"""`calib alerts list` and `show`: what was raised, where it went, what waits, and what is parked and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Config, Json

if TYPE_CHECKING:
    from calib.outbox.listing import Raised
    from calib.results.alerts import AlertStateWord, ShownAlert

State = Literal["waiting", "delivered", "parked", "silenced"]


def list_alerts(
    stream: Annotated[
        str | None, typer.Argument(metavar="[STREAM]", help="One stream; default: all.")
    ] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest.")] = 100,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """The alerts, the newest first: when each was raised, what became of it, and why.

    waiting: the relay will send it. delivered: every place has it, or a person acknowledged it. parked: a
    place refused it; it goes out by itself once that place works. silenced: nobody was to hear of it; it is
    kept, and `calib alerts resend` sends it.
    """
    from calib.app import App
    from calib.outbox.listing import raised
    from calib.results.alerts import AlertList, ListedAlert

    opened = App.open(config)
    with opened.engine.connect() as conn:
        alerts = raised(conn, stream=stream, state=state, limit=limit)
    if json:
        listed = tuple(
            ListedAlert(
                id=alert.id,
                kind=alert.kind,
                stream=alert.stream,
                period=alert.period,
                state=cast("AlertStateWord", alert.state),
                reason=alert.reason,
            )
            for alert in alerts
        )
        output.emit(AlertList(alerts=listed).to_json())
        return
    if not alerts:
        sys.stdout.write("no alert\n")
    for alert in alerts:
        when = f"{alert.raised_at:%Y-%m-%d %H:%M}"
        what = f"{alert.stream} {alert.period}: {alert.kind.replace('_', ' ')}"
        sys.stdout.write(output.printable(f"{alert.id[:8]}  {when}  {alert.state:9}  {what}\n"))
        if alert.reason:
            sys.stdout.write(output.printable(f"          {alert.reason}\n"))


def show(
    alert: Annotated[str, typer.Argument(metavar="ID", help="An alert's id, or how it begins.")],
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """One alert: its words, the steps for its kind, what became of it at each place, and what people did."""
    from calib.app import App
    from calib.outbox.listing import find

    opened = App.open(config)
    with opened.engine.connect() as conn:
        (found,) = find(conn, [alert])
    shown = _shown(found)
    if json:
        output.emit(shown.to_json())
        return
    lines = [shown.text or "It cannot be put into words; see `facts` with --json.", ""]
    if shown.runbook is not None:
        lines += ["Runbook, for this kind of alert:", shown.runbook, ""]
    again = "" if shown.revision == 1 else f" (revision {shown.revision})"
    lines.append(f"{shown.kind.replace('_', ' ')} of {shown.stream} {shown.period}{again}: {shown.state}")
    if shown.reason:
        lines.append(f"  {shown.reason}")
    lines.append(f"  raised {shown.raised_at}, id {shown.id}")
    for part in shown.deliveries:
        tail = f" at {part.delivered_at}" if part.delivered_at else f", tried {part.attempts} times"
        reason = f": {part.reason}" if part.reason else ""
        picture = f", picture {part.picture}" if part.picture else ""
        lines.append(f"  {part.place}: {part.state}{tail}{picture}{reason}")
    lines += [f"  {done.action} by {done.by} at {done.at}: {done.reason}" for done in shown.actions]
    sys.stdout.write(output.printable("\n".join(lines) + "\n"))


def _shown(alert: Raised) -> ShownAlert:
    from calib.alerts.message import message
    from calib.alerts.runbook import runbook_page, section_of
    from calib.results.alerts import AlertAction, DeliveryResult, ShownAlert
    from calib.times import timestamp

    try:
        text: str | None = message(alert.payload).text
    except (LookupError, TypeError, ValueError, AttributeError):  # the relay parks it, and says why
        text = None
    return ShownAlert(
        id=alert.id,
        kind=alert.kind,
        stream=alert.stream,
        period=alert.period,
        revision=alert.revision,
        state=cast("AlertStateWord", alert.state),
        reason=alert.reason,
        raised_at=timestamp(alert.raised_at),
        episode=alert.episode,
        text=text,
        runbook=section_of(runbook_page(), alert.kind),
        facts=alert.payload.get("facts") or {},
        deliveries=tuple(
            DeliveryResult(
                place=part.place,
                state=cast("Literal['waiting', 'delivered', 'parked']", part.state),
                attempts=part.attempts,
                next_at=None if part.state == "delivered" else timestamp(part.next_at),
                delivered_at=None if part.delivered_at is None else timestamp(part.delivered_at),
                reason=part.reason,
                picture=(part.remote or {}).get("picture"),
            )
            for part in alert.deliveries
        ),
        actions=tuple(
            AlertAction(action=done.action, by=done.by, at=timestamp(done.at), reason=done.reason)
            for done in alert.actions
        ),
    )
