"""The early watch through the queue: told once, before the cohort is complete; and second looks."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from conftest import NOW, World
from log_records import Records

from calib import cycle
from calib.app import App
from calib.db.windows import Window
from calib.outbox import queue as outbox
from calib.period import Period
from calib.review import queue, window_labels

FIRST, SECOND = "2026-04", "2026-05"


@pytest.fixture
def reviewed(world: World) -> World:
    """A stream that people review."""
    world.settings("close_after_days = 300", review='review = { kind = "builtin" }')
    return world


def opened(world: World, month: str) -> tuple[App, Window]:
    deployment = world.open(NOW)
    watch, ports = deployment.watch("triage"), deployment.ports("triage")
    return deployment, cycle.open_window(watch, ports, Period.parse(month, "month"), channel="production")


def label(world: World, right: dict[str, int], n: int, *, by: str = "ada") -> None:
    """Answer `n` rows as they come out of the queue."""
    deployment = world.open(NOW)
    with deployment.engine.begin() as conn:
        for claim in queue.claim(conn, stream="triage", by=by, now=NOW, n=n):
            word = "correct" if right[claim.prediction_id] else "incorrect"
            queue.answer(conn, item_id=claim.item_id, token=claim.token, answer=word, by=by, at=NOW)


def truth(table: Any) -> dict[str, int]:
    ids, answers = table.column("prediction_id").to_pylist(), table.column("correct").to_pylist()
    return dict(zip(ids, answers, strict=True))


def evaluated(world: World) -> list[dict[str, Any]]:
    deployment = world.open(NOW)
    results = cycle.evaluate_open(deployment.watch("triage"), deployment.ports("triage"))
    return [result.to_json() for result in results]


def first_month(world: World) -> None:
    """A healthy month, completely labelled: its refit is the mapping that serves the next one."""
    table = world.write(FIRST, n=4000)
    opened(world, FIRST)
    label(world, truth(table), 300)
    assert evaluated(world)[0]["refit"]["published"]


def served_by_it(world: World) -> None:
    """Date the published entry before the second month: production serves the mapping all through it."""
    from calib.store import Intent, history, publish, read_mapping

    store = world.open().store
    mapping = read_mapping(
        store, stream="triage", digest=history(store, stream="triage", channel="production")[0].mapping
    )
    for path in (world.folder / "mappings").rglob("channels/*/*"):
        path.unlink()
    publish(
        store,
        mapping,
        channel="production",
        intent=Intent(
            publish_id="earlier",
            at=NOW - timedelta(days=60),
            by="test",
            reason="served all of the second month",
            expires_at=None,
        ),
    )


def kinds(world: World) -> list[str]:
    with world.open().engine.connect() as conn:
        return [alert["kind"] for alert in outbox.of_window(conn, "triage", SECOND)]


@pytest.mark.parametrize("fallen", [True, False])
def test_a_fall_is_heard_before_all_labels_have_come_and_told_once(
    reviewed: World, fallen: bool, records: Records
) -> None:
    first_month(reviewed)
    served_by_it(reviewed)
    table = reviewed.write(SECOND, n=4000, accuracy=lambda s: s - (0.5 if fallen else 0.12))
    now = NOW.replace(month=6, day=3)
    assert now == NOW
    opened(reviewed, SECOND)
    seen = []
    for _ in range(5):
        label(reviewed, truth(table), 50)
        result = evaluated(reviewed)[0]
        seen.append(result["early_watch"])
    assert result["state"] == "in_review"
    assert [one["labels"] for one in seen] == [50, 100, 150, 200, 250]
    assert all(a["e_value"] <= b["e_value"] for a, b in pairwise(seen))
    assert seen[-1]["alarm"] is fallen
    assert kinds(reviewed) == ["cohort_opened", *(["early_warning"] if fallen else [])]
    assert len(records.of("cycle", "early_warning", period=SECOND)) == int(fallen)


def test_a_share_is_looked_at_twice_once_nothing_waits_and_never_by_the_same_person(reviewed: World) -> None:
    table = reviewed.write(FIRST, n=4000)
    deployment, window = opened(reviewed, FIRST)
    right = truth(table)
    label(reviewed, right, 299)
    with deployment.engine.begin() as conn:
        assert (
            len(queue.claim(conn, stream="triage", by="ada", now=NOW, n=50)) == 1
        )  # nothing of her own twice
        second = queue.claim(conn, stream="triage", by="bo", now=NOW, n=300)
        assert 12 <= len(second) <= 50  # a tenth of 299, within three standard errors
        again = queue.claim(conn, stream="triage", by="bo", now=NOW, n=300)
        assert [claim.token for claim in again] == [claim.token for claim in second]
        for claim in second[:10]:
            said = queue.answer(
                conn, item_id=claim.item_id, token=claim.token, answer="incorrect", by="bo", at=NOW
            )
            assert said in ("same", "conflict")
        pairs = window_labels.answered_twice(conn, window.id)
        assert len(pairs) == 10
        assert all(pair[1] == "incorrect" for pair in pairs)
        progress = queue.progress(conn, window.id)
    assert progress.correct + progress.incorrect == 299  # second looks change no label
