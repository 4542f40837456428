"""The review page in a real browser, served by `calib web`: by keyboard, without scripts, in every look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from browser import Browser, axe_core
from web_pages import Pages
from web_server import GUIDELINES, ITEMS, Served, served

from calib.db import tables

pytestmark = pytest.mark.slow
N = 90
ITEM = "document.querySelector('.item')?.dataset.item"
# In the page: milliseconds from each key to the moment at which the next item can be seen.
WATCH = """
window.took = [];
let pressed = 0;
document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
new MutationObserver(() => requestAnimationFrame(() => window.took.push(performance.now() - pressed)))
    .observe(document.getElementById("item"), { childList: true });
"""


@dataclass
class Site:
    """The pages as a process serves them, and the project behind it."""

    pages: Pages
    served: Served

    @property
    def review(self) -> str:
        return f"{self.served.address}/review/triage"

    def answers(self) -> list[str]:
        """The answers that count, in the order in which they were given."""
        return [answer for _, answer, _, counts in self.pages.labels() if counts]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("web")
    (folder / "triage.md").write_text(GUIDELINES)
    pages = Pages(folder, now=datetime.now(UTC))  # the process has the wall clock
    pages.settings(stream='guidelines = "triage.md"')
    for n, item in enumerate(pages.window(N)):
        pages.context(item, **ITEMS[n % len(ITEMS)])
    with pages.project.engine.begin() as conn:
        closes_at = datetime.now(UTC) + timedelta(days=9, hours=1)
        conn.execute(tables.windows.update().values(closes_at=closes_at))
    with served(folder) as process:
        yield Site(pages, process)


@pytest.fixture
def review(site: Site, chromium: Browser) -> Browser:
    """The browser on the review page, signed in by the address that `calib web` printed."""
    if not chromium.driver.get_cookies() or not chromium.driver.current_url.startswith(site.served.address):
        chromium.open(site.served.url, width=1280)
    chromium.open(site.review, width=1280)
    return chromium


def press(review: Browser, key: str) -> None:
    """Press a key that answers, and wait for the next item."""
    before = review.run(f"return {ITEM}")
    review.press(key)
    review.until(f"{ITEM} !== arguments[0]", before)


def stored(review: Browser, n: int) -> None:
    """Wait until the page has heard that so many answers are stored."""
    review.until("document.getElementById('progress').value === arguments[0]", n)


def test_fifty_labels_by_keyboard_one_key_each(site: Site, review: Browser) -> None:
    before = len(site.answers())
    keys = ("1c2x3u" * 9)[:50]
    review.run(WATCH)
    for key in keys:
        press(review, key)
    stored(review, before + 50)
    word = {"1": "correct", "c": "correct", "2": "incorrect", "x": "incorrect", "3": "unsure", "u": "unsure"}
    assert site.answers()[before:] == [word[key] for key in keys]
    took = review.run("return window.took")
    assert len(took) == 50
    assert median(took) < 150, sorted(took)
    assert review.complaints() == []
    review.reads("You said correct; the model stated 0.93.", "#status")


def test_an_answer_is_taken_back_by_a_key(site: Site, review: Browser) -> None:
    item, before = review.run(f"return {ITEM}"), site.answers()
    press(review, "2")
    stored(review, len(before) + 1)
    review.press("z")
    review.until(f"location.search === '?item=' + arguments[0] && {ITEM} === arguments[0]", item)
    assert site.answers() == before
    press(review, "1")
    stored(review, len(before) + 1)
    assert site.answers() == [*before, "correct"]


def test_an_item_is_skipped_by_a_key(site: Site, review: Browser) -> None:
    item, before = review.run(f"return {ITEM}"), site.answers()
    press(review, "s")
    review.driver.refresh()
    assert review.run(f"return {ITEM}") != item
    assert site.answers() == before


def test_a_comment_is_written_without_answering(site: Site, review: Browser) -> None:
    item, before = review.run(f"return {ITEM}"), site.answers()
    review.press("m")
    review.press("c 1 x s z\nu")
    assert review.run(f"return {ITEM}") == item
    review.press("\ue00c")  # Escape
    press(review, "3")
    stored(review, len(before) + 1)
    assert site.answers() == [*before, "unsure"]
    review.open(f"{site.review}/mine", width=1280)
    assert review.element("textarea").get_attribute("value") == "c 1 x s z\nu"


def test_an_answer_is_corrected_by_keyboard(site: Site, review: Browser) -> None:
    n = len(site.answers())
    press(review, "1")
    stored(review, n + 1)
    before = site.answers()
    review.open(f"{site.review}/mine", width=1280)
    review.element("select[name=answer]").send_keys("inc")
    review.press("\ue004" * 2 + " ")  # to the button, past the comment
    review.until("document.querySelector('.note')?.textContent.includes('was changed')")
    assert sorted(site.answers()) == sorted([*before[:-1], "incorrect"])


def test_a_double_click_is_one_label(site: Site, review: Browser) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    before = len(site.answers())
    ActionChains(review.driver).double_click(review.element("button[value=correct]")).perform()
    stored(review, before + 1)
    review.driver.refresh()
    assert len(site.answers()) == before + 1


def test_the_keys_can_be_turned_off(site: Site, review: Browser) -> None:
    item, before = review.run(f"return {ITEM}"), site.answers()
    review.element("#keys").click()
    review.press("1cs")
    review.reads("Keys are off", "#keys")
    assert (review.run(f"return {ITEM}"), site.answers()) == (item, before)
    review.element("#keys").click()
    press(review, "1")


def test_an_answer_that_cannot_be_sent_is_not_lost_in_silence(site: Site, review: Browser) -> None:
    item, before = review.run(f"return {ITEM}"), site.answers()
    review.until("performance.getEntriesByType('resource').some(e => e.name.includes('/next'))")
    review.offline(True)
    try:
        review.press("1")
        review.until("!document.getElementById('failure').hidden")
    finally:
        review.offline(False)
    review.reads("Your answer was not stored.", "#failure")
    assert review.run(f"return {ITEM}") == item
    review.press("1")
    review.driver.refresh()
    assert site.answers() == before


def test_everything_works_without_scripts(site: Site, review: Browser) -> None:
    before = site.answers()
    review.scripts(False)
    try:
        review.open(site.review, width=360)
        first = review.text(".id")
        review.element("textarea").send_keys("by hand")
        review.element("button[value=incorrect]").click()
        review.reads("You said incorrect", "#status")
        item = review.text(".id")
        review.element("#undo button").click()
        review.reads(first, ".id")
        review.element("button[value=skip]").click()
        review.reads(item, ".id")
        review.element("button[value=unsure]").click()
        review.reads("You said unsure", "#status")
    finally:
        review.scripts(True)
    assert site.answers() == [*before, "unsure"]


LOOKS = [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_are_quiet_and_fit_and_axe_finds_nothing(
    site: Site, review: Browser, width: int, scheme: str
) -> None:
    item = int(review.run(f"return {ITEM}"))
    wide = "| " + " | ".join(["x" * 40] * 12) + " |\n" + "|-" * 12 + "|\n"
    site.pages.context(
        item, question="w" * 3_000, answer=f"{wide}\n\n" + "[a link](https://a.example) text " * 200
    )
    axe = axe_core()
    for path in ("/review", "/review/triage", "/review/triage/mine", "/sign-in?token=x", "/nothing"):
        review.open(f"{site.served.address}{path}", width=width, scheme=scheme)
        if path == "/review/triage":
            review.until("performance.getEntriesByType('resource').some(e => e.name.includes('/next'))")
        refused = [word for word in review.complaints() if "status of 40" not in word]
        assert refused == [], path
        assert all(url.startswith(site.served.address) for url in review.requests())
        review.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert review.run("return document.documentElement.scrollWidth") <= width, path
        assert review.violations(axe) == [], path


def test_words_of_a_wide_table_stay_whole_and_tables_are_no_landmarks(site: Site, review: Browser) -> None:
    item = int(review.run(f"return {ITEM}"))
    row = "|" + "value|" * 30 + "\n"
    table = row + "|" + "---|" * 30 + "\n" + row
    site.pages.context(item, question=table, answer=table)
    review.open(site.review, width=360)
    lines = (
        "return [...document.querySelectorAll('.item td, .item th')].map("
        "c => { const r = document.createRange(); r.selectNodeContents(c); "
        "return r.getClientRects().length; })"
    )
    assert review.run(lines) == [1] * 120, "each cell is one line"
    assert review.run("return document.documentElement.scrollWidth") <= 360
    assert review.run(
        "const s = document.querySelector('.item .scroll'); return s.scrollWidth > s.clientWidth"
    )
    assert review.violations(axe_core()) == []
    site.pages.context(item, **ITEMS[0])


def test_a_reviewer_signs_in_by_a_link_and_the_open_page_closes(site: Site, review: Browser) -> None:
    """The last test on this process: from here on it asks for a sign-in."""
    token = site.pages.reviewer("ada")
    review.driver.refresh()
    review.reads("Please sign in")
    link = f"{site.served.address}/sign-in?token={token}"
    review.open(link, width=360)
    assert review.violations(axe_core()) == []
    review.open(link, width=360)
    review.press("\ue007")  # Enter: the button has the focus
    review.until("location.pathname !== '/sign-in'")
    review.open(site.review, width=360)
    review.reads("ada", ".who bdi")
    press(review, "1")
    review.until("document.getElementById('undo')")
    assert [by for _, _, by, _ in site.pages.labels()][-1] == "ada"
    review.open(link, width=360)
    review.reads("This is refused")
    review.open(site.review, width=360)
    review.element(".who button").click()
    review.reads("You are signed out")
    log = (site.pages.folder / "web.log").read_text()
    assert not re.search(r"token|ada|charged", log), log


def test_the_folder_of_the_process_holds_no_text(site: Site) -> None:
    texts = [path for path in Path(site.pages.folder).rglob("*") if path.suffix in (".log", ".html", ".json")]
    assert [path for path in texts if "Pixel" in path.read_text(encoding="utf-8")] == []
