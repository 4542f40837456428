"""What people answered in Label Studio, as labels of a window's rows."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from calib.db import tables
from calib.db.windows import Window
from calib.json_object import Json
from calib.review import queue
from calib.review.label_studio_project import ANSWER, COMMENT
from calib.review.label_studio_task import ITEM, key_of, mark_of
from calib.text import readable, storable

LOG = logging.getLogger(__name__)
KIND = "label-studio"  # the source of these labels
LONGEST_COMMENT, LONGEST_NAME = 4_000, 200
t, answers = tables.items, tables.labels


def newest_answer(conn: Connection, window_id: int) -> tuple[datetime | None, int]:
    """When the newest answer of Label Studio in a window was given, and how many rows have one."""
    query = (
        select(func.max(answers.c.at), func.count(answers.c.item_id.distinct()))
        .join(t, t.c.id == answers.c.item_id)
        .where(t.c.window_id == window_id, answers.c.source == KIND)
    )
    newest, rows = conn.execute(query).one()
    return newest, int(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person answered in a task; `answer` is None where it is none of ours."""

    answer: str | None
    by: str
    at: datetime
    comment: str | None


def take(engine: Engine, window: Window, tasks: Iterable[Json]) -> tuple[int, int]:
    """Label the window's rows as people did; how many labels are new, and how many answers were none."""
    not_an_answer = new = 0
    with engine.begin() as conn:
        items = {key_of(mark_of(window), id_): item for id_, item in queue.items_of(conn, window.id).items()}
        before = _latest_by_person(conn, window.id)
        rounds: dict[int, list[queue.Answer]] = defaultdict(list)  # an item at most once in each
        turns: dict[int, int] = defaultdict(int)
        for task in tasks:
            item = items.get(str(task["data"].get(ITEM)))
            if item is None:
                continue
            for said in answers_of(task):
                if said.answer is None:
                    not_an_answer += 1
                elif (item, said.by) not in before or said.at > before[item, said.by]:
                    label = queue.Answer(item_id=item, answer=said.answer, by=said.by, at=said.at)
                    rounds[turns[item]].append(label)
                    turns[item] += 1
        for _, labels in sorted(rounds.items()):
            new += queue.label_all(conn, labels, source=KIND).count("new")
    if not_an_answer:
        LOG.warning(
            "%s %s: %d answers in Label Studio are none of correct, incorrect and unsure",
            window.stream,
            window.period,
            not_an_answer,
            extra={"event": "answers_left_out", "stream": window.stream, "answers": not_an_answer},
        )
    return new, not_an_answer


def _latest_by_person(conn: Connection, window_id: int) -> dict[tuple[int, str], datetime]:
    """When each person gave the latest answer that is kept, by item and person."""
    query = (
        select(answers.c.item_id, answers.c.by, func.max(answers.c.at).label("at"))
        .join(t, t.c.id == answers.c.item_id)
        .where(t.c.window_id == window_id)
        .group_by(answers.c.item_id, answers.c.by)
    )
    return {(row.item_id, row.by): row.at for row in conn.execute(query)}


def answers_of(task: Json) -> list[Said]:
    """What people answered in a task, oldest first; the latest of each person."""
    latest: dict[str, Said] = {}
    for annotation in sorted(task["annotations"], key=lambda a: (str(a["updated_at"]), a["id"])):
        if annotation.get("was_cancelled"):
            continue
        by = _person(annotation)
        latest.pop(by, None)
        latest[by] = _said(annotation, by)
    return list(latest.values())


def _said(annotation: Json, by: str) -> Said:
    values: dict[str, list[str]] = defaultdict(list)
    for region in annotation.get("result") or []:
        value = region.get("value") or {}
        values[str(region.get("from_name"))] += [*value.get("choices", []), *value.get("text", [])]
    chosen = values[ANSWER]
    comment = storable(readable("\n".join(map(str, values[COMMENT]))), LONGEST_COMMENT).strip()
    return Said(
        answer=chosen[0] if len(chosen) == 1 and chosen[0] in queue.ANSWERS else None,
        by=by,
        at=datetime.fromisoformat(str(annotation["updated_at"])),
        comment=comment or None,
    )


def _person(annotation: Json) -> str:
    """The e-mail address of whoever answered: of "First Last a@b.c, 7" what stays when names change."""
    who = str(annotation.get("created_username") or "").rpartition(",")[0].split()
    name = who[-1] if who else f"Label Studio user {annotation.get('completed_by')}"
    return storable(readable(name), LONGEST_NAME)
