"""Label Studio over HTTP: what calibwatch needs of its API, and nothing else.

Tried with label-studio 1.23, both kinds of key: a legacy token, and a personal access token, which is a JSON
web token that buys access tokens of five minutes (`POST /api/token/refresh/`). Tasks are read by filters of
its data manager, by ascending id, so that no page moves while somebody labels. What the server writes into
an error is never repeated: it quotes tasks, and with them people's texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from calib.errors import StudioError, StudioUnreachable
from calib.json_object import Json
from calib.redaction import shown

if TYPE_CHECKING:
    import httpx

PAGE = 100  # tasks in one answer
BATCH, BODY = 100, 500_000  # tasks, and characters of their texts, in one request: proxies refuse large ones
TIMEOUT = 60.0  # seconds; an import of 100 long texts takes a few
FOR_NOW = {408, 425, 429}
KEY = "LABEL_STUDIO_API_KEY"


def where(column: str, operator: str, kind: str, value: Any) -> Json:
    """One condition on tasks, in the words of Label Studio's data manager."""
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


class LabelStudio:
    """One server, spoken to with one key; use it in a `with` statement.

    Every method raises `StudioUnreachable` where there is no answer for now, and `StudioError` where the
    answer is a refusal or is not one of Label Studio's. Redirects are not followed: the key stays with the
    server that the settings name.
    """

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT) -> None:
        self.url, self._key, self._timeout = url.rstrip("/"), key, timeout
        self._bearer: str | None = None
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        import httpx

        self._client = httpx.Client(timeout=self._timeout)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    def whoami(self) -> str:
        """The e-mail address of the account that the key belongs to."""
        return str(self._object("GET", "/api/current-user/whoami", "email")["email"])

    def projects_titled(self, title: str) -> list[Json]:
        """The projects of exactly this title, the oldest first."""
        projects: list[Json] = []
        page = 1
        while True:
            values = {"title": title, "page": page, "page_size": PAGE}
            answer = self._object("GET", "/api/projects/", "results", params=values)
            projects += [project for project in answer["results"] if project["title"] == title]
            if not answer.get("next"):
                return sorted(projects, key=lambda project: int(project["id"]))
            page += 1

    def project(self, project: int) -> Json | None:
        """A project by its id; None where there is none that the key may see."""
        answer = self._answer("GET", f"/api/projects/{project}/", accept=(HTTPStatus.NOT_FOUND,))
        return None if answer.status_code == HTTPStatus.NOT_FOUND else _object(answer, "id")

    def create_project(self, fields: Json) -> Json:
        """Make a project."""
        return self._object("POST", "/api/projects/", "id", body=fields)

    def change_project(self, project: int, fields: Json) -> Json:
        """Change fields of a project."""
        return self._object("PATCH", f"/api/projects/{project}/", "id", body=fields)

    def delete_project(self, project: int) -> None:
        """Delete a project with all that it holds."""
        self._answer("DELETE", f"/api/projects/{project}/", accept=(HTTPStatus.NOT_FOUND,))

    def count(self, project: int, *conditions: Json) -> int:
        """How many tasks of a project meet all conditions."""
        return int(self._page(project, conditions, size=1)["total"])

    def tasks(self, project: int, *conditions: Json) -> Iterator[Json]:
        """The tasks of a project that meet all conditions, by id, each with its `annotations`."""
        last = 0
        while True:
            page = self._page(project, (*conditions, where("id", "greater", "Number", last)), size=PAGE)
            yield from page["tasks"]
            if len(page["tasks"]) < PAGE:
                return
            before, last = last, max(int(task["id"]) for task in page["tasks"])
            if last <= before:  # else it would be asked for the same page for ever
                raise StudioError(
                    f"Label Studio at {shown(self.url)} does not filter tasks by id: it has to be version "
                    "1.23 or later"
                )

    def add_tasks(self, project: int, tasks: Sequence[Json]) -> None:
        """Put tasks into a project; those of the batches before an error are there."""
        batch: list[Json] = []
        size = 0
        for task in tasks:
            length = len(json.dumps(task))
            if batch and (len(batch) == BATCH or size + length > BODY):
                self._answer("POST", f"/api/projects/{project}/import", body=batch)
                batch, size = [], 0
            batch.append(task)
            size += length
        if batch:
            self._answer("POST", f"/api/projects/{project}/import", body=batch)

    def change_task(self, task: int, fields: Json) -> None:
        """Change fields of a task."""
        self._answer("PATCH", f"/api/tasks/{task}/", body=fields)

    def delete_tasks(self, project: int, ids: Sequence[int]) -> None:
        """Delete tasks with their annotations; ids that are gone already are passed over."""
        for start in range(0, len(ids), BATCH):
            chosen = {"all": False, "included": list(ids[start : start + BATCH])}
            self._answer(
                "POST",
                "/api/dm/actions",
                params={"id": "delete_tasks", "project": project},
                body={"selectedItems": chosen},
            )

    def _page(self, project: int, conditions: Sequence[Json], *, size: int) -> Json:
        query = {
            "filters": {"conjunction": "and", "items": list(conditions)},
            "ordering": ["tasks:id"],
        }
        values: Json = {
            "project": project,
            "page": 1,
            "page_size": size,
            "fields": "all",
            "resolve_uri": "false",
        }
        values["query"] = json.dumps(query)
        return self._object("GET", "/api/tasks", "tasks", "total", params=values)

    def _object(
        self, method: str, path: str, *needs: str, params: Json | None = None, body: Any = None
    ) -> Json:
        return _object(self._answer(method, path, params=params, body=body), *needs)

    def _answer(
        self,
        method: str,
        path: str,
        *,
        params: Json | None = None,
        body: Any = None,
        accept: Sequence[int] = (),
    ) -> httpx.Response:
        """An answer of the server that is no refusal; an access token that has run out is bought anew."""
        answer = self._send(method, path, params, body)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and self._bearer is not None:
            self._bearer = None
            answer = self._send(method, path, params, body)
        if answer.is_success or answer.status_code in accept:
            return answer
        raise self._refusal(answer, f"{method} {path}")

    def _send(self, method: str, path: str, params: Json | None, body: Any) -> httpx.Response:
        headers = {"Authorization": self._authorization()}
        return self._request(method, path, params=params, json=body, headers=headers)

    def _authorization(self) -> str:
        if self._key.count(".") != 2:
            return f"Token {self._key}"
        if self._bearer is None:
            answer = self._request("POST", "/api/token/refresh/", json={"refresh": self._key})
            if not answer.is_success:
                raise self._refusal(answer, "POST /api/token/refresh/")
            self._bearer = str(_object(answer, "access")["access"])
        return f"Bearer {self._bearer}"

    def _request(self, method: str, path: str, **how: Any) -> httpx.Response:
        import httpx

        if self._client is None:
            raise StudioError("Label Studio is closed: use it inside `with`")
        try:
            return self._client.request(method, f"{self.url}{path}", **how)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise StudioUnreachable(
                f"Label Studio at {shown(self.url)} cannot be reached: {type(error).__name__}; see that it "
                "runs and that review.url in calib.toml is its address"
            ).at(shown(self.url)) from None

    def _refusal(self, answer: httpx.Response, what: str) -> StudioError:
        status, place = answer.status_code, f"Label Studio at {shown(self.url)}"
        if status == HTTPStatus.UNAUTHORIZED:
            return StudioError(
                f"{place} does not accept the key: put one of Account & Settings there into {KEY}; legacy "
                "tokens may be switched off for the organization"
            ).at(shown(self.url))
        if status == HTTPStatus.FORBIDDEN:
            return StudioError(f"{place} does not allow {what} to the account of the key in {KEY}")
        if answer.is_redirect:
            return StudioError(
                f"{place} redirects {what} to another address: write the address that a browser ends at into "
                "review.url in calib.toml"
            )
        message = f"{place} answered {what} with status {status}"
        if status in FOR_NOW or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return StudioUnreachable(f"{message}; run it again later").at(shown(self.url))
        return StudioError(f"{message}; see whether it is a Label Studio of version 1.23 or later")


def _object(answer: httpx.Response, *needs: str) -> Json:
    """The JSON object of an answer, with the keys that it needs."""
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict) or not set(needs) <= set(content):
        raise StudioError(
            f"{shown(str(answer.url.copy_with(query=None)))} answered with something that is not Label "
            "Studio's: see review.url in calib.toml, and whether a proxy asks for a sign-in"
        )
    return content
