"""The page on SQLite and on PostgreSQL: a form, a link and a label count once, whoever is how fast."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from web_pages import Pages, fields_of

REVIEW = "/review/triage"
LABEL = f"{REVIEW}/label"


@pytest.fixture
def pages(tmp_path: Path, database_url: str) -> Pages:
    """A project whose database is one of each kind."""
    made = Pages(tmp_path)
    made.settings(head=f"database = '{database_url}'")
    return made


def test_a_reviewer_labels_skips_undoes_and_corrects(pages: Pages) -> None:
    first, second, third = pages.window(3)
    with pages.signed_in("ada") as ada:
        page = ada.label("incorrect", comment="why").text
        assert "You said <strong>incorrect</strong>; the model stated 0.93." in page
        page = ada.post(f"{REVIEW}/undo", fields_of(page, f"{REVIEW}/undo")).text
        page = ada.post(LABEL, fields_of(page, LABEL) | {"answer": "correct"}).text
        page = ada.post(LABEL, fields_of(page, LABEL) | {"answer": "skip"}).text
        assert "2 of 3 answers are missing" in page
        page = ada.post(LABEL, fields_of(page, LABEL) | {"answer": "unsure"}).text
        assert "Nothing is left for you here" in page
        change = ada.form(f"{REVIEW}/mine", f"{REVIEW}/mine")
        ada.post(f"{REVIEW}/mine", change | {"answer": "incorrect"})
    counting = {item: answer for item, answer, _, counts in pages.labels() if counts}
    assert counting == {first: "correct", third: "incorrect"}
    assert second not in counting


def test_one_form_sent_many_times_at_once_is_one_label(pages: Pages) -> None:
    pages.window(20)
    with pages.signed_in("ada") as ada, ThreadPoolExecutor(8) as threads:
        form = ada.form(REVIEW, LABEL)
        answers = ["correct", "incorrect", "skip", "unsure"] * 2

        def send(answer: str) -> int:
            return int(ada.post(LABEL, form | {"answer": answer}, follow_redirects=False).status_code)

        assert set(threads.map(send, answers)) == {303}
    assert pages.rows("posted_forms") == 1
    assert pages.rows("labels") + pages.rows("skipped_items") == 1


def test_of_many_who_use_one_link_one_gets_in(pages: Pages) -> None:
    token = pages.reviewer("ada")
    with pages.browser() as visit, ThreadPoolExecutor(8) as threads:

        def sign_in(_: int) -> int:
            return int(visit.post("/sign-in", {"token": token}, follow_redirects=False).status_code)

        assert sorted(threads.map(sign_in, range(8))) == [303] + [403] * 7
    assert pages.rows("web_sessions") == 1
