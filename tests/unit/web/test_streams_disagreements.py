"""Rows on which people differ: seen by admins alone, decided once, with every answer kept."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from watched_streams import WatchedPages, disagree

from calib.db import tables
from calib.review import conflicts

PAGE = "/streams/billing/disagreements"


def undecided(pages: WatchedPages) -> list[Any]:
    with pages.project.engine.begin() as conn:
        return conflicts.of_stream(conn, "billing", undecided=True)


@pytest.mark.slow
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
    assert "'answer': 'incorrect'" in actions
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


def test_an_admin_who_saw_less_than_there_is_decides_nothing(watched_pages: WatchedPages) -> None:
    """Two admins have the page open: the second one's decision does not take the place of the first one's."""
    (row,) = undecided(watched_pages)
    with (
        watched_pages.signed_in("olga", role="admin") as olga,
        watched_pages.signed_in("pia", role="admin") as pia,
    ):
        of_olga = olga.form(PAGE, PAGE) | {"answer": "incorrect"}
        of_pia = pia.form(PAGE, PAGE) | {"answer": "correct"}
        assert "Your decision counts" in olga.post(PAGE, of_olga).text
        refused = pia.post(PAGE, of_pia).text
        assert "Your decision counts" not in refused
        assert "somebody decided this row" in refused
        assert "Your decision counts" not in pia.post(PAGE, of_pia).text
        assert pia.post(PAGE, of_pia | {"seen": "x"}).status_code == 403
    with watched_pages.project.engine.begin() as conn:
        (now,) = [one for one in conflicts.of_stream(conn, "billing") if one.item_id == row.item_id]
        who = [action.who for action in conn.execute(select(tables.web_actions)) if action.what == "decided"]
    assert (now.decided_by, now.answers[0]) == ("olga", "incorrect")
    watched_pages.app.state.site.batches.close()
    assert watched_pages.told == ["billing"], "the early warning hears of the one decision"
    assert who == ["olga"]
