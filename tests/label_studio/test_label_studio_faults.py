"""What goes wrong between calibwatch and Label Studio, on the fake: nothing is lost, doubled or shown."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from label_studio_desk import Desk, of_fake
from label_studio_fake import LEGACY, PERSONAL, FakeLabelStudio
from planted import TEXT, leaks_in
from queues import NOW, database, item_row
from sqlalchemy import func, select, update

from calib.cycle import Retention, erase_texts
from calib.db import tables
from calib.errors import StudioError, StudioUnreachable
from calib.review import label_studio_tasks as studio_tasks
from calib.review.label_studio import LabelStudio
from calib.testing.loopback import Fault

LOST = Fault(accepted=True, dropped=True)


def put_up(desk: Desk, window: Any) -> int:
    return studio_tasks.put_up(desk.engine, window, desk.port)


def fetch(desk: Desk, window: Any) -> int:
    return studio_tasks.fetch(desk.engine, window, desk.port, now=NOW).new


@pytest.mark.parametrize("path", ["/api/projects", "/api/projects/1/import"])
def test_a_lost_answer_doubles_nothing(desk: Desk, fake: FakeLabelStudio, path: str) -> None:
    window = desk.window("a", "b", "c")
    fake.fail("POST", path, LOST)
    with pytest.raises(StudioUnreachable, match=r"cannot be reached: RemoteProtocolError; see that it runs"):
        put_up(desk, window)
    put_up(desk, window)
    assert len(fake.projects) == 1
    assert len(fake.tasks) == 3


def test_two_runs_that_make_the_project_at_one_moment_end_with_one(
    desk: Desk, fake: FakeLabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = desk.window("a")
    create = LabelStudio.create_project

    def after_another(self: LabelStudio, fields: dict[str, Any]) -> dict[str, Any]:
        monkeypatch.setattr(LabelStudio, "create_project", create)
        assert put_up(desk, window) == 1
        return create(self, fields)

    monkeypatch.setattr(LabelStudio, "create_project", after_another)
    assert put_up(desk, window) == 0
    assert len(fake.projects) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Fault(status=500), StudioUnreachable, "answered GET /api/tasks with status 500; run it again later"),
        (Fault(status=429), StudioUnreachable, "with status 429"),
        (Fault(status=403), StudioError, "does not allow GET /api/tasks to the account of the key"),
        (Fault(status=302, headers={"Location": "https://x/"}), StudioError, "a browser ends at"),
        (Fault(status=400), StudioError, "with status 400; see whether it is a Label Studio of version 1.23"),
        (Fault(body=f"<html>{TEXT}</html>"), StudioError, "something that is not Label Studio's"),
        (Fault(body='["a"]'), StudioError, "something that is not Label Studio's"),
        (Fault(body='{"tasks": []}'), StudioError, "something that is not Label Studio's"),
        (Fault(dropped=True), StudioUnreachable, "cannot be reached: RemoteProtocolError"),
    ],
)
def test_what_the_server_says_wrong_is_told_without_its_words(
    desk: Desk, fake: FakeLabelStudio, fault: Fault, kind: type[StudioError], said: str
) -> None:
    """The fake writes a reviewer's text into each refusal, as the real one writes tasks into its own."""
    window = desk.window("a")
    put_up(desk, window)
    fake.fail("GET", "/api/tasks", fault)
    with pytest.raises(StudioError) as raised:
        fetch(desk, window)
    assert type(raised.value) is kind
    assert said in str(raised.value)
    assert leaks_in(str(raised.value)) == []
    assert PERSONAL not in str(raised.value)
    assert fetch(desk, window) == 0


def test_a_server_that_is_down_is_said(tmp_path: Path) -> None:
    with FakeLabelStudio() as gone:
        server = of_fake(gone)
    desk = Desk(database(tmp_path), server, "triage")
    with pytest.raises(StudioUnreachable, match=r"Label Studio at http://127.0.0.1:\d+ cannot be reached"):
        put_up(desk, desk.window("a"))


@pytest.mark.parametrize("url", ["http://[::1", "http://a b", "http://h:99999", "gopher://h"])
def test_an_address_that_is_none_is_an_error_of_ours(url: str) -> None:
    with LabelStudio(url, LEGACY) as studio, pytest.raises(StudioUnreachable, match="cannot be reached"):
        studio.whoami()


def test_an_access_token_that_runs_out_is_bought_anew_and_the_work_goes_on(tmp_path: Path) -> None:
    with FakeLabelStudio(uses=2) as fake:
        desk = Desk(database(tmp_path), of_fake(fake), "triage labels")
        assert put_up(desk, desk.window("a", "b")) == 2
        assert fake.calls.count("POST /api/token/refresh/") >= 3
        assert len(fake.tasks) == 2


def test_only_what_changed_is_read_again(desk: Desk, fake: FakeLabelStudio, monkeypatch: Any) -> None:
    monkeypatch.setattr(studio_tasks, "OVERLAP", timedelta())
    window = desk.window(*(f"r{i}" for i in range(20)))
    put_up(desk, window)
    tasks = sorted(fake.tasks)
    for task in tasks[:10]:
        desk.server.people.annotate(task, "correct")
    assert fetch(desk, window) == 10  # the numbers differ, so that all are read
    fake.read = 0
    assert fetch(desk, window) == 0
    assert fake.read <= 1
    made = fake.tasks[tasks[3]]["annotations"][0]["id"]
    desk.server.people.change(tasks[3], made, "incorrect")
    fake.read = 0
    fetch(desk, window)
    assert 1 <= fake.read <= 2
    with desk.engine.connect() as conn:
        words = conn.execute(
            select(tables.labels.c.answer).join(tables.items, tables.items.c.label_id == tables.labels.c.id)
        )
        assert sorted(words.scalars()) == ["correct"] * 9 + ["incorrect"]
    fake.read = 0
    studio_tasks.fetch(desk.engine, window, desk.port, now=window.closes_at)
    assert fake.read == 20  # before the verdict all are read


def kept(desk: Desk) -> list[Any]:
    with desk.engine.connect() as conn:
        return list(conn.execute(select(tables.items.c.context)).scalars())


def test_texts_are_erased_there_first_and_remembered_until_that_has_worked(
    desk: Desk, fake: FakeLabelStudio
) -> None:
    window = desk.window("a", "b", settings={"keep_context": 86_400.0})
    put_up(desk, window)
    with desk.engine.begin() as conn:
        closed = {"state": "closed", "closed_at": NOW}
        conn.execute(update(tables.windows).values(**closed))
    retention = Retention(
        contexts={"triage": timedelta(days=90)}, replies={}, studio=lambda _stream, _place: desk.port
    )
    early, late = NOW + timedelta(days=89), NOW + timedelta(days=91)
    assert erase_texts(desk.engine, retention, now=early).done[0]["erased"] == 0
    assert len(fake.tasks) == 2
    fake.fail("POST", "/api/dm/actions", Fault(status=503))
    failed = erase_texts(desk.engine, retention, now=late)
    assert [type(failure.error) for failure in failed.failures] == [StudioUnreachable]
    assert kept(desk) == [{}, {}]  # no text here any more, and it is known that some are there
    assert len(fake.tasks) == 2
    done = erase_texts(desk.engine, retention, now=late).done
    assert done == [{"stream": "triage", "what": "contexts", "erased": 2}]
    assert (kept(desk), len(fake.tasks)) == ([None, None], 0)
    assert erase_texts(desk.engine, retention, now=late).done == []


@pytest.mark.slow
def test_long_texts_go_in_small_requests(desk: Desk, fake: FakeLabelStudio, monkeypatch: Any) -> None:
    """Web servers refuse a body of more than a megabyte, as they come."""
    sizes: list[int] = []
    answer = fake.answer

    def weigh(method: str, path: str, query: Any, body: Any, authorization: str) -> Any:
        if path.endswith("/import"):
            sizes.append(len(json.dumps(body)))
        return answer(method, path, query, body, authorization)

    monkeypatch.setattr(fake, "answer", weigh)
    long = item_row("x", 0, context={"question": "q" * 30_000, "answer": "a" * 30_000})["context"]
    monkeypatch.setattr("label_studio_desk.item_row", lambda id_, place: item_row(id_, place, context=long))
    assert put_up(desk, desk.window(*(f"r{i}" for i in range(30)))) == 30
    assert len(fake.tasks) == 30
    assert len(sizes) == 4
    assert max(sizes) < 1_000_000


def test_a_window_that_nobody_drew_from_needs_no_project(desk: Desk, fake: FakeLabelStudio) -> None:
    assert put_up(desk, desk.window(population=0)) == 0
    assert fake.calls == []


def test_rows_that_were_labelled_elsewhere_are_not_put_up(desk: Desk, fake: FakeLabelStudio) -> None:
    from calib.review import queue

    window = desk.window("a", "b")
    with desk.engine.begin() as conn:
        item = queue.items_of(conn, window.id)["a"]
        queue.label(conn, item_id=item, answer="correct", by="ada", at=NOW, source="file")
    assert put_up(desk, window) == 1
    assert put_up(desk, window) == 0
    with desk.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(tables.labels)).scalar_one() == 1
