"""Labelling on the page: one item at a time, without a script."""

from __future__ import annotations

from web_pages import Pages


def test_an_item_is_labelled_and_the_next_one_follows(pages: Pages) -> None:
    first, second = pages.window(2)
    with pages.local() as visit:
        page = visit.get("/review/triage").text
        assert "q 0" in page
        assert page.index("<bdi>question</bdi>") < page.index("<bdi>answer</bdi>")
        assert "0.93" not in page
        after = visit.label("correct")
    assert after.status_code == 200
    assert "You said <strong>correct</strong>; the model stated 0.93." in after.text
    assert "q 1" in after.text
    assert pages.labels() == [(first, "correct", "olga", True)]
    assert second > first
