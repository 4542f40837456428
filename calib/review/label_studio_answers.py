"""What people answered in Label Studio, as labels of a window's rows."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select

from calib.db import tables
from calib.db.windows import Window
from calib.json_object import Json
from calib.review import queue
from calib.review.label_studio_project import ANSWER, COMMENT
from calib.review.label_studio_task import ITEM, key_of, mark_of
from calib.review.labelling import ANSWERS, LONGEST_COMMENT, Answer, label_all
from calib.review.own_answers import take_back
from calib.text import readable, storable

LOG = logging.getLogger(__name__)
KIND = "label-studio"  # the source of these labels
LONGEST_NAME = 200  # characters
t, answers = tables.items, tables.labels


def newest_answer(conn: Connection, window_id: int) -> tuple[datetime | None, int]:
    """When the newest answer of Label Studio in a window was given, and how many rows have one."""
    query = select(func.max(answers.c.at), func.count(answers.c.item_id.distinct()))
    newest, rows = conn.execute(_of_window(query, window_id)).one()
    return newest, int(rows)


def _of_window(query: Select[Any], window_id: int) -> Select[Any]:
    """Only answers of Label Studio in the window that nobody has taken back."""
    query = query.join(t, t.c.id == answers.c.item_id)
    return query.where(
        t.c.window_id == window_id, answers.c.source == KIND, answers.c.taken_back_at.is_(None)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person answered in a task; `answer` is None where it is none of ours."""

    answer: str | None
    by: str
    at: datetime
    comment: str


def take(engine: Engine, window: Window, tasks: Iterable[Json], *, now: datetime) -> tuple[int, int]:
    """Label the window's rows as people did; how many labels are new, and how many answers were none.

    A person's later answer corrects the earlier one, and one that was deleted there is taken back.
    """
    tasks_by_item: dict[int, list[Json]] = defaultdict(list)
    with engine.begin() as conn:
        items = {key_of(mark_of(window), id_): item for id_, item in queue.items_of(conn, window.id).items()}
        for task in tasks:
            if (item := items.get(str(task["data"].get(ITEM)))) is not None:
                tasks_by_item[item] += task["annotations"]
        latest = _latest_by_person(conn, window.id)
        held = _people_by_item(conn, window.id)
        not_an_answer = new = 0
        turns: dict[int, list[Answer]] = defaultdict(list)  # an item at most once in each
        for item, annotations in tasks_by_item.items():
            said_by_all = answers_of(annotations)
            for person in held[item] - {said.by for said in said_by_all}:
                take_back(conn, item_id=item, by=person, at=now)
            not_an_answer += sum(said.answer is None for said in said_by_all)
            fresh = (
                Answer(item_id=item, answer=said.answer, by=said.by, at=said.at, comment=said.comment)
                for said in said_by_all
                if said.answer and ((item, said.by) not in latest or said.at > latest[item, said.by])
            )
            for turn, answer in enumerate(fresh):
                turns[turn].append(answer)
        for _, labels in sorted(turns.items()):
            new += label_all(conn, labels, source=KIND).count("new")
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
    """When each person gave the latest answer that is kept, wherever, by item and person."""
    query = (
        select(answers.c.item_id, answers.c.by, func.max(answers.c.at).label("at"))
        .join(t, t.c.id == answers.c.item_id)
        .where(t.c.window_id == window_id)
        .group_by(answers.c.item_id, answers.c.by)
    )
    return {(row.item_id, row.by): row.at for row in conn.execute(query)}


def _people_by_item(conn: Connection, window_id: int) -> dict[int, set[str]]:
    """Whose answers in Label Studio are held of each item."""
    people: dict[int, set[str]] = defaultdict(set)
    for row in conn.execute(_of_window(select(answers.c.item_id, answers.c.by), window_id)):
        people[row.item_id].add(row.by)
    return people


def answers_of(annotations: Iterable[Json]) -> list[Said]:
    """What people answered, oldest first, the latest of each person; who skipped has not answered."""
    latest: dict[str, Said] = {}
    for annotation in sorted(annotations, key=lambda a: (str(a["updated_at"]), a["id"])):
        if annotation.get("was_cancelled"):
            continue
        by = _person(annotation)
        latest.pop(by, None)
        latest[by] = _said(annotation, by)
    return list(latest.values())


def _said(annotation: Json, by: str) -> Said:
    values: dict[str, list[str]] = defaultdict(list)
    for region in annotation.get("result") or []:
        value = region.get("value") if isinstance(region, dict) else None
        if isinstance(value, dict):
            name = str(region.get("from_name"))
            values[name] += [*_texts(value.get("choices")), *_texts(value.get("text"))]
    chosen = values[ANSWER]
    comment = readable("\n".join(values[COMMENT]))
    return Said(
        answer=chosen[0] if len(chosen) == 1 and chosen[0] in ANSWERS else None,
        by=by,
        at=datetime.fromisoformat(str(annotation["updated_at"])),
        comment=storable(comment, LONGEST_COMMENT).strip(),
    )


def _texts(value: object) -> list[str]:
    """One text or several, as an annotation holds them; nothing else."""
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _person(annotation: Json) -> str:
    """The e-mail address of whoever answered: of "First Last a@b.c, 7" what stays when names change."""
    who = str(annotation.get("created_username") or "").rpartition(",")[0].split()
    name = who[-1] if who else f"Label Studio user {annotation.get('completed_by')}"
    return storable(readable(name), LONGEST_NAME)
