"""Stated confidences: what models write, and what is not a confidence."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, get_args

import pytest

from calib.elicit import Parsed, instruction, parse_confidence
from calib.elicit.numerals import Reason

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "elicit" / "replies.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[repr(row["text"][:50]) for row in ROWS])
def test_replies_are_read_as_the_table_says(row: dict[str, Any]) -> None:
    expected = Parsed(value=row["value"], source=row["source"], reason=row["reason"])
    assert parse_confidence(row["text"]) == expected


def test_the_table_has_every_reason_and_source() -> None:
    assert {row["reason"] for row in ROWS} - {None} == set(get_args(Reason))
    assert {row["source"] for row in ROWS} - {None} == {"label", "json", "prose"}


def test_no_text_at_all_is_empty() -> None:
    assert parse_confidence(None).reason == "empty"


def test_a_reply_that_repeats_the_instruction_is_read_by_what_it_adds() -> None:
    small = instruction(size="small")
    assert parse_confidence(small).value is None
    assert parse_confidence(f"{small}\n\nAnswer: Vienna\nConfidence: 0.6").value == 0.6
    # the worked example states a confidence of its own: nobody can tell which is meant
    large = instruction(size="large")
    assert parse_confidence(f"{large}\n\nAnswer: Vienna\nConfidence: 0.6").reason == "several"


MEGABYTE = 1_000_000
HOSTILE = {
    "digits": "9",
    "decimals": "0.9",
    "commas": "1,000",
    "labels": "Confidence: ",
    "labels with a number": "Confidence: 0.9\n",
    "label suffixes": "confidence level of the answer ",
    "one label and its suffix": "of the answer ",
    "open brackets": "confidence (",
    "json": '{"confidence": ',
    "nested json": '{"answer":',
    "spaces": " ",
    "line ends": "\n",
    "label and line ends": "Confidence:\n",
    "answer labels": "Answer:\n",
    "percentages": "95% ",
    "almost sure": "95% very confiden ",
    "sure": "I am 95% sure ",
    "sure in brackets": "sure ( 95% ",
    "full-width": "Ｃｏｎｆｉｄｅｎｃｅ：０．９ｘ ",
    "combining marks": "a\u0301\u0316",
    "overrides": "\u202e\u200b",
    "thinking": "</think>",
    "tags": "<answer>",
    "words": "confidence_confidence-",
    "boxed": "\\boxed{",
    "chinese": "信心",
    "elements": "<thinking x",
    "cells": "<td></td>",
    "folded": "<details><summary>",
    "entities": "&#6",
    "frames": "+-+ ",
    "brackets": " (0-(1",
    "finals": " final",
}


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_of_anything_is_read_in_a_moment(piece: str) -> None:
    from calib.elicit import read_reply

    def seconds(size: int) -> float:
        text = ("Confidence" + piece * (size // len(piece)))[:size]
        start = time.process_time()
        read_reply(text)
        return time.process_time() - start

    whole = seconds(MEGABYTE)
    assert whole < 2
    assert whole < 12 * seconds(MEGABYTE // 4) + 0.05  # four times the text: linear is 4, quadratic 16
