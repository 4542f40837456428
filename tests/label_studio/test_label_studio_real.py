"""What only the real Label Studio shows: hostile text does nothing in a browser, and erased text is gone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from browser import browser as chromium
from label_studio_desk import Desk
from label_studio_fake import ADMIN
from label_studio_server import PASSWORD
from queues import item_row

from calib.review import label_studio_tasks as studio_tasks

HOSTILE = (
    '<img src="http://127.0.0.1:9/i.png" onerror="window.hacked=1"><script>window.hacked=2</script>'
    '<b onmouseover="window.hacked=3">bold</b> http://127.0.0.1:9/fetch\n'
    "second line <!channel> paid\u202eevil "
    '{{constructor.constructor("window.hacked=4")()}} <iframe src="javascript:window.hacked=5"></iframe>'
)
GUIDELINES = "# When?\n\n<script>window.hacked=6</script> **right** ![i](http://127.0.0.1:9/g.png)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_hostile_text_is_text_in_a_browser(desk: Desk, browser: Browser, monkeypatch: Any) -> None:
    def hostile_row(id_: str, order: int) -> dict[str, Any]:
        return item_row(id_, order, context={"<b>q</b>": HOSTILE, "answer": HOSTILE, "more": HOSTILE})

    monkeypatch.setattr("label_studio_desk.item_row", hostile_row)
    desk.guidelines = GUIDELINES
    window = desk.window("a")
    studio_tasks.put_up(desk.engine, window, desk.port)
    project = desk.project_now()["id"]
    driver, url = browser.driver, desk.server.url
    driver.get(f"{url}/user/login/")
    for name, value in (("email", ADMIN), ("password", PASSWORD)):
        driver.find_element("name", name).send_keys(value)
    driver.find_element("css selector", "[type=submit]").click()
    (task,) = desk.tasks().values()
    driver.get_log("performance")
    shown = ""
    deadline = time.monotonic() + 120
    for page in (f"/projects/{project}/data?task={task['id']}", f"/projects/{project}/data?labeling=1"):
        driver.get(f"{url}{page}")
        while time.monotonic() < deadline and "incorrect" not in shown:
            time.sleep(1)
            shown = driver.find_element("tag name", "body").text
        assert "incorrect" in shown, shown[-500:]
        assert '<script>window.hacked=2</script><b onmouseover="window.hacked=3">bold</b>' in shown
        assert "second line <!channel> paidevil" in shown
        time.sleep(2)  # for what would run late
        assert browser.run("return window.hacked === undefined")
        shown = ""
    assert [address for address in browser.requests() if "127.0.0.1:9/" in address] == []


def test_erased_text_is_in_no_row_of_the_server(desk: Desk, label_studio_folder: Path) -> None:
    """Not in a task, not in an annotation or a draft, nowhere in its database."""
    comment, row = "Schattenburg-91c2", "row-91c2"
    window = desk.window(row, "b")
    studio_tasks.put_up(desk.engine, window, desk.port)
    desk.server.people.annotate(desk.task(row), "correct", comment=f"seen in {comment}")
    assert all(holds(label_studio_folder, text) for text in (comment, f"what is {row}?"))
    studio_tasks.erase("triage", [window], [window], desk.port)
    assert holds(label_studio_folder, desk.project)  # the search itself finds what is there
    assert [text for text in (comment, row) if holds(label_studio_folder, text)] == []


def holds(folder: Path, text: str) -> bool:
    """Whether any cell of any table holds a text."""
    (file,) = folder.glob("*.sqlite3")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as conn:
        return any(text in line for line in conn.iterdump())
