"""An alert as a message: for Slack within its limits, and as plain text for terminals and webhooks. Pure.

The words come from `calib.alerts.kinds`; here they are escaped, cut and laid out. Whatever the facts hold,
what could call a channel, make a link, hide or reorder text is escaped or taken out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from calib.alerts.alert import OF_NO_WINDOW
from calib.alerts.blocks import (
    HEADER,
    MOST_BLOCKS,
    SECTION,
    TOTAL,
    cut,
    drawn,
    escaped,
    header,
    preformatted,
    section,
    sections,
)
from calib.alerts.kinds import say
from calib.alerts.words import Part, Said, Table
from calib.json_object import Json
from calib.text import one_line

__all__ = ["HEADER", "SECTION", "TEXT", "TOTAL", "Audience", "Message", "escaped", "message"]

SHORT_ID = 8  # characters of an alert's id that people find it by
TEXT = 4_000  # characters of the plain text
MARKS = {"good": ":white_check_mark:", "warning": ":warning:", "bad": ":rotating_light:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """What a message can link to and whom it can mention, by the settings as they are now.

    `page`: the address of the web page. `runbook`: that of the runbook, whose sections are named by kind.
    `owners`: by stream, as `owner` of calib.toml has them.
    """

    page: str | None = None
    runbook: str | None = None
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`text` for notifications and terminals, not yet escaped for Slack; `blocks` for Slack, escaped.

    `title` and `tonight` are its first line; `links` its addresses by name. `acts_wrongly`: production acts
    on a wrong confidence now. `owner`: who is mentioned then, as the settings name them. `broadcast`: where
    it is a reply, it is shown in the channel too.
    """

    text: str
    blocks: list[Json]
    title: str = ""
    tonight: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    acts_wrongly: bool = False
    owner: str | None = None
    broadcast: bool = False


def message(payload: Json, audience: Audience | None = None, *, id: str | None = None) -> Message:  # noqa: A002
    """Render an outbox payload: kind, stream, period, severity and facts.

    `id`: that of the alert, by which the message names the command that shows the runbook, where the settings
    name no page of it.
    """
    to = audience or Audience()
    said = say(payload)
    stream, period, kind = one_line(payload["stream"]), one_line(payload["period"]), payload["kind"]
    again = "" if payload.get("revision", 1) == 1 else f" (revision {payload['revision']})"
    title = f"{stream} {period}{again}: {one_line(said.title)}"
    if said.quiet:
        line = cut(title, TEXT)
        blocks = sections([escaped(line)], room=TOTAL, blocks=MOST_BLOCKS)
        return Message(text=line, blocks=blocks, title=line)
    tonight = one_line(said.tonight)
    links = _links(kind, stream, period, payload["facts"], to)
    top = header(f"{MARKS[payload['severity']]} {title}")
    below = [
        escaped(f"{name}: {address}") if not _is_web(address) else _link(name, address)
        for name, address in links.items()
    ] + [escaped(steps) for steps in _steps(id, to)]
    room = TOTAL - len(top["text"]["text"]) - sum(map(len, below))
    urgency = [f"*{escaped(tonight)}*"] if tonight else []
    bodies = [*urgency, *(text for part in said.parts for text in _markup(part))]
    middle = sections(bodies, room=room, blocks=MOST_BLOCKS - 2)
    foot = [section(cut(" · ".join(below), SECTION))] if below else []
    return Message(
        text=cut(
            "\n".join(
                [
                    f"{title}. {tonight}".removesuffix(". "),
                    *_plain(said),
                    *(f"{k}: {v}" for k, v in links.items()),
                    *_steps(id, to),
                ]
            ),
            TEXT,
        ),
        blocks=[top, *middle, *foot],
        title=title,
        tonight=tonight,
        links=links,
        acts_wrongly=said.acts_wrongly,
        owner=to.owners.get(payload["stream"]) if said.acts_wrongly else None,
        broadcast=payload["severity"] == "bad",
    )


def _markup(part: Part) -> list[str]:
    """A part for Slack: its sentences, then its table in a section of its own."""
    text = one_line(part.text)
    texts = [f"*{part.label}:* {escaped(text)}" if text else f"*{part.label}:*"]
    if part.table is not None:
        texts.append(preformatted(_table(part.table)))
    return texts


def _steps(id: str | None, to: Audience) -> list[str]:  # noqa: A002
    """Where the steps for this kind of alert are, where no page of the runbook is linked."""
    if id is None or to.runbook is not None:
        return []
    return [f"Runbook: `calib alerts show {id[:SHORT_ID]}` prints the steps."]


def _plain(said: Said) -> list[str]:
    lines = []
    for part in said.parts:
        lines.append(f"{part.label}: {one_line(part.text)}".rstrip())
        if part.table is not None:
            lines += [f"  {line}" for line in _table(part.table).splitlines()]
    return lines


def _table(table: Table) -> str:
    rows = tuple(tuple(one_line(cell) for cell in row) for row in table.rows)
    return drawn(Table(heads=table.heads, rows=rows))


def _links(kind: str, stream: str, period: str, facts: Json, to: Audience) -> dict[str, str]:
    """The addresses of a message, by name."""
    report = one_line(facts.get("report") or "")
    runbook = "" if to.runbook is None else f"{to.runbook}#{kind}"
    page = "" if to.page is None else f"{to.page.rstrip('/')}{_page(kind, stream, period, facts)}"
    links = {"Report": report, "Page": page, "Runbook": runbook}
    return {name: cut(one_line(address), SECTION // 4) for name, address in links.items() if address}


def _page(kind: str, stream: str, period: str, facts: Json) -> str:
    """The page of `calib web` that shows what an alert is about."""
    if "probe" in facts or facts.get("of") == "probe":
        return "/alerts"  # a probe has no page of its own
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", stream):
        return "/alerts"  # what concerns the whole deployment
    if kind in OF_NO_WINDOW or not re.fullmatch(r"[0-9W-]{4,10}", period):
        return f"/streams/{stream}"
    return f"/streams/{stream}/windows/{period}"


def _is_web(address: str) -> bool:
    return re.fullmatch(r"https?://[^\s|<>]+", address) is not None


def _link(name: str, address: str) -> str:
    """A link that a browser can follow."""
    return f"<{escaped(address)}|{name}>"
