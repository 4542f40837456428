"""A deployment's database beside a Label Studio, as the tests of tests/label_studio use them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

from label_studio_fake import ADMIN, LEGACY, PERSONAL, FakeLabelStudio, FakePeople
from queues import item_row, window_row
from sqlalchemy import Engine

from calib.db import windows
from calib.db.windows import Window
from calib.review import queue
from calib.review.label_studio import LabelStudio
from calib.review.label_studio_tasks import StudioPort

VENV = os.environ.get("CALIB_LABEL_STUDIO_VENV")  # set by `make test-label-studio`


class People(Protocol):
    """Annotators at work: `label_studio_fake.FakePeople`."""

    def annotate(
        self, task: int, answer: str | None, *, by: str = ADMIN, comment: str = "", skip: bool = False
    ) -> int: ...
    def change(self, task: int, annotation: int, answer: str) -> None: ...
    def delete(self, task: int, annotation: int) -> None: ...


@dataclass(frozen=True)
class Server:
    """A server: its address, a key of each kind, two annotators' addresses, and their hands."""

    url: str
    legacy: str
    personal: str
    people: People
    ada: str = ADMIN
    bob: str = "bob@calib.example"

    def connect(self, key: str | None = None) -> LabelStudio:
        return LabelStudio(self.url, key or self.personal)


def of_fake(fake: FakeLabelStudio) -> Server:
    return Server(url=fake.address, legacy=LEGACY, personal=PERSONAL, people=FakePeople(fake))


@dataclass
class Desk:
    """A deployment's database beside a server, and the way of one stream between them."""

    engine: Engine
    server: Server
    project: str
    guidelines: str | None = None

    @property
    def port(self) -> StudioPort:
        return StudioPort(open=self.server.connect, project=self.project, guidelines=lambda: self.guidelines)

    def window(self, *ids: str, period: str = "2026-10", **columns: Any) -> Window:
        """Open a window with a row for each id; `settings` are added to those of its kind."""
        more = {"review": "label-studio"} | columns.pop("settings", {})
        with self.engine.begin() as conn:
            row = window_row(period) | columns
            id_ = windows.insert_new(conn, **row | {"settings": row["settings"] | more})
            assert id_ is not None
            queue.enqueue(conn, id_, [item_row(name, place) for place, name in enumerate(ids)])
            return windows.by_ids(conn, [id_])[0]

    def again(self, window: Window) -> Window:
        with self.engine.connect() as conn:
            return windows.by_ids(conn, [window.id])[0]

    def tasks(self) -> dict[str, dict[str, Any]]:
        """The project's tasks by their question, as the server has them now."""
        with self.server.connect() as studio:
            project = studio.projects_titled(self.project)[0]
            return {task["data"]["question"]: task for task in studio.tasks(int(project["id"]))}

    def task(self, id_: str) -> int:
        return next(int(task["id"]) for text, task in self.tasks().items() if f"what is {id_}?" in text)

    def project_now(self) -> dict[str, Any]:
        with self.server.connect() as studio:
            (project,) = studio.projects_titled(self.project)
            return studio.project(int(project["id"])) or {}
