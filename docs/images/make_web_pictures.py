"""Take the pictures of `docs/how-to/review.md`: `python docs/images/make_web_pictures.py`.

Needs Debian's Chromium and its driver. `calib web` serves a made-up cohort, and a person labels some of it.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "tests"))

from browser import Browser, browser  # noqa: E402
from web_pages import Pages  # noqa: E402
from web_server import GUIDELINES, ITEMS, served  # noqa: E402

from calib.db import tables  # noqa: E402

LOOKS = {"review": (1280, "light"), "review-narrow": (360, "dark")}
ANSWERS = "1121131121211121312111"


def cohort(folder: Path) -> Pages:
    """A project with one open window of 200 items, which closes in nine days."""
    (folder / "triage.md").write_text(GUIDELINES, encoding="utf-8")
    pages = Pages(folder, now=datetime.now(UTC))
    pages.settings(stream='guidelines = "triage.md"')
    for n, item in enumerate(pages.window(200)):
        pages.context(item, **ITEMS[n % len(ITEMS)])
    with pages.project.engine.begin() as conn:
        closes_at = datetime.now(UTC) + timedelta(days=9, hours=1)
        conn.execute(tables.windows.update().values(closes_at=closes_at))
    return pages


def label(opened: Browser, address: str, reviewer: str, link: str) -> None:
    """Sign in and answer as many items as `ANSWERS` has keys."""
    opened.driver.delete_all_cookies()
    opened.open(f"{address}/sign-in?token={link}", width=1280)
    opened.press("\ue007")  # Enter: the button has the focus
    opened.until("location.pathname !== '/sign-in'")
    opened.open(f"{address}/review/triage", width=1280)
    assert opened.text(".who bdi") == reviewer  # noqa: S101
    for key in ANSWERS:
        item = opened.run("return document.querySelector('.item').dataset.item")
        opened.press(key)
        opened.until("document.querySelector('.item').dataset.item !== arguments[0]", item)


def main() -> None:
    """Write the pictures beside this file."""
    with tempfile.TemporaryDirectory() as name, browser() as opened:
        pages = cohort(Path(name))
        links = {reviewer: pages.reviewer(reviewer) for reviewer in ("olga", "ada")}
        with served(Path(name)) as process:
            for reviewer, link in links.items():
                label(opened, process.address, reviewer, link)
            for picture, (width, scheme) in LOOKS.items():
                opened.open(f"{process.address}/review/triage", width=width, scheme=scheme)
                (FOLDER / f"{picture}.png").write_bytes(opened.picture())


if __name__ == "__main__":
    main()
