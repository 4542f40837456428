"""What to do for each kind of alert, as docs/how-to/runbook.md says it: the wheel carries that page along."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import calib


def runbook_page() -> str:
    """The page in Markdown: inside the installed package, or in the documentation of a checkout."""
    installed = Path(str(resources.files("calib.alerts"))) / "runbook.md"
    checkout = Path(calib.__file__).resolve().parents[1] / "docs" / "how-to" / "runbook.md"
    return (installed if installed.is_file() else checkout).read_text(encoding="utf-8")


def section_of(page: str, kind: str) -> str | None:
    """The text below the heading that is named as a kind, for a terminal; None where there is none.

    Commands stay between backticks. Of a link the words stay: where it leads to is another page, or another
    heading of this one.

    >>> section_of("## a\\n\\nSee [there](b.md#c).\\n`calib x`\\n\\n## b\\n\\nNo.\\n\\n[Back](i.md)\\n", "a")
    'See there.\\n`calib x`'
    """
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    if kind not in texts:
        return None
    lines = [line for line in texts[kind].splitlines() if not re.fullmatch(r"\[[^\]]*\]\([^)]*\)", line)]
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", "\n".join(lines)).strip()
