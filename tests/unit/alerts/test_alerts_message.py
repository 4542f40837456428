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
    alerts_parked,
    cohort_late,
    early_warning,
    job_missed,
    labels_not_found,
    mapping_stale,
    store_unsafe,
    stream_failed,
    window_alerts,
    window_missed,
)
from calib.alerts.episodes import Turn
from calib.alerts.kinds import KINDS
from calib.alerts.message import HEADER, SECTION, TOTAL, Message, message
from calib.errors import ArtifactError, Conflict, EndpointBusy, InvalidInput, SourceError
from calib.results import WindowResult
from calib.results.window import EarlyResult

HOSTILE = "<!channel> <http://evil|x> & \x1b[31m\u202egnp.exe\u2066\x00\r\n\u2028spoofed \ud800"


def words(found: WindowResult, kind: str, **how: Any) -> Message:
    for told in window_alerts(found, previous=QUIET, turn=Turn()):
        if told.kind == kind:
            return message(asdict(told) | how)
    raise AssertionError(f"no {kind}")


def slack_text(said: Message) -> str:
    return "\n".join(block["text"]["text"] for block in said.blocks)


def test_a_degradation_says_what_changed_how_sure_what_to_do_and_how_to_undo_it() -> None:
    said = words(result("degraded"), "degraded").text
    assert said.splitlines()[0] == "triage 2026-10: confidence got worse"
    for part in (
        "Served confidence is off by 0.080 (0.050 to 0.110)",
        "raw confidence by 0.150",
        "Accuracy is 70.0%, stated 85.0% (480 labels of 12,345 predictions)",
        "+0.051 more (+0.022 to +0.080)",
        "accuracy fell at equal stated confidence, p < 0.001",
        "A new mapping fedcba987654 is on production",
        "off by 0.012 (0.000 to 0.030), the one before it by 0.090 (0.060 to 0.120)",
        "look for what changed in 2026-10",
        "`calib mapping rollback triage`",
    ):
        assert part in said


def test_what_was_not_published_is_not_to_be_undone() -> None:
    kept = result("degraded", published=False, reason="no form was better")
    assert "rollback" not in words(kept, "degraded").text
    assert "No new mapping: no form was better." in words(kept, "degraded").text
    vetoed = words(kept, "refit_vetoed").text
    assert "rollback" not in vetoed
    assert "`calib mapping list triage`" in vetoed


def test_a_rollback_names_the_channel_where_it_is_not_the_usual_one() -> None:
    said = words(result("degraded", channel="candidate"), "degraded").text
    assert "`calib mapping rollback triage --channel candidate`" in said


def test_too_few_labels_and_no_rows_at_all_ask_for_different_things() -> None:
    few = result(None, window="insufficient", published=False, reason="only one class among the labels")
    assert "only one class among the labels" in words(few, "insufficient_labels").text
    assert "calib labels export triage" in words(few, "insufficient_labels").text
    assert "`calib check`" in words(replace(few, population=0), "insufficient_labels").text


def test_rejects_are_named_by_kind() -> None:
    said = words(result("stable", rejected={"not_a_number": 4000, "naïve": 1}), "rejects_up").text
    assert "4,000 not a number" in said
    assert "beside 12,345 that were" in said


DAY = datetime(2026, 11, 28, 6, tzinfo=UTC)
EARLY = EarlyResult(labels=143, e_value=5120.4, needed=120.0, alarm=True)
STALE = mapping_stale("s", mapping="a1" * 32, channel="production", expires_at=DAY, now=DAY)
LATE = cohort_late("s", "2026-10", closes_at=DAY, now=DAY + timedelta(days=2))
ALONE = [
    early_warning("s", "2026-10", EARLY),
    window_missed("s", "2026-10", due=DAY),
    STALE,
    LATE,
    stream_failed("s", KeyError("x"), verb="evaluate", now=DAY),
    labels_not_found("s", "2026-10", gone=1200, waiting=3000),
    job_missed("relay", since=DAY, ran=True, every=timedelta(minutes=5), now=DAY + timedelta(days=2)),
    store_unsafe(since=DAY, store="s3://bucket"),
    alerts_parked(parked=2, waiting=0, oldest=DAY),
]


@pytest.mark.parametrize("kind", [*KINDS])
def test_every_kind_has_words_and_a_next_step(kind: str) -> None:
    of_a_window = window_alerts(result("degraded"), previous=QUIET, turn=Turn())[0].facts
    own = next((told.facts for told in ALONE if told is not None and told.kind == kind), of_a_window)
    for told in (own, {"what": "Something happened."}):  # the second is how version 0.1.0 wrote it
        if "what" in told and kind in ("degraded", "insufficient_labels", "stream_failed", "job_missed"):
            continue
        said = message({"kind": kind, "stream": "s", "period": "p", "severity": "bad", "facts": told})
        assert "calib " in said.text.splitlines()[-1]


def test_what_the_watchdog_finds_is_said_with_its_date() -> None:
    texts = {told.kind: message(asdict(told)).text for told in ALONE if told is not None}
    assert "could have been opened since 2026-11-28" in texts["window_missed"]
    assert "`calib run s --period 2026-10`" in texts["window_missed"]
    assert "were due by 2026-11-28" in texts["cohort_late"]
    assert "1,200 of 3,000 sampled rows" in texts["labels_not_found"]
    assert f"The mapping {'a1' * 6} on production expires at 2026-11-28" in texts["mapping_stale"]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (InvalidInput("x"), "settings or its data are wrong"),
        (ArtifactError("x"), "is damaged"),
        (Conflict("x"), "store of mappings"),
        (SourceError("x"), "traffic or the database"),
        (EndpointBusy("x"), "endpoint of its model"),
        (FileNotFoundError("x"), "machine refused"),
        (KeyError("x"), "was not foreseen"),
    ],
)
def test_a_failed_stream_is_told_without_the_text_of_its_error(error: Exception, cause: str) -> None:
    secret = type(error)("postgresql://u:hunter2@db, and what Maria wrote")
    told = stream_failed("triage", secret, verb="sample", now=DAY)
    said = message(asdict(told)).text
    assert cause in said
    assert type(error).__name__ in said
    assert "`calib sample triage` repeats the work and shows the whole error" in said
    for text in (said, json.dumps(asdict(told))):
        assert "hunter2" not in text
        assert "Maria" not in text


def test_where_no_verb_is_known_the_check_is_what_to_do() -> None:
    said = message(asdict(stream_failed("triage", KeyError("x"), verb=None, now=DAY))).text
    assert said.splitlines()[-1].startswith("What to do: `calib check`")


def test_hostile_text_calls_nobody_links_nowhere_and_hides_nothing() -> None:
    said = words(result("degraded", published=False, reason=HOSTILE), "degraded", stream=HOSTILE)
    for section in said.blocks[1:]:
        assert section["text"]["verbatim"] is True
        assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", section["text"]["text"])
    for text in (said.text, slack_text(said)):
        unseen = {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
        assert unseen <= {"\n"}
    assert len(said.text.splitlines()) == len(said.blocks)  # no line of its own
    json.dumps([said.text, said.blocks]).encode()
    said.text.encode()


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
        assert len(said.text) <= SECTION
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
    )
    assert late is not None
    asking = [told for told in (*found, late) if told.kind != "scope_changed"]
    texts = [message(asdict(told)).text for told in asking]
    assert len(texts) == 2
    assert any("calib labels export triage" in text for text in texts) is not by_itself
    assert all(("calib evaluate triage" in text) or ("calib check" in text) for text in texts) is by_itself
    insufficient = next(text for text in texts if "too few labels" in text)
    assert "`calib window reopen triage 2026-10 --reason …`" in insufficient


def test_far_off_after_a_change_of_scope_is_told_with_what_is_served() -> None:
    found = replace(result("first"), above_limit=True)
    (told,) = [
        one
        for one in window_alerts(found, previous=replace(QUIET, other_scope=True), turn=Turn())
        if one.kind == "above_limit"
    ]
    said = message(asdict(told)).text
    assert said.startswith("triage 2026-10: confidence is far off after the change")
    assert "Served confidence is off by" in said
    assert "do not act on this confidence" in said
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
    said = message(asdict(alert(what="<" * 1_000_000)))
    assert len(said.blocks[1]["text"]["text"]) <= SECTION
    assert said.blocks[1]["text"]["text"].endswith("&lt;…")
