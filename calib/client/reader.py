"""The process that reads for a forked one.

It takes one request a line, in JSON, and answers with a line of JSON, followed by as many bytes as that says.
It ends when its standard input does.
"""

from __future__ import annotations

import json
import sys

from calib.client.fetch import ObstoreFetcher
from calib.client.helper import say
from calib.errors import CalibError


def main() -> None:
    """Answer until nobody asks."""
    answers = sys.stdout.buffer
    fetcher: ObstoreFetcher | None = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        fetcher = fetcher or ObstoreFetcher(request["url"], timeout=request["timeout"])
        try:
            data = fetcher.get(request["key"])
        except CalibError as error:
            say(answers, {"trouble": str(error)})
            continue
        say(answers, {"size": None if data is None else len(data)})
        answers.write(data or b"")
        answers.flush()
