"""A stream in Label Studio from its first task to its last, on the fake and on the real server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from label_studio_desk import Desk
from planted import TEXT
from queues import NOW
from sqlalchemy import select, update

from calib.db import tables, windows
from calib.db.windows import Window
from calib.errors import StudioError
from calib.review import label_studio_tasks as studio_tasks
from calib.review.label_studio import LabelStudio
from calib.review.label_studio_project import make_ready, page_of
from calib.review.label_studio_task import key_of, mark_of, task_of

t, answers = tables.items, tables.labels


def labels(desk: Desk, window: Window) -> dict[str, Any]:
    """The label that counts, by row."""
    query = (
        select(t.c.prediction_id, answers.c.answer, answers.c.by, answers.c.comment, answers.c.source)
        .join(answers, answers.c.id == t.c.label_id)
        .where(t.c.window_id == window.id)
    )
    with desk.engine.connect() as conn:
        return {row.prediction_id: tuple(row[1:]) for row in conn.execute(query)}


def fetch(desk: Desk, window: Window) -> Any:
    return studio_tasks.fetch(desk.engine, window, desk.port, now=NOW)


def close(desk: Desk, window: Window) -> None:
    with desk.engine.begin() as conn:
        values = {"state": "closed", "closed_at": NOW}
        conn.execute(update(tables.windows).where(tables.windows.c.id == window.id).values(**values))


def test_rows_are_put_up_once(desk: Desk) -> None:
    window = desk.window("a", "b", "c")
    assert studio_tasks.put_up(desk.engine, window, desk.port) == 3
    assert studio_tasks.put_up(desk.engine, window, desk.port) == 0
    tasks = desk.tasks()
    assert sorted(tasks) == [f"what is {id_}? {TEXT}" for id_ in "abc"]
    assert {task["data"]["question_title"] for task in tasks.values()} == {"question"}
    assert {task["data"]["period"] for task in tasks.values()} == {"2026-10"}


def test_what_a_crash_left_out_is_put_up_and_nothing_twice(desk: Desk) -> None:
    """A run was killed after a batch had landed, before it knew."""
    window = desk.window("a", "b", "c")
    mark = mark_of(window)
    with desk.server.connect() as studio:
        project = make_ready(studio, studio_tasks._wanted(desk.engine, "triage", desk.port))
        studio.add_tasks(project["id"], [task_of(mark, "2026-10", "b", {"question": "what is b?"}, None)])
    assert studio_tasks.put_up(desk.engine, window, desk.port) == 2
    assert {task["data"]["calibwatch_item"] for task in desk.tasks().values()} == {
        key_of(mark, id_) for id_ in "abc"
    }


def test_of_two_runs_at_one_moment_one_task_stays_and_it_is_the_answered_one(desk: Desk) -> None:
    window = desk.window("a", "b")
    studio_tasks.put_up(desk.engine, window, desk.port)
    with desk.server.connect() as studio:
        project = int(desk.project_now()["id"])
        twice = [task_of(mark_of(window), "2026-10", id_, {"question": f"{id_} again"}, None) for id_ in "ab"]
        studio.add_tasks(project, twice)
        again = {task["data"]["question"]: int(task["id"]) for task in studio.tasks(project)}
    desk.server.people.annotate(again["b again"], "correct")
    assert fetch(desk, window).new == 1
    assert sorted(text.partition("?")[0] for text in desk.tasks()) == ["b again", "what is a"]
    assert labels(desk, window)["b"][0] == "correct"


@pytest.mark.slow
def test_answers_come_with_who_when_and_why(desk: Desk) -> None:
    window = desk.window("a", "b", "c", "d", "e")
    studio_tasks.put_up(desk.engine, window, desk.port)
    people = desk.server.people
    people.annotate(desk.task("a"), "correct", comment="as in the contract")
    people.annotate(desk.task("b"), "incorrect", by=desk.server.bob)
    people.annotate(desk.task("c"), "unsure")
    people.annotate(desk.task("d"), "correct", skip=True)
    fetched = fetch(desk, window)
    assert (fetched.waiting, fetched.new, fetched.not_an_answer, fetched.not_found) == (5, 3, 0, 0)
    assert labels(desk, window) == {
        "a": ("correct", desk.server.ada, "as in the contract", "label-studio"),
        "b": ("incorrect", desk.server.bob, None, "label-studio"),
        "c": ("unsure", desk.server.ada, None, "label-studio"),
    }
    with desk.engine.connect() as conn:
        at = conn.execute(select(answers.c.at).order_by(answers.c.at)).scalars().all()
    annotations = [made for task in desk.tasks().values() for made in task["annotations"]]
    given = sorted(made["updated_at"] for made in annotations if not made["was_cancelled"])
    assert [f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" for moment in at] == given
    assert fetch(desk, window).new == 0


def test_an_answer_that_is_none_of_ours_is_counted_and_no_label(desk: Desk) -> None:
    window = desk.window("a", "b")
    studio_tasks.put_up(desk.engine, window, desk.port)
    desk.server.people.annotate(desk.task("a"), None, comment="hm")
    fetched = fetch(desk, window)
    assert (fetched.new, fetched.not_an_answer) == (0, 1)
    assert labels(desk, window) == {}


@pytest.mark.slow
def test_a_person_corrects_an_answer_and_takes_it_back(desk: Desk) -> None:
    window = desk.window("a", "b")
    studio_tasks.put_up(desk.engine, window, desk.port)
    people, task = desk.server.people, desk.task("a")
    made = people.annotate(task, "correct")
    fetch(desk, window)
    for answer in ("incorrect", "correct"):
        people.change(task, made, answer)
        fetch(desk, window)
        assert labels(desk, window)["a"][0] == answer
    people.delete(task, made)
    fetch(desk, window)
    assert labels(desk, window) == {}
    people.annotate(task, "unsure")
    fetch(desk, window)
    assert labels(desk, window)["a"][0] == "unsure"


def test_of_two_people_the_first_counts_and_both_are_kept(desk: Desk) -> None:
    window = desk.window("a", "b")
    studio_tasks.put_up(desk.engine, window, desk.port)
    task = desk.task("a")
    desk.server.people.annotate(task, "incorrect", by=desk.server.bob)
    desk.server.people.annotate(task, "correct")
    fetch(desk, window)
    assert labels(desk, window)["a"][:2] == ("incorrect", desk.server.bob)
    with desk.engine.connect() as conn:
        kept = conn.execute(select(answers.c.answer).order_by(answers.c.answer)).scalars().all()
    assert kept == ["correct", "incorrect"]


@pytest.mark.slow
def test_an_ended_window_is_wound_up_and_its_last_answers_are_kept(desk: Desk) -> None:
    desk.guidelines = "# When?\n\nIf **all** of it is right."
    old, new = desk.window("a", "b"), desk.window("x", "y", period="2026-11")
    for window in (old, new):
        studio_tasks.put_up(desk.engine, window, desk.port)
    said = desk.project_now()["expert_instruction"]
    assert "Open: 2026-10." in said
    assert "Open: 2026-11." in said
    assert "<strong>all</strong>" in said
    desk.server.people.annotate(desk.task("a"), "correct")
    close(desk, old)
    assert studio_tasks.wind_up(desk.engine, "triage", desk.port, now=NOW) == 1
    assert sorted(text.partition("?")[0] for text in desk.tasks()) == ["what is a", "what is x", "what is y"]
    assert "2026-10" not in desk.project_now()["expert_instruction"]
    with desk.engine.connect() as conn:
        assert conn.execute(select(answers.c.answer)).scalars().all() == ["correct"]  # it came late
    assert labels(desk, old) == {}
    close(desk, new)
    assert studio_tasks.wind_up(desk.engine, "triage", desk.port, now=NOW) == 2
    assert studio_tasks.wind_up(desk.engine, "triage", desk.port, now=NOW) == 0
    assert "Nothing is open." in desk.project_now()["expert_instruction"]


def test_erasing_leaves_nothing_of_a_window_and_all_of_another(desk: Desk) -> None:
    old, new = desk.window("a", "b"), desk.window("x", period="2026-11")
    for window in (old, new):
        studio_tasks.put_up(desk.engine, window, desk.port)
    desk.server.people.annotate(desk.task("a"), "correct", comment="who wrote this?")
    assert studio_tasks.erase("triage", [old], [old, new], desk.port) == 2
    assert studio_tasks.erase("triage", [old], [old, new], desk.port) == 0
    assert [text.partition("?")[0] for text in desk.tasks()] == ["what is x"]


@pytest.mark.slow
def test_a_project_of_another_deployment_is_left_alone(desk: Desk, another_desk: Callable[[], Desk]) -> None:
    window = desk.window("a")
    studio_tasks.put_up(desk.engine, window, desk.port)
    other = another_desk()
    theirs = other.window("a", opened_at=NOW)
    for work in (
        lambda: studio_tasks.put_up(other.engine, theirs, other.port),
        lambda: studio_tasks.fetch(other.engine, theirs, other.port, now=NOW),
        lambda: studio_tasks.wind_up(other.engine, "triage", other.port, now=NOW),
        lambda: studio_tasks.erase("triage", [theirs], [theirs], other.port),
    ):
        with pytest.raises(StudioError, match="was not made for this stream by this deployment") as refused:
            work()
        assert type(refused.value) is StudioError
    assert len(desk.tasks()) == 1
    with desk.server.connect() as studio:  # handed over: the last line of its description is deleted
        studio.change_project(int(desk.project_now()["id"]), {"description": ""})
    assert studio_tasks.put_up(other.engine, theirs, other.port) == 1
    with pytest.raises(StudioError, match="was not made for this stream"):
        studio_tasks.put_up(desk.engine, window, desk.port)


def test_an_empty_project_that_somebody_made_is_taken_and_a_full_one_is_not(desk: Desk) -> None:
    foreign = (
        "<View><Text name='x' value='$x'/><Choices name='c' toName='x'><Choice value='1'/></Choices></View>"
    )
    with desk.server.connect() as studio:
        made = studio.create_project({"title": desk.project, "label_config": foreign})
        desk.project = str(made["id"])
        window = desk.window("a")
        studio.add_tasks(int(made["id"]), [{"data": {"x": "theirs"}}])
        with pytest.raises(StudioError, match="was not made for this stream"):
            studio_tasks.put_up(desk.engine, window, desk.port)
        studio.delete_tasks(int(made["id"]), [int(task["id"]) for task in studio.tasks(int(made["id"]))])
        assert studio_tasks.put_up(desk.engine, window, desk.port) == 1
        assert studio.count(int(made["id"])) == 1
        assert page_of("https://h/", made) == f"https://h/projects/{made['id']}/data"
    desk.project = "99999999"
    with pytest.raises(StudioError, match="has no project with the id 99999999"):
        studio_tasks.put_up(desk.engine, window, desk.port)


def test_a_labelling_configuration_without_our_answers_is_refused(desk: Desk) -> None:
    window = desk.window("a")
    studio_tasks.put_up(desk.engine, window, desk.port)
    project = desk.project_now()
    with desk.server.connect() as studio:
        odd = project["label_config"].replace('value="unsure"', 'value="no idea"')
        studio.change_project(int(project["id"]), {"label_config": odd})
        with pytest.raises(
            StudioError, match=r"no single choice called 'label' with correct, incorrect, unsure"
        ):
            fetch(desk, window)
        nicer = project["label_config"].replace("<View>", '<View style="max-width: 60em">')
        studio.change_project(int(project["id"]), {"label_config": nicer})
    assert fetch(desk, window).waiting == 1


@pytest.mark.slow
def test_a_share_is_labelled_by_two_people_until_the_window_ends(desk: Desk) -> None:
    window = desk.window(*(f"r{i}" for i in range(8)), settings={"double_review": 0.5})
    chosen = dict(zip([f"r{i}" for i in range(8)], ["0001", "ffff"] * 4, strict=True))
    with desk.engine.begin() as conn:
        for id_, place in chosen.items():
            conn.execute(update(t).where(t.c.prediction_id == id_).values(draw_order=f"{id_:0>12}{place}"))
    studio_tasks.put_up(desk.engine, window, desk.port)
    project = desk.project_now()
    assert project["show_instruction"] is True
    assert project["enable_empty_annotation"] is False

    def asked_twice() -> set[str]:
        return {text[8:10] for text, task in desk.tasks().items() if task["overlap"] == 2}

    assert asked_twice() == {"r0", "r2", "r4", "r6"}  # as their place in the draw says
    for task in desk.tasks().values():
        desk.server.people.annotate(int(task["id"]), "correct")
    desk.server.people.annotate(desk.task("r0"), "incorrect", by=desk.server.bob)
    assert fetch(desk, window).new == 8
    assert asked_twice() == {"r0", "r2", "r4", "r6"}
    close(desk, window)
    assert studio_tasks.wind_up(desk.engine, "triage", desk.port, now=NOW) == 3
    assert studio_tasks.wind_up(desk.engine, "triage", desk.port, now=NOW) == 0
    assert {task["is_labeled"] for task in desk.tasks().values()} == {True}
    assert len(desk.tasks()) == 5
    assert len(labels(desk, window)) == 8
    second = desk.window("x", period="2026-11", settings={"double_review": 0.5})
    studio_tasks.put_up(desk.engine, second, desk.port)
    assert {task["is_labeled"] for task in desk.tasks().values() if task["annotations"]} == {True}


@pytest.mark.parametrize("kind", ["legacy", "personal"])
def test_both_kinds_of_key_work(desk: Desk, kind: str) -> None:
    with desk.server.connect(getattr(desk.server, kind)) as studio:
        assert studio.whoami() == desk.server.ada


@pytest.mark.parametrize("kind", ["legacy", "personal"])
def test_a_wrong_key_is_said_and_never_shown(desk: Desk, kind: str) -> None:
    right = getattr(desk.server, kind)
    wrong = right[:-4] + ("AAAA" if not right.endswith("AAAA") else "BBBB")
    with (
        LabelStudio(desk.server.url, wrong) as studio,
        pytest.raises(StudioError, match="does not accept the key: put one of Account & Settings") as refused,
    ):
        studio.whoami()
    assert wrong not in str(refused.value)
    assert right[:20] not in str(refused.value)


def test_many_projects_and_tasks_are_read_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calib.review.label_studio.PAGE", 2)
    monkeypatch.setattr("calib.review.label_studio.BATCH", 2)
    window = desk.window("a", "b", "c", "d", "e")
    assert studio_tasks.put_up(desk.engine, window, desk.port) == 5
    assert len(desk.tasks()) == 5
    with desk.server.connect() as studio:
        for _ in range(4):
            studio.create_project({"title": f"{desk.project} more", "label_config": "<View></View>"})
        assert [p["title"] for p in studio.projects_titled(desk.project)] == [desk.project]
        titled = studio.projects_titled(f"{desk.project} more")
        assert [p["id"] for p in titled] == sorted(p["id"] for p in titled)
        assert len(titled) == 4
    close(desk, window)
    assert studio_tasks.wind_up(desk.engine, "triage", desk.port, now=NOW + timedelta(days=1)) == 5
    with desk.engine.connect() as conn:
        assert not windows.of_stream(conn, "triage")[0].waits
