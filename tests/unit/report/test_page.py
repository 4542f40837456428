"""The page of a report: what it states, in which order, and that it is safe and self-contained."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from report_reader import read, rounded, value_at
from report_values import hostile, month, months, window, year
from report_values import segments as some_segments

from calib.report import page, rendering
from calib.report.document import report_document
from calib.report.notes import episode_notes
from calib.report.page import fleet_page, report_page
from calib.report.tables import kept_rows
from calib.results import Measured, WindowResult
from calib.results.window import CertificateKept, LabelCounts, ServedMeasured, StreamChange
from calib.text import one_line

LARGEST = 1024 * 1024  # bytes that a store hands out again; the page may be 1.5 MB
ORDER = [
    "What it means for routing",
    "What was done",
    "Evidence",
    "Segments",
    "Versions",
    "Labels and cost",
    "Method and words",
]
EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)//",
    "a\u202eb\u0000c\u001b[31m",
    "]]>-->",
)


@pytest.fixture(scope="module")
def html() -> str:
    return report_page(months())


@pytest.mark.slow
def test_the_verdict_comes_first_and_the_rest_in_its_order(html: str) -> None:
    text = " ".join(read(html).text)
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings == ORDER
    assert text.index("Degraded in a segment") < text.index("served ECE") < text.index(ORDER[0])
    assert "As of closing on 2026-11-15 06:12 UTC" in text


@pytest.mark.slow
def test_the_same_months_give_the_same_bytes(html: str) -> None:
    assert report_page(months()) == html


def test_every_number_that_is_stated_is_that_of_the_json_to_the_digit(html: str) -> None:
    """ECE, interval, accuracy, share, p and minimum detectable rise among them."""
    result = json.loads(json.dumps(months()[-1].result.to_json()))
    stated = read(html).data
    for of, value, text in stated:
        assert float(value) == value_at(result, of), of
        assert rounded(float(value), text), (of, value, text)
    wanted = {
        "served.ece",
        "served.low",
        "served.high",
        "served.accuracy",
        "pictures.threshold.served.share",
        "change.p",
        "change.minimum_detectable_rise",
    }
    assert wanted <= {of for of, _, _ in stated}


def test_a_number_that_is_another_one_is_found(html: str) -> None:
    assert not rounded(0.0204, "0.021")
    assert not rounded(0.3051, "30.4%")
    assert rounded(0.0004, "p < 0.001")


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(html: str) -> None:
    elements = read(html).elements
    names = {tag for tag, _ in elements}
    assert not names & {"script", "iframe", "object", "embed", "img", "form", "base"}
    for tag, attributes in elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("href", "src", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith("#") or value == "data:,", (tag, value)
    assert "@import" not in html
    assert re.findall(r"url\((?!#)", html) == []
    policy = next(at["content"] for tag, at in elements if at.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy


def test_ids_are_unique_and_every_table_has_a_name(html: str) -> None:
    elements = read(html).elements
    ids = [at["id"] for _, at in elements if "id" in at]
    assert ids
    assert len(ids) == len(set(ids))
    assert html.count("<table>") == html.count("<caption>")


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without their pictures, which take most of the time and have tests of their own."""
    nothing: dict[str, Any] = dict.fromkeys(("months", "mix", "segments", "labels"))
    nothing |= {"reliability": [], "routing_pictures": []}
    monkeypatch.setattr(page, "_pictures", lambda _: nothing)


@pytest.mark.usefixtures("unpainted")
@pytest.mark.parametrize("text", EVIL)
def test_hostile_text_is_text_in_every_field(text: str) -> None:
    """Wherever somebody else's words can get: the page has the elements that it has with plain words."""
    made, plain = (report_page([month(hostile(words))]) for words in (text, "plain words"))
    # the pictures' own elements depend on how long a name is, and nothing else does
    assert {tag for tag, _ in read(made).elements} == {tag for tag, _ in read(plain).elements}
    assert "alert(1)</script>" not in made
    assert "<img" not in made
    assert "49" not in re.findall(r"<th scope=\"row\">(.*?)</th>", made)
    for unseen in ("\u202e", "\u0000", "\u001b"):
        assert unseen not in made
    assert str(escape(one_line(text))) in made
    fleet = fleet_page({text: [month(hostile(text))]})
    assert {tag for tag, _ in read(fleet).elements} <= {
        tag for tag, _ in read(fleet_page({"s": months(3)})).elements
    }


@pytest.mark.usefixtures("unpainted")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(codec=None), max_size=60))
def test_any_text_at_all_is_text(text: str) -> None:
    """No element and no attribute comes from a text, whatever it is made of, and the page is UTF-8."""
    made = report_page([month(hostile(text))])
    made.encode()
    plain = {(tag, *at) for tag, at in read(report_page([month(hostile("plain words"))])).elements}
    assert {(tag, *at) for tag, at in read(made).elements} <= plain


@pytest.mark.usefixtures("unpainted")
def test_escaping_is_what_makes_it_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering.environment(), "autoescape", False)
    rendering.environment().cache.clear()  # type: ignore[union-attr]
    made = report_page([month(hostile(EVIL[0]))])
    monkeypatch.undo()
    rendering.environment().cache.clear()  # type: ignore[union-attr]
    assert "script" in {tag for tag, _ in read(made).elements}


@pytest.mark.slow
def test_many_segments_and_months_are_fast_small_and_readable() -> None:
    large = months(60, segments_=200)
    began = time.process_time()
    made = report_page(large)
    assert time.process_time() - began < 10
    assert len(made.encode()) < LARGEST
    text = " ".join(read(made).text)
    assert "the 30 that stand out of 200" in text
    assert all(name in text for name in large[-1].result.segments)
    assert text.count("2021-12") or text.count("2025-11")


@pytest.mark.parametrize(
    ("result", "word", "said"),
    [
        (window(first=True), "First period", "nothing to compare with yet"),
        (window(state="stable"), "Stable", "is ruled out"),
        (
            window(state="no_change_seen"),
            "No change detected",
            "a rise of 0.061 would have been detected",
        ),
        (window(state="degraded"), "Degraded", "accuracy fell"),
        (window(state="changed"), "Changed", "not proven"),
        (window(segments=some_segments(3)), "Degraded in a segment", "less reliable in refunds"),
    ],
)
def test_each_verdict_in_one_sentence_with_its_certainty(result: WindowResult, word: str, said: str) -> None:
    document = report_document([month(result)], result)
    assert document.verdict.word == word
    assert said in document.verdict.sentence
    assert "95% interval" in document.verdict.sentence
    if word != "First period":
        assert "p " in document.verdict.sentence
    assert document.verdict.sentence.count("\n") == 0


def test_a_window_without_labels_has_a_page() -> None:
    empty = window(
        raw=Measured(),
        served=ServedMeasured(source="raw"),
        change=StreamChange(),
        state="insufficient",
        pictures=None,
        certificates=(),
        labels=LabelCounts(n=0, correct=0, unsure=0, missing=520),
    )
    made = report_page([month(replace(empty, state="insufficient"))])
    text = " ".join(read(made).text)
    assert "Not enough evidence" in text
    assert "Nothing can be said without labels." in text


@pytest.mark.slow
def test_a_window_of_version_0_1_0_has_a_page() -> None:
    values = {
        key: part
        for key, part in window().to_json().items()
        if key not in ("schema", "revision", "baseline", "pictures")
    }
    old = WindowResult.from_json(values)
    assert "What acting on the confidence achieves" not in report_page([month(old)])


def test_kept_certificates_are_shown() -> None:
    kept = CertificateKept(
        target=0.9, cut=0.95, from_="2026-09", accuracy=0.912, low=0.87, high=0.95, share=0.31, kept="yes"
    )
    unknown = replace(kept, accuracy=None, low=None, high=None, kept="unknown")
    rows = kept_rows(window(certificates_kept=(kept, unknown)))
    assert rows[0] == ["90.0%", "0.95", "2026-09", "91.2%", "87.0% to 95.0%", "31.0%", "yes"]
    assert (rows[1][3], rows[1][6]) == ("unknown", "unknown")
    assert kept_rows(window()) == []


def test_an_episode_is_named_with_the_period_that_it_began_in() -> None:
    made = [window("2026-08"), window("2026-09", episode="e1"), window("2026-10", episode="e1")]
    assert episode_notes(made) == [
        "This period belongs to an episode that began in 2026-09; `calib alerts episodes support-triage` "
        "shows it."
    ]
    assert episode_notes(made[:2]) == ["An episode began in this period."]
    assert episode_notes(made[:1]) == []


def test_the_fleet_page_puts_what_is_bad_first() -> None:
    bad = months(9)
    made = fleet_page({"calm": [month(result) for result in year(8)], "burning": bad, "new": []})
    text = " ".join(read(made).text)
    assert bad[-1].result.change.state == "degraded"
    assert text.index("burning") < text.index("calm")
    assert re.search(r"nothing to report:\s+new", text)
    assert made.count('class="spark"') == 2
