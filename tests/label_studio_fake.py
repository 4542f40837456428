"""A Label Studio on this machine: what label-studio 1.23.2 answers to the requests that calibwatch makes.

Its answers were written down from the real server; `make test-label-studio` runs the tests of
tests/label_studio against that one, so that a difference is found.
"""

from __future__ import annotations

import itertools
import json
import threading
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from planted import LABEL_STUDIO_KEYS

from calib.testing.loopback import Fault, Handler, Loopback

LEGACY, PERSONAL = LABEL_STUDIO_KEYS
ADMIN = "admin@calib.example"
Answer = tuple[int, Any]


class FakeLabelStudio(Loopback):
    """Speaks the requests of `calib.review.label_studio`, on 127.0.0.1.

    `fail(method, path, fault…)`: the next requests whose path begins so go wrong, one fault each. `calls` are
    the requests that were answered. An access token is good for `uses` requests.
    """

    def __init__(self, *, uses: int = 10_000) -> None:
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.read = 0  # tasks that were handed out
        self.uses, self._left, self._access = uses, 0, 0
        self._ids = itertools.count(1)
        self._faults: list[tuple[str, str, Fault]] = []
        self._lock = threading.Lock()
        super().__init__(_handler(self))

    def fail(self, method: str, path: str, *faults: Fault) -> None:
        """Let the next requests of a method to paths that begin so go wrong, one fault each."""
        self._faults += [(method, path, fault) for fault in faults]

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any, authorization: str
    ) -> tuple[Fault | None, Answer]:
        """The fault that is due, if one is, and what Label Studio has to say."""
        with self._lock:
            self.calls.append(f"{method} {path}")
            due = next((f for f in self._faults if f[0] == method and path.startswith(f[1])), None)
            if due is not None:
                self._faults.remove(due)
                if not due[2].accepted:
                    return due[2], (due[2].status, {"detail": "Liebe Frau Moosbrugger-7f3a"})
            return (None if due is None else due[2]), self._do(method, path, query, body, authorization)

    def _do(self, method: str, path: str, query: dict[str, str], body: Any, authorization: str) -> Answer:
        if path == "/api/token/refresh/":
            return self._refresh(body)
        if not self._signed_in(authorization):
            return 401, {"detail": "Invalid token.", "status_code": 401}
        parts = [part for part in path.split("/") if part]
        match (method, *parts):
            case ("GET", "api", "current-user", "whoami"):
                return 200, {"id": 1, "email": ADMIN}
            case ("GET", "api", "projects"):
                return self._list(query)
            case ("POST", "api", "projects"):
                return self._create(body)
            case (_, "api", "projects", id_) if int(id_) not in self.projects:
                return 404, {"detail": "No Project matches the given query."}
            case ("GET", "api", "projects", id_):
                return 200, self.projects[int(id_)]
            case ("PATCH", "api", "projects", id_):
                return 200, self._changed(int(id_), body)
            case ("DELETE", "api", "projects", id_):
                del self.projects[int(id_)]
                self.tasks = {k: t for k, t in self.tasks.items() if t["project"] != int(id_)}
                return 204, {}
            case ("POST", "api", "projects", id_, "import"):
                return self._import(int(id_), body)
            case ("GET", "api", "tasks"):
                return self._page(query)
            case ("PATCH", "api", "tasks", id_):
                task = self.tasks[int(id_)]
                task |= body
                task["is_labeled"] = task["total_annotations"] >= task["overlap"]
                return 200, task
            case ("POST", "api", "dm", "actions"):
                chosen = body["selectedItems"]["included"]
                gone = [self.tasks.pop(id_) for id_ in chosen if id_ in self.tasks]
                return 200, {"processed_items": len(gone)}
        return 404, {"detail": "Not found."}

    def _refresh(self, body: Any) -> Answer:
        if body.get("refresh") != PERSONAL:
            return 401, {"detail": "Token is invalid"}
        self._access, self._left = self._access + 1, self.uses
        return 200, {"access": f"access-{self._access}"}

    def _signed_in(self, authorization: str) -> bool:
        if authorization == f"Bearer access-{self._access}":
            self._left -= 1
            return self._left >= 0
        return authorization == f"Token {LEGACY}"

    def _list(self, query: dict[str, str]) -> Answer:
        found = [p for p in self.projects.values() if query.get("title", "") in p["title"]]
        size, page = int(query["page_size"]), int(query["page"])
        newest = sorted(found, key=lambda p: -p["id"])
        more = f"{self.address}/api/projects/?page={page + 1}" if page * size < len(found) else None
        return 200, {"count": len(found), "next": more, "results": newest[(page - 1) * size : page * size]}

    def _create(self, body: Any) -> Answer:
        if not 3 <= len(body["title"]) <= 50:
            return 400, {"detail": "Validation error"}
        id_ = next(self._ids)
        empty = {"description": "", "expert_instruction": "", "label_config": "<View></View>"}
        self.projects[id_] = empty | {"maximum_annotations": 1, "overlap_cohort_percentage": 100}
        return 201, self._changed(id_, {**body, "id": id_})

    def _changed(self, id_: int, body: Any) -> dict[str, Any]:
        project = self.projects[id_]
        project |= body
        config = ET.fromstring(project["label_config"])  # noqa: S314  a test's own
        project["parsed_label_config"] = {
            tag.get("name"): {"type": tag.tag, "labels": [choice.get("value") for choice in tag]}
            for tag in config.iter()
            if tag.get("toName")
        }
        return project

    def _import(self, project: int, body: Any) -> Answer:
        config = ET.fromstring(self.projects[project]["label_config"])  # noqa: S314
        needed = {str(tag.get("value"))[1:] for tag in config.iter("Text")}
        if any(needed - set(task["data"]) for task in body):
            return 400, {"detail": "Validation error", "validation_errors": {"x": [str(body)]}}
        for task in body:
            id_ = next(self._ids)
            now = _now()
            self.tasks[id_] = {
                "id": id_, "project": project, "data": task["data"], "annotations": [],
                "created_at": now, "updated_at": now, "total_annotations": 0,
                "overlap": self.projects[project]["maximum_annotations"],
                "is_labeled": False,
            }  # fmt: skip
        return 201, {"task_count": len(body)}

    def _page(self, query: dict[str, str]) -> Answer:
        asked = json.loads(query["query"])
        assert asked["ordering"] == ["tasks:id"]
        tasks = [task for task in self.tasks.values() if task["project"] == int(query["project"])]
        for condition in asked["filters"]["items"]:
            tasks = [task for task in tasks if _meets(task, condition)]
        tasks.sort(key=lambda task: int(task["id"]))
        size = int(query["page_size"])
        if size > 1:
            self.read += len(tasks[:size])
        return 200, {"total": len(tasks), "total_annotations": 0, "tasks": tasks[:size]}


def _meets(task: dict[str, Any], condition: dict[str, Any]) -> bool:
    column = condition["filter"].removeprefix("filter:tasks:")
    wanted = condition["value"]
    have = task["data"].get(column[5:]) if column.startswith("data.") else task[column]
    if condition["type"] == "Datetime":
        have, wanted = (datetime.fromisoformat(moment) for moment in (have, wanted))
    match condition["operator"]:
        case "equal":
            return bool(have == wanted)
        case "not_equal":
            return bool(have != wanted)
        case "greater":
            return bool(have > wanted)
    raise AssertionError(f"the real server may know {condition['operator']}; nobody has tried")


class FakePeople:
    """Annotators at work in the fake, as `RealPeople` are in the real server."""

    def __init__(self, server: FakeLabelStudio) -> None:
        self.server = server

    def annotate(
        self, task: int, answer: str | None, *, by: str = ADMIN, comment: str = "", skip: bool = False
    ) -> int:
        """Answer a task, with a result that holds no choice where `answer` is None."""
        with self.server._lock:
            id_, now = next(self.server._ids), _now()
            who = {"created_username": f"Ada Lovelace {by}, 7", "completed_by": 7}
            made = {"id": id_, "result": result_of(answer, comment), "was_cancelled": skip}
            annotations = self.server.tasks[task]["annotations"]
            annotations.append(made | who | {"created_at": now, "updated_at": now})
            self._touched(task)
        return id_

    def change(self, task: int, annotation: int, answer: str) -> None:
        """Answer otherwise."""
        with self.server._lock:
            for made in self.server.tasks[task]["annotations"]:
                if made["id"] == annotation:
                    made |= {"result": result_of(answer, ""), "updated_at": _now()}
            self._touched(task)

    def delete(self, task: int, annotation: int) -> None:
        """Take an answer away."""
        with self.server._lock:
            kept = [made for made in self.server.tasks[task]["annotations"] if made["id"] != annotation]
            self.server.tasks[task]["annotations"] = kept
            self._touched(task)

    def _touched(self, task: int) -> None:
        row = self.server.tasks[task]
        row["updated_at"] = _now()
        row["total_annotations"] = sum(not made["was_cancelled"] for made in row["annotations"])
        row["is_labeled"] = row["total_annotations"] >= row["overlap"]


def result_of(answer: str | None, comment: str) -> list[dict[str, Any]]:
    """The result of an annotation, as the page of Label Studio sends it."""
    regions: list[dict[str, Any]] = []
    if answer is not None:
        regions.append({"from_name": "label", "type": "choices", "value": {"choices": [answer]}})
    if comment:
        regions.append({"from_name": "comment", "type": "textarea", "value": {"text": [comment]}})
    return [{"to_name": "question"} | region for region in regions]


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _handler(server: FakeLabelStudio) -> type[Handler]:
    class Requests(Handler):
        def get(self) -> None:
            self.handle_request("GET")

        def post(self) -> None:
            self.handle_request("POST")

        def do_PATCH(self) -> None:  # noqa: N802  so http.server calls it
            self.handle_request("PATCH")

        def do_DELETE(self) -> None:  # noqa: N802  so http.server calls it
            self.handle_request("DELETE")

        def handle_request(self, method: str) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            authorization = self.headers.get("Authorization") or ""
            fault, (status, answer) = server.answer(method, url.path, query, body, authorization)
            self.close_connection = True
            if fault is None:
                self.send(status, answer)
            elif not fault.dropped:
                self.send(fault.status, answer, fault)

    return Requests
