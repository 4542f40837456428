"""A window's rows as tasks in Label Studio: put up, answered, wound up and erased.

Every task carries the mark of its window and a key of its own, both made from what the database holds. What
Label Studio has is therefore found again after a crash at any point, and there is no second book to keep: the
database says which rows need a task, Label Studio says which have one (ADR 158).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from calib.db import tables, windows
from calib.db.windows import Window
from calib.json_object import Json
from calib.review import queue
from calib.review.claims import looked_at_twice
from calib.review.label_studio import LabelStudio, where
from calib.review.label_studio_answers import KIND, newest_answer, take
from calib.review.label_studio_project import Wanted, find_project, instruction_html, make_ready
from calib.review.label_studio_task import ITEM, WINDOW, key_of, mark_of, task_of
from calib.review.outcomes import Fetched

LOG = logging.getLogger(__name__)
OVERLAP = timedelta(minutes=10)  # read again before the newest answer: a transaction may take that long
FOR_ONE, FOR_TWO = where("overlap", "equal", "Number", 1), where("overlap", "greater", "Number", 1)
t = tables.items


@dataclass(frozen=True, slots=True, kw_only=True)
class StudioPort:
    """How the cohorts of one stream get to Label Studio.

    `open`: connects, with the key; raises `InvalidInput` where there is none. `project`: its title or id.
    `guidelines`: the Markdown that reviewers read, None without any.
    """

    open: Callable[[], LabelStudio]
    project: str
    guidelines: Callable[[], str | None]


def put_up(engine: Engine, window: Window, port: StudioPort) -> int:
    """Make the project ready and put up those rows of a waiting window that have no task; how many.

    Doing it again changes nothing. Two runs at one moment may put a row up twice: the next one takes the
    second task away, unless somebody has answered it.
    """
    if not window.population:
        return 0
    with port.open() as studio:
        project = _project(engine, window.stream, port, studio)
        return _put_up(engine, window, studio, project)


def fetch(engine: Engine, window: Window, port: StudioPort, *, now: datetime) -> Fetched:
    """Put up what has no task yet, and give the window's rows the answers that people gave there.

    Reads the tasks that changed since the newest answer that the database holds, and all of them where the
    numbers differ, or where the window is about to be evaluated. A person's later answer corrects the earlier
    one; of several people the first counts, as everywhere. A skipped task has no answer.
    """
    if not window.population:
        return Fetched(waiting=0, new=0, changed=0, not_an_answer=0, not_found=0, undecided=0)
    with port.open() as studio:
        project = _project(engine, window.stream, port, studio)
        _put_up(engine, window, studio, project)
        with engine.connect() as conn:
            waiting = len(queue.unlabelled(conn, window.id))
            since, held = newest_answer(conn, window.id)
        mine = where(f"data.{WINDOW}", "equal", "String", mark_of(window))
        conditions = [mine]
        answered = studio.count(project, mine, where("total_annotations", "greater", "Number", 0))
        if since is not None and answered == held and now < window.closes_at:
            moment = f"{since - OVERLAP:%Y-%m-%dT%H:%M:%S.%fZ}"
            conditions.append(where("updated_at", "greater", "Datetime", moment))
        tasks = list(studio.tasks(project, *conditions))
    new, not_an_answer = take(engine, window, tasks, now=now)
    return Fetched(waiting=waiting, new=new, changed=0, not_an_answer=not_an_answer, not_found=0, undecided=0)


def wind_up(engine: Engine, stream: str, port: StudioPort, *, now: datetime) -> int:
    """Take away what would still be offered of the stream's windows that wait no more; how many tasks.

    Tasks without an answer, and those that wait for a second person. Answers that these windows got last are
    kept first: they came too late for the verdict, and count where the window is used again. The project's
    instructions say afterwards what is open.
    """
    with engine.connect() as conn:
        known = {mark_of(window): window for window in windows.of_stream(conn, stream)}
    waiting = [mark for mark, window in known.items() if window.waits]
    with port.open() as studio:
        project = find_project(studio, port.project, known)
        if project is None:
            return 0
        project_id = int(project["id"])
        others = [where(f"data.{WINDOW}", "not_equal", "String", mark) for mark in waiting]
        offered = where("is_labeled", "equal", "Boolean", False)
        left = [
            task for task in studio.tasks(project_id, offered, *others) if task["data"].get(WINDOW) in known
        ]
        for mark in {task["data"][WINDOW] for task in left}:
            mine = where(f"data.{WINDOW}", "equal", "String", mark)
            annotated = where("total_annotations", "greater", "Number", 0)
            take(engine, known[mark], list(studio.tasks(project_id, mine, annotated)), now=now)
        studio.delete_tasks(project_id, [int(task["id"]) for task in left])
        make_ready(studio, _wanted(engine, stream, port))
    if left:
        _log("tasks_taken_away", stream, None, tasks=len(left))
    return len(left)


def erase(stream: str, old: Sequence[Window], every: Sequence[Window], port: StudioPort) -> int:
    """Delete all tasks of old windows, with the texts and comments in them; how many there were.

    `every`: all windows of the stream, by whose marks its project is known.
    """
    with port.open() as studio:
        project = find_project(studio, port.project, [mark_of(window) for window in every])
        if project is None:
            return 0
        deleted = 0
        for window in old:
            mine = where(f"data.{WINDOW}", "equal", "String", mark_of(window))
            ids = [int(task["id"]) for task in studio.tasks(int(project["id"]), mine)]
            studio.delete_tasks(int(project["id"]), ids)
            deleted += len(ids)
    if deleted:
        _log("tasks_erased", stream, None, tasks=deleted)
    return deleted


def _project(engine: Engine, stream: str, port: StudioPort, studio: LabelStudio) -> int:
    return int(make_ready(studio, _wanted(engine, stream, port))["id"])


def _wanted(engine: Engine, stream: str, port: StudioPort) -> Wanted:
    with engine.connect() as conn:
        known = windows.of_stream(conn, stream)
    waiting = [w for w in known if w.waits and w.population and w.settings.get("review") == KIND]
    return Wanted(
        stream=stream,
        name=port.project,
        marks=[mark_of(window) for window in reversed(known)],
        instruction=instruction_html(
            [(window.period, f"{window.closes_at:%Y-%m-%d}") for window in waiting], port.guidelines()
        ),
    )


def _put_up(engine: Engine, window: Window, studio: LabelStudio, project: int) -> int:
    mark = mark_of(window)
    mine = where(f"data.{WINDOW}", "equal", "String", mark)
    with engine.connect() as conn:
        places = _places(conn, window.id)
    share = float(window.settings.get("double_review", 0.0))
    second = {key_of(mark, id_) for id_, place in places.items() if looked_at_twice(place, share)}
    if studio.count(project, mine) == len(places) and (
        not second or studio.count(project, mine, FOR_TWO) == len(second)
    ):
        return 0
    with engine.connect() as conn:
        rows = _rows(conn, window.id)
    tasks_by_key: dict[str, list[Json]] = defaultdict(list)
    for task in studio.tasks(project, mine):
        tasks_by_key[str(task["data"].get(ITEM))].append(task)
    doubled = [
        int(task["id"])
        for tasks in tasks_by_key.values()
        for task in sorted(tasks, key=lambda task: (not task["annotations"], task["id"]))[1:]
        if not task["annotations"]
    ]
    studio.delete_tasks(project, doubled)
    new = [
        task_of(mark, window.period, row.prediction_id, row.context or {}, row.trace)
        for row in rows
        if row.label_id is None and key_of(mark, row.prediction_id) not in tasks_by_key
    ]
    studio.add_tasks(project, new)
    if second:
        for task in studio.tasks(project, mine, FOR_ONE):
            if task["data"].get(ITEM) in second:
                studio.change_task(int(task["id"]), {"overlap": 2})
    if new:
        _log("tasks_put_up", window.stream, window.period, tasks=len(new))
    return len(new)


def _places(conn: Connection, window_id: int) -> dict[str, str]:
    """The place in the draw of each row of a window, by prediction id."""
    query = select(t.c.prediction_id, t.c.draw_order).where(t.c.window_id == window_id)
    return {row.prediction_id: row.draw_order for row in conn.execute(query)}


def _rows(conn: Connection, window_id: int) -> Sequence[Any]:
    """All rows of a window, in the order of the draw."""
    query = select(t.c.prediction_id, t.c.trace, t.c.context, t.c.label_id)
    return conn.execute(query.where(t.c.window_id == window_id).order_by(t.c.draw_order, t.c.id)).all()


SAYS = {
    "tasks_put_up": "%d tasks put up in Label Studio",
    "tasks_taken_away": "%d tasks of windows that wait no more taken away in Label Studio",
    "tasks_erased": "%d tasks erased in Label Studio, with their texts",
}


def _log(event: str, stream: str, period: str | None, **counts: int) -> None:
    """What was done, in numbers; what people wrote stays where it is."""
    extra = {"event": event, "stream": stream, "period": period} | counts
    (number,) = counts.values()
    LOG.info("%s: %s", stream, SAYS[event] % number, extra=extra)
