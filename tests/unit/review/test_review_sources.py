"""Every kind of review that the settings take is built, and a new one is one entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from queues import MINUTE, NOW, database, open_window
from sqlalchemy import select

from calib.db import tables, windows
from calib.errors import InvalidInput
from calib.review import conflicts, outcomes, queue
from calib.review.sources import SOURCES, source_of
from calib.stream_settings import Review


@dataclass
class Label:
    correct: bool
    at: Any = None


@dataclass
class Found:
    labels: dict[str, Label] = field(default_factory=dict)
    differing: dict[str, Label] = field(default_factory=dict)
    not_an_answer: tuple[str, ...] = ()
    not_found: int = 0
    undecided: tuple[str, ...] = ()


NEEDS = {"outcomes": {"column": "ok"}, "label-studio": {"url": "https://labels.example"}}


@pytest.mark.parametrize("kind", get_args(Review.model_fields["kind"].annotation))
def test_each_kind_of_the_settings_is_built(kind: str) -> None:
    assert Review.model_validate({"kind": kind} | NEEDS.get(kind, {})).kind == kind
    assert "calib run s --period 2026-10" in source_of(kind).next_step("s", "2026-10")


def test_no_kind_is_built_that_the_settings_do_not_take() -> None:
    assert set(SOURCES) == set(get_args(Review.model_fields["kind"].annotation))
    with pytest.raises(InvalidInput, match="does not know the kind of review 'oracle'; it knows builtin"):
        source_of("oracle")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "label-studio"}, r'add url = "https://HOST"'),
        ({"kind": "label-studio", "url": "labels.example"}, r"write https://HOST/PATH"),
        ({"kind": "label-studio", "url": "https://me:secret@h"}, "the key belongs into LABEL_STUDIO_API_KEY"),
        ({"kind": "label-studio", "url": "https://h", "project": "ab"}, "3 to 50 characters"),
        ({"kind": "label-studio", "url": "https://h", "column": "x"}, 'belong to kind = "outcomes"'),
        ({"kind": "files", "url": "https://h"}, 'url and project belong to kind = "label-studio"'),
        ({"kind": "builtin", "project": "abc"}, 'url and project belong to kind = "label-studio"'),
        ({"kind": "outcomes", "column": "ok", "channel": "#labels"}, "outcomes need none"),
    ],
)
def test_a_contradiction_is_refused_with_the_remedy(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        Review.model_validate(values)
    assert "me:secret" not in str(refused.value.errors(include_input=False))


def test_a_project_is_named_by_its_name_or_its_id() -> None:
    for project in ("12", 12, "triage labels"):
        review = Review.model_validate({"kind": "label-studio", "url": "https://h/ls/", "project": project})
        assert (review.project, review.url) == (str(project), "https://h/ls")


def test_where_nobody_labels_no_text_is_kept(tmp_path: Path) -> None:
    with database(tmp_path).begin() as conn:
        window = open_window(conn)
        row = {
            "prediction_id": "a", "ts": NOW, "stratum": 0, "draw_order": "0", "probability": 1.0, "raw": 0.9,
            "served": 0.9, "mapping": None, "segment": None, "cluster": None, "judge": None, "trace": None,
            "context": {"question": "why?"},
        }  # fmt: skip
        source_of("outcomes").enqueue(conn, window, [row])
        source_of("files").enqueue(conn, window, [row | {"prediction_id": "b"}])
        t = tables.items
        kept = {
            row.prediction_id: row.context for row in conn.execute(select(t.c.prediction_id, t.c.context))
        }
        assert kept == {"a": None, "b": {"question": "why?"}}


def test_an_outcome_that_changes_later_is_a_conflict_and_changes_nothing(tmp_path: Path) -> None:
    engine = database(tmp_path)
    with engine.begin() as conn:
        id_ = open_window(conn, "a", "b", "c", "d")
    asked: list[list[str]] = []
    now: dict[str, Found] = {}

    def ask(ids: Any, *, known_by: Any) -> Found:
        wanted = sorted(ids)
        asked.append(wanted)
        found = now["found"]
        return Found(
            labels={i: label for i, label in found.labels.items() if i in wanted},
            differing={i: label for i, label in found.differing.items() if i in wanted},
            not_an_answer=tuple(i for i in found.not_an_answer if i in wanted),
        )

    def fetch(after: timedelta) -> outcomes.Fetched:
        with engine.connect() as conn:
            (window,) = windows.by_ids(conn, [id_])
        return outcomes.fetch(engine, window, ask, now=NOW + after)

    now["found"] = Found(
        labels={"a": Label(True), "b": Label(True)}, differing={"b": Label(False)}, not_an_answer=("d",)
    )
    first = fetch(MINUTE)
    assert (first.waiting, first.new, first.changed, first.not_an_answer) == (4, 2, 1, 1)
    assert fetch(2 * MINUTE).changed == 0  # what was said before is no news
    now["found"] = Found(labels={"a": Label(False), "b": Label(True), "c": Label(False)})
    again = fetch(3 * MINUTE)
    assert (again.waiting, again.new, again.changed) == (2, 1, 1)
    assert asked[-2:] == [["c", "d"], ["a", "b"]]
    with engine.connect() as conn:
        cohort = queue.cohort(conn, id_)
        assert dict(zip(cohort.id, cohort.correct.tolist(), strict=True))["a"] == 1.0
        (window,) = windows.by_ids(conn, [id_])
        listed = conflicts.of_stream(conn, window.stream)
        assert [(c.period, c.prediction_id, c.answers) for c in listed] == [
            (window.period, "a", ("correct", "incorrect")),
            (window.period, "b", ("correct", "incorrect")),
        ]
        assert conflicts.of_stream(conn, window.stream, period="1999-01") == []
        assert conflicts.of_stream(conn, "another") == []
    with engine.begin() as conn:
        item = queue.items_of(conn, id_)["a"]
        queue.label(conn, item_id=item, answer="incorrect", by="ada", at=NOW, source="file", overwrite=True)
        first_listed = conflicts.of_stream(conn, window.stream)[0]
        assert (first_listed.prediction_id, first_listed.answers) == ("a", ("incorrect", "correct"))
