"""The web pages in the test's own process: a project with open windows, and browsers for its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from queues import NOW, item_row, window_row
from sqlalchemy import func, select
from starlette.testclient import TestClient

from calib.app import App
from calib.db import reviewers, tables, windows
from calib.review import queue
from calib.web.app import make_app
from calib.web.options import WebOptions

OPTIONS = WebOptions(host="127.0.0.1", port=8010, start_token="start-token")
SETTINGS = """
{head}
[web]
{web}
[streams.triage]
traffic = "parquet:traffic/*.parquet"
columns = {{ context = ["question", "answer"] }}
{stream}
[streams.refunds]
traffic = "parquet:traffic/*.parquet"
[streams.outcomes]
traffic = "parquet:traffic/*.parquet"
review = {{ kind = "outcomes", column = "correct" }}
"""


@dataclass
class Pages:
    """A project whose pages are served, with clocks that a test moves."""

    folder: Path
    options: WebOptions = OPTIONS
    now: datetime = NOW
    seconds: float = 0.0
    told: list[str] = field(default_factory=list)

    def settings(self, *, head: str = "", web: str = "", stream: str = "") -> None:
        """Write calib.toml; the arguments are lines of their own."""
        (self.folder / "calib.toml").write_text(SETTINGS.format(head=head, web=web, stream=stream))

    def __post_init__(self) -> None:
        self.settings()
        self._project: App | None = None
        self._app: Any = None

    @property
    def project(self) -> App:
        if self._project is None:
            self._project = App.open(self.folder / "calib.toml", now=lambda: self.now)
        return self._project

    @property
    def app(self) -> Any:
        if self._app is None:
            self._app = make_app(
                self.project,
                self.options,
                local_name="olga",
                clock=lambda: self.seconds,
                told=self.told.append,
            )
        return self._app

    def window(
        self, n: int, *, stream: str = "triage", period: str = "2026-10", **settings: Any
    ) -> list[int]:
        """Open a window with `n` items, `ID-0` and so on; the ids of the queue's items."""
        row = window_row(period, stream=stream)
        row["settings"] = row["settings"] | settings
        with self.project.engine.begin() as conn:
            window_id = windows.insert_new(conn, **row)
            assert window_id is not None
            rows = [
                item_row(
                    f"{stream}-{i}", i, raw=0.93, context={"answer": f"answer {i}", "question": f"q {i}"}
                )
                for i in range(n)
            ]
            queue.enqueue(conn, window_id, rows)
            items = queue.items_of(conn, window_id)
            return [items[row["prediction_id"]] for row in rows]

    def context(self, item: int, **texts: Any) -> None:
        """Give an item other texts."""
        with self.project.engine.begin() as conn:
            conn.execute(tables.items.update().where(tables.items.c.id == item).values(context=texts))

    def evaluate(self) -> None:
        """Let every window be evaluated."""
        with self.project.engine.begin() as conn:
            conn.execute(tables.windows.update().values(state="evaluated"))

    def reviewer(self, name: str, *, role: str = "reviewer", streams: list[str] | None = None) -> str:
        """Add a reviewer; the token of their one-time link."""
        token = f"link-of-{name}"
        with self.project.engine.begin() as conn:
            added = reviewers.add(conn, name, role=role, streams=streams, now=self.now)  # type: ignore[arg-type]
            reviewers.make_link(conn, added, token=token, now=self.now)
        return token

    @contextmanager
    def browser(self, **headers: str) -> Iterator[Visit]:
        """A browser that keeps cookies and follows redirects."""
        peer = headers.pop("peer", "127.0.0.1")
        base = headers.pop("base", "http://127.0.0.1:8010")
        with TestClient(self.app, base_url=base, headers=headers, client=(peer, 50_000)) as client:
            yield Visit(client)

    @contextmanager
    def local(self) -> Iterator[Visit]:
        """The browser of the person who started the process."""
        with self.browser() as visit:
            assert visit.get("/start?token=start-token").status_code == 200
            yield visit

    @contextmanager
    def signed_in(self, name: str, **reviewer: Any) -> Iterator[Visit]:
        """The browser of a new reviewer who has signed in."""
        token = self.reviewer(name, **reviewer)
        with self.browser() as visit:
            assert visit.post("/sign-in", {"token": token}).status_code == 200
            yield visit

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        with self.project.engine.begin() as conn:
            return int(
                conn.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one()
            )

    def labels(self) -> list[tuple[int, str, str, bool]]:
        """Item, answer, who gave it, and whether it counts."""
        a, i = tables.labels, tables.items
        query = select(a.c.item_id, a.c.answer, a.c.by, (i.c.label_id == a.c.id)).join(
            i, i.c.id == a.c.item_id
        )
        with self.project.engine.begin() as conn:
            return [
                tuple(row) for row in conn.execute(query.where(a.c.taken_back_at.is_(None)).order_by(a.c.id))
            ]


class Visit:
    """A browser on the pages."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **more)

    def post(self, path: str, fields: dict[str, Any], **more: Any) -> Any:
        return self.client.post(path, data=fields, **more)

    def form(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of the first form on a page that is sent to `action`."""
        html = self.get(page).text
        return fields_of(html, action)

    def label(self, answer: str = "correct", stream: str = "triage", **fields: str) -> Any:
        """Answer the item in hand; the page that comes next."""
        form = self.form(f"/review/{stream}", f"/review/{stream}/label")
        return self.post(f"/review/{stream}/label", form | {"answer": answer} | fields)


def fields_of(html: str, action: str) -> dict[str, str]:
    """The hidden fields of the first form in a text that is sent to `action`."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', html, re.DOTALL)
    assert form is not None, f"no form for {action}"
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))


def later(pages: Pages, **by: float) -> None:
    """Let time pass."""
    pages.now += timedelta(**by)


__all__ = ["NOW", "OPTIONS", "Pages", "Visit", "fields_of", "later", "replace"]
