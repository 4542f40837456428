"""Reviewers as a process of its own: `python reviewers_at_work.py URL work|claim|commit NAME...`.

`work`: a thread for each name labels until nothing waits for any of them. `claim` takes 25 items and stays
inside the transaction, `commit` takes them and ends it; both say "claimed" and wait to be killed.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, datetime

from sqlalchemy import Engine

from calib.db.engine import open_engine
from calib.review import queue

NOW = datetime(2026, 11, 3, 6, tzinfo=UTC)  # as in tests/queues.py, which needs more than a process should
AT_ONCE = 25


def work(engine: Engine, name: str, unexpected: list[str]) -> None:
    """Claim and answer until there is nothing left. A first answer counts, a second one agrees or differs."""
    while True:
        with engine.begin() as conn:
            claims = queue.claim(conn, stream="triage", by=name, now=NOW, n=AT_ONCE)
        if not claims:
            return
        for second in (False, True):
            mine = [claim for claim in claims if claim.second is second]
            labels = [
                queue.Answer(
                    item_id=claim.item_id,
                    answer="incorrect" if second and claim.item_id % 10 == 0 else "correct",
                    by=name,
                    at=NOW,
                )
                for claim in mine
            ]
            with engine.begin() as conn:
                became = queue.answer_all(conn, labels, [claim.token for claim in mine])
            expected = {"same", "conflict"} if second else {"new"}
            unexpected += [word for word in became if word not in expected]


def main(url: str, how: str, names: list[str]) -> int:
    """Run as the module says; 1 where an answer became what it should not."""
    engine = open_engine(url)
    if how != "work":
        with engine.connect() as conn:
            assert len(queue.claim(conn, stream="triage", by=names[0], now=NOW, n=AT_ONCE)) == AT_ONCE
            if how == "commit":
                conn.commit()
            sys.stdout.write("claimed\n")
            sys.stdout.flush()
            time.sleep(600)
    unexpected: list[str] = []
    threads = [threading.Thread(target=work, args=(engine, name, unexpected)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stderr.write("".join(f"{word}\n" for word in unexpected))
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
