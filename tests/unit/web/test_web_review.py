"""Labelling on the page: one item at a time, with forms alone."""

from __future__ import annotations

import re

import pytest
from web_pages import Pages, fields_of, later

HERE = "/review/triage"


def test_an_item_is_labelled_and_the_next_one_follows(pages: Pages) -> None:
    first, _ = pages.window(2)
    with pages.local() as visit:
        page = visit.get(HERE).text
        assert "q 0" in page
        assert page.index("<bdi>question</bdi>") < page.index("<bdi>answer</bdi>"), (
            "the order of the settings"
        )
        assert "0.93" not in page, "the model's confidence before the label"
        after = visit.label("correct")
        assert after.status_code == 200
        assert "You said <strong>correct</strong>; the model stated 0.93." in after.text
        assert "q 1" in after.text
        later(pages, hours=2)
        assert "You said" not in visit.get(HERE).text
    assert pages.labels() == [(first, "correct", "olga", True)]


@pytest.mark.parametrize("answer", ["correct", "incorrect", "unsure"])
def test_each_answer_is_kept_with_its_comment(pages: Pages, answer: str) -> None:
    (item,) = pages.window(1)
    with pages.local() as visit:
        visit.label(answer, comment="  the second half\r\nis missing ")
        mine = visit.get(f"{HERE}/mine").text
    assert pages.labels() == [(item, answer, "olga", True)]
    assert ">the second half\nis missing</textarea>" in mine
    assert f"<option selected>{answer}</option>" in mine


def test_a_form_that_is_sent_twice_is_one_label(pages: Pages) -> None:
    first, second = pages.window(2)
    with pages.local() as visit:
        form = visit.form(HERE, f"{HERE}/label")
        for answer in ("correct", "incorrect", "skip"):
            again = visit.post(f"{HERE}/label", form | {"answer": answer})
            assert again.status_code == 200
            assert "You said <strong>correct</strong>" in again.text
        kept = pages.rows("labels"), pages.rows("web_actions"), pages.rows("skipped_items")
    assert pages.labels() == [(first, "correct", "olga", True)]
    assert kept == (1, 2, 0), "started and labelled"
    assert second


def test_an_old_form_changes_nothing_after_a_correction(pages: Pages) -> None:
    (item,) = pages.window(1)
    with pages.local() as visit:
        form = visit.form(HERE, f"{HERE}/label")
        visit.post(f"{HERE}/label", form | {"answer": "correct"})
        change = visit.form(f"{HERE}/mine", f"{HERE}/mine")
        page = visit.post(f"{HERE}/mine", change | {"answer": "incorrect", "comment": "I misread it"})
        assert "Your answer was changed." in page.text
        visit.post(f"{HERE}/label", form | {"answer": "correct"})
        visit.post(f"{HERE}/mine", change | {"answer": "unsure"})
    assert pages.labels()[-1] == (item, "incorrect", "olga", True)
    assert len(pages.labels()) == 2, "both answers are kept"


def test_an_answer_is_taken_back_and_its_item_comes_again(pages: Pages) -> None:
    first, _ = pages.window(2)
    with pages.local() as visit:
        after = visit.label("incorrect").text
        undo = fields_of(after, f"{HERE}/undo")
        page = visit.post(f"{HERE}/undo", undo)
        assert page.url.path + "?" + page.url.query.decode() == f"{HERE}?item={first}"
        assert "q 0" in page.text
        assert pages.labels() == []
        form = fields_of(page.text, f"{HERE}/label")
        visit.post(f"{HERE}/label", form | {"answer": "correct"})
        visit.post(f"{HERE}/undo", undo)
    assert pages.labels() == [(first, "correct", "olga", True)]


def test_a_skipped_item_is_left_to_others(pages: Pages) -> None:
    pages.window(2)
    with pages.signed_in("ada") as ada, pages.signed_in("bob") as bob:
        assert "q 1" in ada.label("skip").text
        assert "q 0" in bob.get(HERE).text
        assert "Nothing is left for you here" in ada.label("skip").text
    assert pages.labels() == []


def test_two_people_have_different_items_in_hand(pages: Pages) -> None:
    pages.window(2)
    with pages.signed_in("ada") as ada, pages.signed_in("bob") as bob:
        assert "q 0" in ada.get(HERE).text
        assert "q 1" in bob.get(HERE).text
        assert "q 0" in ada.get(HERE).text, "loading the page anew keeps the item"


def test_an_answer_after_half_an_hour_is_kept_and_does_not_count(pages: Pages) -> None:
    (item,) = pages.window(1)
    with pages.signed_in("ada") as ada, pages.signed_in("bob") as bob:
        form = ada.form(HERE, f"{HERE}/label")
        later(pages, minutes=31)
        bob.label("incorrect")
        page = ada.post(f"{HERE}/label", form | {"answer": "correct"})
        assert "somebody else has it now" in page.text
        form = ada.form(f"{HERE}/mine", f"{HERE}/mine")
        page = ada.post(f"{HERE}/mine", form | {"answer": "unsure"})
        assert "Somebody else&#39;s answer" in page.text
    assert (item, "incorrect", "bob", True) in pages.labels()
    assert [counts for _, _, by, counts in pages.labels() if by == "ada"] == [False, False]


def test_after_the_evaluation_answers_stay_as_they_are(pages: Pages) -> None:
    pages.window(2)
    with pages.local() as visit:
        after = visit.label("correct").text
        undo, label = fields_of(after, f"{HERE}/undo"), fields_of(after, f"{HERE}/label")
        change = visit.form(f"{HERE}/mine", f"{HERE}/mine")
        pages.evaluate()
        before = pages.labels()
        assert "can no longer be changed" in visit.post(f"{HERE}/undo", undo).text
        assert "can no longer be changed" in visit.post(f"{HERE}/mine", change | {"answer": "unsure"}).text
        assert pages.labels() == before
        assert (
            "evaluated before your answer came"
            in visit.post(f"{HERE}/label", label | {"answer": "unsure"}).text
        )
        mine = visit.get(f"{HERE}/mine").text
        assert "The period has been evaluated." in mine
        assert 'name="answer"' not in mine


def test_the_script_gets_the_item_after_the_one_it_shows(pages: Pages) -> None:
    pages.window(3)
    json = {"accept": "application/json"}
    with pages.local() as visit:
        form = visit.form(HERE, f"{HERE}/label")
        second = visit.get(f"{HERE}/next?after={form['item']}", headers=json).json()["next"]
        assert "q 1" in second
        assert "0.93" not in second
        shown = re.search(r'data-item="(\d+)"', second)
        assert shown
        got = visit.post(
            f"{HERE}/label", form | {"answer": "correct", "shown": shown[1]}, headers=json
        ).json()
        assert "q 2" in got["next"]
        assert "You said <strong>correct</strong>" in got["status"]
        assert "2 of 3 answers are missing" in got["cohort"]
        form = fields_of(second, f"{HERE}/label")
        got = visit.post(f"{HERE}/label", form | {"answer": "skip", "shown": "0"}, headers=json).json()
        form = fields_of(got["next"], f"{HERE}/label")
        got = visit.post(f"{HERE}/label", form | {"answer": "unsure", "shown": "0"}, headers=json).json()
        assert got["next"] is None
        refused = visit.post(f"{HERE}/label", {"answer": "unsure"}, headers=json)
        assert (refused.status_code, list(refused.json())) == (403, ["error"])
    assert len(pages.labels()) == 2


def test_what_waits_is_listed_and_outcomes_are_not_asked_for(pages: Pages) -> None:
    pages.window(3)
    pages.window(2, stream="outcomes")
    with pages.local() as visit:
        page = visit.get("/review").text
        assert re.search(r'href="/review/triage">triage</a></th>\s*<td class="number">3</td>', page)
        assert "outcomes" not in page
        assert visit.get("/review/outcomes").status_code == 404
        assert visit.get("/review/nothing").status_code == 404


def test_the_first_page_is_where_something_can_be_done(pages: Pages) -> None:
    with pages.local() as visit:
        assert visit.get("/").url.path == "/streams"
        pages.window(2, stream="outcomes")
        assert visit.get("/").url.path == "/streams"
        pages.window(1)
        assert visit.get("/").url.path.startswith("/review")


def test_without_a_window_the_page_says_when_there_will_be_one(pages: Pages) -> None:
    with pages.local() as visit:
        assert "No period of your streams is open" in visit.get("/review").text
        assert "The next one opens when" in visit.get(HERE).text


@pytest.mark.slow
def test_the_cohort_is_told_with_its_deadline_and_its_people(pages: Pages) -> None:
    pages.window(20)
    with pages.signed_in("ada") as ada, pages.signed_in("<b>bob") as bob:
        for n in range(12):
            ada.label("correct" if n % 3 else "incorrect")
        bob.label("unsure")
        page = " ".join(bob.get(HERE).text.split())
    assert "2026-10: 13 of 20 answered, 7 left for you" in page
    assert "7 of 20 answers are missing" in page
    assert "2026-11-16 00:00 UTC</time>, in 12 days" in page
    assert re.search(r"<bdi>ada</bdi></th><td class=\"number\">12</td>", page)
    assert re.search(r"<bdi>&lt;b&gt;bob</bdi></th><td class=\"number\">1</td>", page)
    now, soon, complete = map(float, re.findall(r"±(\d+\.\d)", page))
    assert now > soon >= complete > 0


def test_the_deadline_is_said_until_it_is_over_and_after(pages: Pages) -> None:
    pages.window(2)
    with pages.local() as visit:
        said = []
        for days in (0, 6, 5, 1, 1):
            later(pages, days=days)
            said.append(" ".join(visit.get(HERE).text.split()))
    assert "2026-11-16 00:00 UTC</time>, in 12 days" in said[0]
    assert "</time>, in one day" in said[2]
    assert "</time>, within a day" in said[3]
    assert "The time for them ended on <time" in said[4]


def test_the_guidelines_stand_beside_the_item(pages: Pages) -> None:
    (pages.folder / "g.md").write_text("# When\n\nIt is **correct** if <script>x</script>")
    pages.settings(stream='guidelines = "g.md"')
    pages.window(1)
    with pages.local() as visit:
        page = visit.get(HERE).text
        assert "<h3>When</h3>" in page
        assert "<strong>correct</strong>" in page
        assert "<script>x" not in page
        (pages.folder / "g.md").unlink()
        assert "cannot be read at the moment" in visit.get(HERE).text


@pytest.mark.slow
def test_labels_are_told_in_batches_and_when_the_last_has_come(pages: Pages) -> None:
    pages.window(27)
    with pages.local() as visit:
        for n in range(1, 28):
            visit.label()
            if n == 24:
                assert pages.told == []
            if n == 26:
                assert len(pages.told) <= 1
        pages.app.state.site.batches.close()
    assert pages.told == ["triage", "triage"]


def test_the_texts_of_an_own_answer_can_be_read_again(pages: Pages) -> None:
    item, _ = pages.window(2)
    with pages.signed_in("ada") as ada, pages.signed_in("bob") as bob:
        ada.label()
        assert "answer 0" in ada.get(f"{HERE}/items/{item}").text
        assert bob.get(f"{HERE}/items/{item}").status_code == 404
        assert ada.get(f"{HERE}/items/{item}/1").text == "answer 0"
        assert ada.get(f"{HERE}/items/{item}/2").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        HERE + "?item={n}",
        HERE + "/next?after={n}",
        HERE + "/mine?before={n}",
        HERE + "/items/{n}",
        HERE + "/items/{n}/0",
        HERE + "/items/1/{n}",
        "/streams/triage/windows/2026-10?revision={n}",
    ],
)
@pytest.mark.parametrize("n", ["9" * 30, "-" + "9" * 30, str(10**18 - 1)])
def test_a_number_that_no_database_holds_is_no_failure_of_the_database(
    pages: Pages, address: str, n: str
) -> None:
    pages.window(1)
    with pages.local() as visit:
        assert visit.get(address.format(n=n)).status_code in (200, 404)


def test_a_text_without_letters_says_that_it_is_empty(pages: Pages) -> None:
    (item,) = pages.window(1)
    for empty in ("", " \n", None):
        pages.context(item, question="q", answer=empty)
        with pages.local() as visit:
            assert visit.get(HERE).text.count("This text is empty.") == 1
    pages.context(item, question="q", answer="0")
    with pages.local() as visit:
        assert "This text is empty." not in visit.get(HERE).text


@pytest.mark.slow
def test_own_answers_go_over_several_pages(pages: Pages) -> None:
    pages.window(27)
    with pages.local() as visit:
        for _ in range(27):
            visit.label()
        first = visit.get(f"{HERE}/mine").text
        assert len(re.findall("<section", first)) == 25
        older = re.search(r'href="([^"]*)">Older answers', first)
        assert older
        second = visit.get(older[1]).text
        assert len(re.findall("<section", second)) == 2
        assert "Newer answers" in second
        assert "Older answers" not in second
