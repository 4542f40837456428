"""The pages of streams in a real browser, served by `calib web`: in every look, and by keyboard alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import Browser, axe_core
from conftest import World
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from web_server import Served, served

from calib.format import Entry
from calib.store import history, open_store

pytestmark = pytest.mark.slow
PAGES = {
    "streams": "/streams",
    "stream": "/streams/triage",
    "cohort": "/streams/billing",
    "window": "/streams/triage/windows/2026-03",
    "versions": "/streams/triage/versions",
    "roll-back": "/streams/triage/versions/roll-back",
    "withdraw": "/streams/triage/versions/withdraw",
    "alerts": "/streams/triage/alerts",
    "all-alerts": "/alerts",
    "disagreements": "/streams/billing/disagreements",
    "ledger": "/ledger",
}
TABS = 60  # something that a person wants to reach is not further away


@dataclass
class Site:
    """The pages as a process serves them, the folder behind it, and a browser that is signed in."""

    served: Served
    folder: Path
    browser: Browser

    def open(self, path: str, *, width: int = 1280, scheme: str = "light") -> None:
        """Open a page of the site under its own policy, which axe is let past."""
        self.browser.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})
        self.browser.open(self.served.address + path, width=width, scheme=scheme)

    def press(self, *keys: str) -> None:
        """Press keys wherever the focus is."""
        ActionChains(self.browser.driver).send_keys(*keys).perform()

    def reach(self, words: str) -> None:
        """Press the tabulator until what has the focus says these words."""
        for _ in range(TABS):
            self.press(Keys.TAB)
            if words in self.browser.run("return document.activeElement.textContent.trim()"):
                return
        pytest.fail(f"{words!r} is not reached by {TABS} tabs")

    def follow(self, words: str) -> None:
        """Press Enter, and wait for the page whose heading has these words or that says them."""
        self.press(Keys.ENTER)
        deadline = time.monotonic() + 120
        while words not in self.text():
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.05)

    def text(self) -> str:
        """What the page says, without line ends."""
        main = self.browser.run("return document.querySelector('main')?.innerText ?? ''")
        return " ".join(main.split())

    def log(self) -> list[Entry]:
        """What the channel named, oldest first."""
        store = open_store("file:mappings", base=self.folder)
        return history(store, stream="triage", channel="production")


@pytest.fixture(scope="module")
def site(watched_world: World, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served") / "copy"
    shutil.copytree(watched_world.folder, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALIB_REPORTS", "true")
        with served(folder) as process:
            chromium.open(process.url, width=1280)
            yield Site(process, folder, chromium)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_and_fits_in_every_look(site: Site, name: str) -> None:
    """No word on the console, no request to elsewhere, nothing sticks out sideways; axe finds nothing."""
    axe = axe_core()
    for width in (360, 1280):
        for scheme in ("light", "dark"):
            site.open(PAGES[name], width=width, scheme=scheme)
            assert site.browser.complaints() == [], (width, scheme)
            asked = site.browser.requests()
            assert asked
            assert [url for url in asked if not url.startswith(site.served.address + "/")] == []
            assert site.browser.run("return document.documentElement.scrollWidth") <= width
        site.browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert site.browser.violations(axe) == [], width


def test_what_axe_must_find_is_found(site: Site) -> None:
    site.open("/streams")
    site.browser.run("document.querySelectorAll('svg').forEach(s => s.removeAttribute('aria-label'))")
    assert "svg-img-alt" in " ".join(site.browser.violations(axe_core()))


def test_a_report_of_the_store_is_shown_and_is_kept_apart(site: Site) -> None:
    site.open("/triage/reports/2026-03-r1.html", width=360)
    assert site.browser.complaints() == []
    assert "Degraded" in site.browser.driver.page_source
    assert site.browser.run("return self.origin") == "null"


def test_a_mapping_is_rolled_back_and_withdrawn_by_keyboard_alone(site: Site) -> None:
    before = site.log()
    site.open("/streams")
    site.reach("triage")
    site.follow("All numbers of 2026-03")
    site.reach("Versions, roll back and withdraw")
    site.follow("Versions of triage")
    for words, reason in (("Roll back", "the labels of March were wrong"), ("Withdraw", "nothing holds")):
        site.reach(f"{words}…")
        site.follow("Why? It stays in the history")
        if words == "Roll back":
            assert "which names mapping " + before[-2].mapping[:12] in site.text()
        while site.browser.run("return document.activeElement.tagName") != "TEXTAREA":
            site.press(Keys.TAB)
        site.press(reason)
        site.press(Keys.TAB)
        assert site.browser.run("return document.activeElement.textContent") == words
        site.follow("Done: the channel is")
    rolled_back, withdrawn = site.log()[len(before) :]
    assert (rolled_back.mapping, rolled_back.reason) == (
        before[-2].mapping,
        "the labels of March were wrong",
    )
    assert (withdrawn.withdrawn, withdrawn.reason) == (True, "nothing holds")
    assert "withdrawn" in site.text()


def test_the_focus_can_be_seen(site: Site) -> None:
    site.open("/streams")
    site.reach("triage")
    outline = site.browser.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
