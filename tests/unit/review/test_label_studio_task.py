"""Any row becomes a task that does no harm, and any annotation is read or left out, whatever it holds."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from calib.review.label_studio_answers import answers_of
from calib.review.label_studio_project import CONFIG, TEXTS, instruction_html, mark_of
from calib.review.label_studio_task import ITEM, LONGEST, WINDOW, key_of, task_of

MARK = "5b0f3f0b-52a5-5d6a-9d0c-7a1f6f5b8e21"
AT = datetime(2026, 11, 3, 6, tzinfo=UTC)
texts = st.text(max_size=80) | st.sampled_from(
    ["paid\u202eevil", "\x00\x1b[31m", "<img onerror=x>", "\ud800"]
)
contexts = st.dictionaries(
    texts, texts | st.none() | st.floats() | st.lists(st.integers(), max_size=3), max_size=6
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(contexts, texts, st.none() | texts)
def test_any_row_is_a_task_that_hides_and_reorders_nothing(
    context: dict[str, Any], id_: str, trace: str | None
) -> None:
    data = task_of(MARK, "2026-10", id_.encode("utf-8", "replace").decode(), context, trace)["data"]
    wanted = set(re.findall(r'value="\$(\w+)"', CONFIG))
    assert wanted == {*TEXTS, *(f"{name}_title" for name in TEXTS)}
    assert set(data) == wanted | {WINDOW, ITEM, "period"}
    json.dumps(data, ensure_ascii=False).encode()
    for text in data.values():
        assert not {unicodedata.category(c) for c in text if c not in "\n\t"} & {"Cc", "Cs"}
        assert "\u202e" not in text
    shown = "\n".join(data.values())
    for value in context.values():
        if isinstance(value, str) and value.isprintable() and value.isascii():
            assert value in shown


def test_a_long_text_is_cut_and_says_so() -> None:
    data = task_of(MARK, "2026-10", "p", {"question": "x" * (LONGEST + 1), "answer": "y" * LONGEST}, None)[
        "data"
    ]
    assert data["question"].endswith("x\n[cut after 32,000 of 32,001 characters]")
    assert data["answer"] == "y" * LONGEST


def test_a_key_is_that_of_one_row_of_one_window() -> None:
    other = "00000000-0000-5000-8000-000000000000"
    assert len({key_of(MARK, "a"), key_of(MARK, "b"), key_of(other, "a")}) == 3
    assert key_of(MARK, "a") == key_of(MARK, "a")


@given(st.lists(anything, max_size=3), st.booleans(), texts)
def test_any_annotation_is_an_answer_of_ours_or_none(result: list[Any], skipped: bool, who: str) -> None:
    annotation = {
        "id": 1,
        "updated_at": AT.isoformat(),
        "result": result,
        "was_cancelled": skipped,
        "created_username": who,
        "completed_by": 7,
    }
    for said in answers_of([annotation]):
        assert not skipped
        assert said.answer is None
        assert said.by
        assert said.by == said.by.strip()


def test_a_person_keeps_the_name_when_the_account_is_renamed() -> None:
    def said(name: str, answer: str, second: int) -> dict[str, Any]:
        return {
            "id": second,
            "updated_at": AT.replace(second=second).isoformat(),
            "result": [{"from_name": "label", "value": {"choices": [answer]}}],
            "created_username": name,
        }

    told = answers_of([said("Eve Ada b@c.d, 3", "incorrect", 9), said(" b@c.d, 3", "correct", 1)])
    assert [(one.by, one.answer) for one in told] == [("b@c.d", "incorrect")]
    assert answers_of([said("", "correct", 1) | {"completed_by": 8}])[0].by == "Label Studio user 8"


def test_instructions_name_what_is_open_and_run_nothing() -> None:
    html = instruction_html(
        [("2026-10", "2026-11-16"), ("2026-11", "2026-12-16")],
        "# When?\n\n<script>x</script> ![i](http://h/i.png) [a](javascript:x) [b](https://h)\n\n|a|\n|-|\n|1|",
    )
    assert html.startswith("<p><strong>Open: 2026-10.</strong> Answers count until 2026-11-16 (UTC).</p><p>")
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert '<a href="https://h"' in html
    assert "<td>1</td>" in html


@given(st.text(max_size=60))
def test_any_description_has_a_mark_or_none(description: str) -> None:
    assert mark_of({"description": description}) is None or description.strip()
    assert mark_of({"description": f"{description}\ncalibwatch {MARK} 123"}) == MARK
    assert mark_of({}) is None
