"""The result types: written, read, described; and what version 0.1.0 stored is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import typer
from alert_results import result

from calib.errors import InvalidInput
from calib.reasons import SENTENCES, Reason
from calib.results import WindowResult
from calib.results.codec import json_schema
from calib.results.mappings import ShownMapping
from calib.results.reference import FOLDER, OUTPUTS, pages
from calib.results.window import NoCut, ProvenCut, RefitResult
from calib.testing.mappings import a_mapping

ROOT = Path(__file__).resolve().parents[3]


def test_a_result_is_read_as_it_was_written() -> None:
    cut = ProvenCut(target=0.9, confidence=0.95, cut=0.8, share=0.4, n=200, accuracy_low=0.91)
    why = Reason("too_few_labels_at_top", {"labels": 9, "more": 80}).fields()
    none = NoCut(target=0.99, confidence=0.95, labels_needed=80, **why)
    found = result("degraded", certificates=(cut, none), schema=2)
    text = json.dumps(found.to_json(), allow_nan=False)
    assert WindowResult.from_json(json.loads(text)) == found


def as_0_1_0(values: dict[str, Any]) -> dict[str, Any]:
    """The same window as version 0.1.0 stored it: no schema, codes or baseline; keys that came and went."""
    old = {key: part for key, part in values.items() if key not in ("schema", "revision", "baseline")}
    old["refit"] = {
        key: part
        for key, part in values["refit"].items()
        if key not in ("reason_code", "reason_facts", "upheld", "generation")
    }
    return old | {"proposal": {"mapping": None, "expected": None, "renew": False}}


def test_what_version_0_1_0_stored_is_read() -> None:
    new = result("no_change_seen", schema=2)
    old = WindowResult.from_json(as_0_1_0(new.to_json()))
    assert old.schema == 1
    assert old.refit == replace(new.refit, reason_code=None)
    assert replace(old, schema=2) == new


def test_a_result_that_does_not_fit_names_its_keys_and_no_value() -> None:
    values = result("stable").to_json()
    values["labels"] = {"n": "a person's words"}
    with pytest.raises(InvalidInput, match=r"triage 2026-10.*labels\.n") as caught:
        WindowResult.from_json(values)
    assert "person" not in str(caught.value)


def test_text_that_no_utf_8_can_hold_does_not_hide_a_window() -> None:
    values = result("stable").to_json()
    values["refit"]["reason"] = "somebody \ud800 wrote this"
    assert WindowResult.from_json(values).refit.reason == "somebody ? wrote this"


@pytest.mark.slow
def test_the_reference_is_what_the_types_say() -> None:
    """`python -m calib.results.reference` writes it anew."""
    there = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / FOLDER).iterdir()}
    assert there == pages()


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_schema_demands_every_key_of_every_object(name: str) -> None:
    kind, _ = OUTPUTS[name]
    schema = json_schema(kind)
    assert schema["required"] == [field.name for field in fields(kind)]
    for part in schema.get("$defs", {}).values():
        assert part["required"] == list(part["properties"])


def commands_with_json(group: Any, name: str = "") -> Iterator[str]:
    """The commands that take `--json`, as they are typed."""
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_with_json(command, f"{name}{word} ")
        elif any("--json" in parameter.opts for parameter in command.params):
            yield f"{name}{word}"


def test_every_verb_with_json_has_its_schema() -> None:
    from calib.cli.app import app

    described = {
        words.removesuffix(" NAME")
        for _, commands in OUTPUTS.values()
        for words in re.findall("`calib ([^`]+)`", commands)
    }
    assert set(commands_with_json(typer.main.get_command(app))) - described == set()


def test_a_shown_mapping_is_its_file_with_its_digest() -> None:
    content = json.loads(a_mapping().to_bytes())
    assert {"digest", *content} == {field.name for field in fields(ShownMapping)}


def test_every_reason_has_its_sentence_and_its_facts() -> None:
    with pytest.raises(KeyError):
        Reason("too_few_labels", {"labels": 12})
    with pytest.raises(KeyError):
        Reason("no such code", {})
    assert all(sentence[0].islower() or sentence[0] == "{" for sentence in SENTENCES.values())
    why = Reason("refit_one_class", {"labels": 50, "answer": "right"})
    assert RefitResult(**why.fields()).reason == "all 50 labels are right: nothing can be fitted to one class"
