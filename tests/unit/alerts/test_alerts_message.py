"""An alert in words: what it says, and that nothing in it can hurt."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alert_results import QUIET, result
from hypothesis import given, settings
from hypothesis import strategies as st
from queues import alert

from calib.alerts import (
    Reviewers,
    alerts_parked,
    cohort_closing,
    cohort_late,
    cohort_opened,
    early_warning,
    job_missed,
    labels_not_found,
    mapping_stale,
    store_unsafe,
    stream_failed,
    window_alerts,
    window_missed,
)
from calib.alerts.backfill import backfill_done
from calib.alerts.episodes import Turn
from calib.alerts.kinds import KINDS
from calib.alerts.message import HEADER, SECTION, TEXT, TOTAL, Audience, Message, message
from calib.alerts.runbook import runbook_page, section_of
from calib.results import Measured, WindowResult
from calib.results.pictures import Acting, Amount, PictureBins, PictureData, ThresholdEffect
from calib.results.window import ChangeResult, EarlyResult, SegmentResult

HOSTILE = "<!channel> <http://evil|x> & \x1b[31m\u202egnp.exe\u2066\x00\r\n\u2028spoofed \ud800"


def words(found: WindowResult, kind: str, audience: Audience | None = None, **how: Any) -> Message:
    for told in window_alerts(found, previous=QUIET, turn=Turn()):
        if told.kind == kind:
            return message(asdict(told) | how, audience)
    raise AssertionError(f"no {kind}")


def slack_texts(said: Message) -> list[str]:
    return [block["text"]["text"] for block in said.blocks]


def slack_text(said: Message) -> str:
    return "\n".join(slack_texts(said))


def labelled(said: Message) -> dict[str, str]:
    """The parts of the plain text by their labels."""
    return dict(line.split(": ", 1) for line in said.text.splitlines()[1:] if ": " in line)


def test_a_degradation_that_is_mended_says_so_first_and_what_was_done() -> None:
    said = words(result("degraded"), "degraded")
    first = said.text.splitlines()[0]
    assert first == (
        "triage 2026-10: confidence got worse. Already mended: a new mapping is served. "
        "Nothing has to be done tonight."
    )
    assert (said.acts_wrongly, said.owner) == (False, None)
    parts = labelled(said)
    assert "The served confidence is off by 0.080 (0.050 to 0.110) on average" in parts["How bad"]
    assert "0.051 more (+0.022 to +0.080)" in parts["How bad"]
    assert "The raw confidence is off by 0.150" in parts["How bad"]
    assert "p < 0.001: accuracy fell at equal stated confidence." in parts["How sure"]
    assert "480 labels of 12,345 predictions" in parts["How sure"]
    assert "a rise of 0.060 would have been detected with 80% power" in parts["How sure"].lower()
    assert "A new mapping fedcba987654 is on production" in parts["What was done"]
    assert "off by 0.012 (0.000 to 0.030), the one before it by 0.090" in parts["What was done"]
    assert "Look for what changed in 2026-10" in parts["What to do now"]
    assert "rollback" not in parts["What to do now"]  # undoing is no remedy
    assert "Only if the labels of 2026-10 were wrong" in parts["How to undo it"]
    assert "`calib mapping rollback triage`" in parts["How to undo it"]


def test_a_degradation_that_nothing_mends_says_what_acts_wrongly_and_how_to_stop_it() -> None:
    passed = Acting(share=0.946, share_low=0.9, share_high=0.97, accuracy=0.398, low=0.36, high=0.44)
    none = Amount(value=0.0, low=0.0, high=0.0)
    effect = ThresholdEffect(
        threshold=0.9, raw=passed, served=passed, wrong_avoided=none, right_given_up=none
    )
    bins = PictureBins(levels=False, bins=())
    pictures = PictureData(
        raw=bins,
        served=bins,
        baseline=None,
        routing_raw=(),
        routing_served=(),
        threshold=effect,
        moved_by_person=None,
    )
    kept = result("degraded", published=False, reason="no form was better", pictures=pictures)
    said = words(kept, "degraded", audience=Audience(owners={"triage": "@ml-oncall", "other": "@x"}))
    assert said.text.splitlines()[0].endswith(
        "Acts wrongly now: 94.6% pass your threshold 0.90, and 39.8% of them are right."
    )
    assert (said.acts_wrongly, said.owner) == (True, "@ml-oncall")
    parts = labelled(said)
    assert '`calib mapping withdraw triage --reason "wrong in 2026-10"`' in parts["What to do now"]
    assert "How to undo it" not in parts
    assert "94.6% of the predictions pass, and 0.398 (0.360 to 0.440) of these are right" in said.text
    assert "No new mapping: no form was better." in parts["What was done"]
    vetoed = words(kept, "refit_vetoed", audience=Audience(owners={"triage": "@ml-oncall"}))
    assert (vetoed.acts_wrongly, vetoed.owner) == (False, None)  # the degradation has mentioned them
    assert "rollback" not in vetoed.text


@pytest.mark.parametrize(
    ("kind", "stream", "period", "page"),
    [
        ("degraded", "triage", "2026-10", "/streams/triage/windows/2026-10"),
        ("degraded", "triage", "2026-W09", "/streams/triage/windows/2026-W09"),
        ("mapping_stale", "triage", "2026-11-28", "/streams/triage"),
        ("store_unsafe", "all streams", "2026-11-28T06:00", "/alerts"),
        ("degraded", "../x", "2026-10", "/alerts"),
        ("degraded", "triage", "../2026", "/streams/triage"),
    ],
)
def test_a_message_links_to_the_page_of_what_it_is_about(
    kind: str, stream: str, period: str, page: str
) -> None:
    told = {"kind": kind, "stream": stream, "period": period, "severity": "bad", "facts": {"what": "x"}}
    to = Audience(page="https://calib.example/", runbook="https://wiki.example/calib")
    said = message(told, to)
    assert said.links == {
        "Page": f"https://calib.example{page}",
        "Runbook": f"https://wiki.example/calib#{kind}",
    }
    assert slack_texts(said)[-1] == (
        f"<https://calib.example{page}|Page> · <https://wiki.example/calib#{kind}|Runbook>"
    )


def test_without_a_page_of_the_runbook_a_message_names_the_command_that_prints_it() -> None:
    told = {"kind": "degraded", "stream": "s", "period": "2026-10", "severity": "bad", "facts": {"what": "x"}}
    said = message(told, Audience(), id="1f3a9c20-aaaa")
    assert said.text.splitlines()[-1] == "Runbook: `calib alerts show 1f3a9c20` prints the steps."
    assert slack_texts(said)[-1] == "Runbook: `calib alerts show 1f3a9c20` prints the steps."
    assert said.links == {}  # nothing that a browser could not open
    linked = message(told, Audience(runbook="https://wiki.example/calib"), id="1f3a9c20-aaaa")
    assert "alerts show" not in linked.text


def test_where_no_mapping_is_served_there_is_none_to_withdraw() -> None:
    raw = result("degraded", published=False)
    raw = replace(raw, served=replace(raw.served, source="raw"))
    said = words(raw, "degraded").text
    assert "calib mapping withdraw" not in said
    assert "No mapping is served" in said


def test_a_channel_that_a_person_withdrew_acts_on_nothing() -> None:
    for withdrawn, published, channel in ((True, False, None), (False, True, "candidate")):
        found = result("degraded", published=published)
        found = replace(found, refit=replace(found.refit, channel=channel))
        (told,) = [
            one
            for one in window_alerts(found, previous=QUIET, turn=Turn(), withdrawn=withdrawn)
            if one.kind == "degraded"
        ]
        said = message(asdict(told))
        assert "act on nothing. Nothing has to be done tonight" in said.tonight
        assert not said.acts_wrongly
        assert ("`calib mapping promote triage fedcba987654`" in said.text) is published


def test_the_first_mapping_of_a_channel_has_none_before_it() -> None:
    first = result("degraded")
    first = replace(first, refit=replace(first.refit, generation=1))
    undo = labelled(words(first, "degraded"))["How to undo it"]
    assert "rollback" not in undo
    assert '`calib mapping withdraw triage --reason "the labels of 2026-10 were wrong"`' in undo


def test_what_undoes_names_the_channel_where_it_is_not_the_usual_one() -> None:
    said = words(result("degraded", channel="candidate"), "degraded").text
    assert "`calib mapping rollback triage --channel candidate`" in said


def test_it_is_told_with_the_window_before() -> None:
    before = result("stable", served_ece=0.021)
    before = replace(
        before,
        period="2026-09",
        raw=replace(before.raw, auroc=0.84, auroc_low=0.8, auroc_high=0.88),
        served=replace(before.served, accuracy=0.91),
    )
    now = result("degraded")
    now = replace(now, raw=replace(now.raw, auroc=0.52, auroc_low=0.47, auroc_high=0.57))
    (told,) = window_alerts(now, previous=replace(QUIET, compared=before), turn=Turn())
    parts = labelled(message(asdict(told)))
    assert "in 2026-09 it was off by 0.021" in parts["How bad"]
    assert "The accuracy is 0.700, it was 0.910 in 2026-09" in parts["How bad"]
    assert "2026-09 is the last period before it" in parts["Since when"]
    information = parts["Information in the confidence"]
    assert "0.52 (0.47 to 0.57), it was 0.84 (0.80 to 0.88) in 2026-09" in information
    assert "no mapping can repair that" in information


def test_segments_are_a_table_with_what_degraded_first() -> None:
    change = ChangeResult(state="degraded", p=0.001, rise=0.2, low=0.1, high=0.3, direction="accuracy fell")
    calm = ChangeResult(state="stable", p=0.6, rise=0.001, low=-0.01, high=0.01)
    part = Measured(n=60, ece=0.21, low=0.1, high=0.3, accuracy=0.5)
    segments = {
        "big `one`": SegmentResult(
            population=9_000, labels=300, raw=part, served=part, change=calm, gap_pooled=None
        ),
        "billing <!here>": SegmentResult(
            population=900, labels=60, raw=part, served=part, change=change, gap_pooled=None
        ),
    }
    said = words(result("stable", segments=segments), "degraded")
    (table,) = [text for text in slack_texts(said) if text.startswith("```")]
    rows = table.strip("`").splitlines()
    assert rows[0].split()[:2] == ["segment", "labels"]
    assert rows[1].startswith("billing ‹!here›")
    assert rows[1].endswith("degraded")
    assert rows[2].startswith("big 'one'")
    assert table.count("`") == 6
    assert "In the segment billing <!here>" in said.text


def test_too_few_labels_and_no_rows_at_all_ask_for_different_things() -> None:
    few = result(None, window="insufficient", published=False, reason="only one class among the labels")
    said = words(few, "insufficient_labels").text
    assert "Only one class among the labels." in said
    assert '`calib window reopen triage 2026-10 --reason "labels came late"`' in said
    none = words(replace(few, population=0), "insufficient_labels")
    assert none.text.startswith("triage 2026-10: no row arrived. Nothing has to be done tonight.")
    assert "`calib check`" in none.text


def test_rejects_are_named_by_kind() -> None:
    said = words(result("stable", rejected={"not_a_number": 4000, "naïve": 1}), "rejects_up").text
    assert "4,000 not a number" in said
    assert "beside 12,345 that were" in said


DAY = datetime(2026, 11, 28, 6, tzinfo=UTC)
EARLY = EarlyResult(labels=143, e_value=5120.4, needed=120.0, alarm=True)
STALE = mapping_stale("s", mapping="a1" * 32, channel="production", expires_at=DAY, now=DAY)
LATE = cohort_late("s", "2026-10", closes_at=DAY, now=DAY + timedelta(days=2))
ALONE = [
    backfill_done("s", [result("stable")], channel="production"),
    early_warning("s", "2026-10", EARLY),
    window_missed("s", "2026-10", due=DAY),
    STALE,
    LATE,
    stream_failed("s", KeyError("x"), verb="evaluate", now=DAY),
    labels_not_found("s", "2026-10", gone=1200, waiting=3000),
    job_missed("relay", since=DAY, ran=True, every=timedelta(minutes=5), now=DAY + timedelta(days=2)),
    store_unsafe(since=DAY, store="s3://bucket"),
    alerts_parked(parked=2, waiting=0, oldest=DAY),
    cohort_opened("s", "2026-10", revision=1, missing=300, closes_at=DAY, reviewers=Reviewers()),
    cohort_closing(
        "s",
        "2026-10",
        revision=1,
        missing=1,
        opened_at=DAY - timedelta(days=20),
        closes_at=DAY,
        now=DAY - timedelta(days=1),
        reviewers=Reviewers(),
    ),
]


@pytest.mark.parametrize("kind", [*KINDS])
def test_every_kind_has_words_and_a_next_step(kind: str) -> None:
    of_a_window = window_alerts(result("degraded"), previous=QUIET, turn=Turn())[0].facts
    own = next((told.facts for told in ALONE if told is not None and told.kind == kind), of_a_window)
    for told in (own, {"what": "Something happened."}):  # the second is how version 0.1.0 wrote it
        said = message({"kind": kind, "stream": "s", "period": "p", "severity": "bad", "facts": told})
        (step,) = [line for line in said.text.splitlines() if line.startswith("What to do now: ")]
        assert re.search(r"`calib [^`]+`", step)
        assert section_of(runbook_page(), kind)


def test_what_the_watchdog_finds_is_said_with_its_date() -> None:
    texts = {told.kind: message(asdict(told)).text for told in ALONE if told is not None}
    assert "could have been opened since 2026-11-28" in texts["window_missed"]
    assert "`calib run s --period 2026-10`" in texts["window_missed"]
    assert "were due by 2026-11-28" in texts["cohort_late"]
    assert "1,200 of 3,000 sampled rows" in texts["labels_not_found"]
    assert (
        f"The mapping {'a1' * 6} on production expired at 2026-11-28 06:00 UTC, today."
        in texts["mapping_stale"]
    )


def test_hostile_text_calls_nobody_links_nowhere_and_hides_nothing() -> None:
    said = words(result("degraded", published=False, reason=HOSTILE), "degraded", stream=HOSTILE)
    for section in said.blocks[1:]:
        assert section["text"]["verbatim"] is True
        assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", section["text"]["text"])
    for text in (said.text, slack_text(said)):
        unseen = {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
        assert unseen <= {"\n"}
    assert all(re.match(r"[A-Z][a-z ]+: |&|<", line) for line in said.text.splitlines())  # no line of its own
    json.dumps([said.text, said.blocks]).encode()
    said.text.encode()


@pytest.mark.slow
@settings(deadline=None)  # the first example builds the readers of facts
@given(st.text(max_size=50), st.integers(1, 30_000), st.sampled_from("x&<\n\u202e😀"))
def test_whatever_it_says_it_is_within_slacks_limits(start: str, n: int, c: str) -> None:
    long = start + c * n
    rejected = {f"{long} {i}": 10_000 for i in range(3)}
    found = result("degraded", published=False, reason=long, channel=long, rejected=rejected)
    for told in window_alerts(found, previous=QUIET, turn=Turn()):
        said = message(asdict(told) | {"stream": long, "period": long})
        assert 1 <= len(said.blocks) <= 50
        texts = [block["text"]["text"] for block in said.blocks]
        assert 1 <= len(texts[0]) <= HEADER
        assert all(1 <= len(text) <= SECTION for text in texts[1:])
        assert sum(map(len, texts)) <= TOTAL
        assert len(said.text) <= TEXT
        assert not any(re.search(r"&(?!(amp|lt|gt);)", text) for text in texts[1:])


@pytest.mark.parametrize("by_itself", [False, True])
def test_nobody_is_asked_to_label_what_is_labelled_by_itself(by_itself: bool) -> None:
    few = result(None, window="insufficient", published=False, reason="too few")
    other = replace(QUIET, scope={"model": "a"})
    found = window_alerts(few, previous=other, turn=Turn(), scope={"model": "b"}, by_itself=by_itself)
    late = cohort_late(
        "triage",
        "2026-10",
        closes_at=datetime(2026, 11, 1, tzinfo=UTC),
        now=datetime(2026, 11, 3, tzinfo=UTC),
        by_itself=by_itself,
        missing=12,
    )
    assert late is not None
    asking = [told for told in (*found, late) if told.kind != "scope_changed"]
    texts = [message(asdict(told)).text for told in asking]
    assert len(texts) == 2
    assert any("calib labels export triage --to todo.csv" in text for text in texts) is not by_itself
    assert all("calib evaluate triage" in text for text in texts)


def test_far_off_after_a_change_of_scope_is_told_with_what_is_served() -> None:
    found = replace(result("first"), above_limit=True)
    (told,) = [
        one
        for one in window_alerts(found, previous=replace(QUIET, other_scope=True), turn=Turn())
        if one.kind == "above_limit"
    ]
    said = message(asdict(told)).text
    assert said.startswith("triage 2026-10: confidence is far off after the change")
    assert "The served confidence is off by" in said
    assert "Tell the serving systems the new scope" in said
    assert [one.kind for one in window_alerts(found, previous=QUIET, turn=Turn())] == []


def test_an_alert_of_a_later_revision_says_so_and_has_an_id_of_its_own() -> None:
    first, second = (
        window_alerts(replace(result("degraded"), revision=n), previous=QUIET, turn=Turn())[0] for n in (1, 2)
    )
    assert first.id != second.id
    assert message(asdict(second)).text.startswith("triage 2026-10 (revision 2): confidence got worse")
    old = {name: value for name, value in asdict(first).items() if name != "revision"}
    assert message(old).text == message(asdict(first)).text  # as an older version stored it


def test_a_megabyte_becomes_a_message() -> None:
    said = message(asdict(alert(what="<" * 1_000_000)), id="1f3a9c20")
    assert len(said.blocks[1]["text"]["text"]) <= SECTION
    assert said.blocks[1]["text"]["text"].endswith("&lt;")
    assert len(said.blocks) < 10
    assert "".join(slack_texts(said)[1:-2]).endswith("&lt;…(cut)")
    assert "calib alerts list" in said.blocks[-2]["text"]["text"]  # what to do is not cut away
