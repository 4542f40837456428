"""Rows on which people differ: seen by admins alone, decided once, with every answer kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from watched_streams import WatchedPages, disagree

from calib.db import tables
from calib.review import conflicts

PAGE = "/streams/billing/disagreements"


def undecided(pages: WatchedPages) -> list[Any]:
    with pages.project.engine.begin() as conn:
        return conflicts.of_stream(conn, "billing", undecided=True)


def test_a_row_is_shown_with_both_answers_and_decided(watched_pages: WatchedPages) -> None:
    (row,) = undecided(watched_pages)
    with watched_pages.signed_in("olga", role="admin") as visit:
        assert f'href="{PAGE}"' in visit.get("/streams/billing").text
        html = visit.get(PAGE).text
        assert "<bdi>cy &lt;b&gt;</bdi>" in html
        assert "see &lt;i&gt;line 3&lt;/i&gt;" in html
        assert "question " in html
        form = visit.form(PAGE, PAGE) | {"answer": "incorrect", "comment": "line 3 decides"}
        first = visit.post(PAGE, form)
        again = visit.post(PAGE, form)
        assert "Your decision counts from now on." in first.text
        assert "0 rows of open cohorts" in again.text
        assert "0 rows of open cohorts" in visit.get("/streams/billing").text
    assert undecided(watched_pages) == []
    labels = tables.labels
    with watched_pages.project.engine.begin() as conn:
        query = select(labels.c.answer, labels.c.by, labels.c.source).where(labels.c.item_id == row.item_id)
        kept = [tuple(label) for label in conn.execute(query.order_by(labels.c.id))]
        actions = str(conn.execute(select(tables.web_actions)).all())
    assert kept == [
        ("correct", "ana", "review"),
        ("incorrect", "cy <b>", "review"),
        ("incorrect", "olga", "decision"),
    ]
    assert "decided" in actions
    assert "line 3" not in actions


def test_nobody_else_sees_or_decides_and_no_other_streams_row_is_decided(watched_pages: WatchedPages) -> None:
    item = disagree(watched_pages.project, by="dan")
    with watched_pages.signed_in("olga", role="admin") as boss:
        form = boss.form(PAGE, PAGE) | {"item": str(item), "answer": "unsure"}
        assert boss.post(PAGE, form | {"answer": "perhaps"}).status_code == 400
        assert boss.post("/streams/triage/disagreements", form).status_code == 404
    with watched_pages.signed_in("ana") as reviewer:
        assert reviewer.get(PAGE).status_code == 404
        assert reviewer.post(PAGE, form).status_code in (403, 404)
        assert "disagreements" not in reviewer.get("/streams/billing").text
    assert {row.item_id for row in undecided(watched_pages)} >= {item}
