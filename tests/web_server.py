"""`calib web` as its own process, as a user starts it, on a free port; it is ended by its process id."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ITEMS: list[dict[str, Any]] = [
    {
        "question": "My card was charged **twice** for order 80-2291, once on the 3rd and once on the 4th of "
        "October. Can you send the second amount back?",
        "answer": "queue: `billing`\n\n| Signal | Weight |\n|---|---:|\n| charged twice | 0.81 |\n"
        "| asks for a refund | 0.12 |\n\nThe customer reports a duplicate charge.",
    },
    {
        "question": "The app closes as soon as I open the map. Phone: Pixel 7.\n\n```\njava.lang."
        "NullPointerException\n  at MapView.onCreate(MapView.kt:88)\n```",
        "answer": "queue: `technical`",
    },
    {
        "question": "How do I change the address of a parcel that is on its way?",
        "answer": "queue: `shipping`",
    },
    {
        "question": "Please delete my account and everything that you store of me.",
        "answer": "queue: `billing`",
    },
]
GUIDELINES = """The answer is **correct** if the queue is the one that can solve the request.

- A duplicate charge belongs to `billing`, whatever the tone.
- If two queues could solve it, either is correct.
- Say **unsure** if the text does not say enough. Do not guess.
"""


@dataclass(frozen=True)
class Served:
    """A process that serves pages: the address without a path, and the one that it printed."""

    address: str
    url: str
    process: subprocess.Popen[str]


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    """Start `calib web` in a folder with calib.toml."""
    words = [sys.executable, "-m", "calib", "web", "--port", "0", "--json", *arguments]
    environment = os.environ | {"CALIB_CONFIG": str(folder / "calib.toml")}
    errors = (folder / "web.log").open("w")
    process = subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "web.log").read_text()
        url = json.loads(line)["url"]
        yield Served(address="/".join(url.split("/")[:3]), url=url, process=process)
    finally:
        process.terminate()
        process.communicate(timeout=60)
        errors.close()
