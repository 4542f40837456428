"""What is said of work that failed: its cause in words, and never the text of the error."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from calib.alerts import stream_failed
from calib.alerts.message import message
from calib.errors import ArtifactError, Conflict, EndpointBusy, InvalidInput, SourceError

DAY = datetime(2026, 11, 28, 6, tzinfo=UTC)


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
    assert "What to do now: `calib check`" in said
