"""Asking for a confidence, reading it, and what many replies say together. The standard library alone."""

from __future__ import annotations

from calib.elicit.aggregate import Aggregate, Group, aggregate
from calib.elicit.answers import Reply, read_reply, same_choice, same_number, same_text
from calib.elicit.parse import Parsed, parse_confidence
from calib.elicit.prompts import framings, instruction
from calib.elicit.runner import Asked, ask_all

__all__ = [
    "Aggregate",
    "Asked",
    "Group",
    "Parsed",
    "Reply",
    "aggregate",
    "ask_all",
    "framings",
    "instruction",
    "parse_confidence",
    "read_reply",
    "same_choice",
    "same_number",
    "same_text",
]
