"""Guessing what the columns of a traffic table mean, from their names and their first values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from calib.tabular.roles import CLASSES, EQUAL, is_prediction
from calib.tabular.rules import confidence_of, number_of, time_of
from calib.traffic.peek import Peek
from calib.vocabulary import meaning

# In the order of preference; compared without case and without anything but letters and digits.
NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("prediction_id", "id", "request_id", "row_id", "event_id", "message_id", "uuid", "key"),
    "ts": ("ts", "timestamp", "time", "created_at", "predicted_at", "datetime", "at", "date", "logged_at"),
    "confidence": (
        "raw_confidence",
        "confidence",
        "stated_confidence",
        "model_confidence",
        "conf",
        "probability",
        "prob",
        "score",
    ),
    "segment": ("segment",),
    "judge": ("judge",),
    "cluster": ("cluster", "conversation_id", "session_id"),
    "trace": ("trace_id", "trace"),
    "served": ("served", "calibrated_confidence", "served_confidence"),
    "mapping": ("mapping", "mapping_digest"),
}
CONTEXT = ("question", "prompt", "input", "text", "answer", "response", "output", "prediction")
OUTCOME = ("correct", "is_correct", "was_correct", "outcome", "label", "is_right")
OUTCOME_AT = (
    "label_ts",
    "label_at",
    "label_time",
    "labelled_at",
    "labeled_at",
    "outcome_ts",
    "outcome_at",
    "outcome_time",
    "correct_ts",
    "correct_at",
    "resolved_at",
    "decided_at",
    "answered_at",
)
REQUIRED = ("id", "ts", "confidence")
ENOUGH = 0.9  # the share of values that must fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What the columns seem to mean.

    `columns` maps keys of `columns` in calib.toml to column names; `outcome` is the column that says whether
    a prediction was correct, and `outcome_at` the one that says since when that is known; `missing` are the
    required keys for which no column was found.
    """

    columns: dict[str, str | list[str]]
    outcome: str | None
    outcome_at: str | None
    missing: tuple[str, ...]


def guess(table: Peek) -> Guess:
    """Guess the meaning of each column; a column that has a name but the wrong values is passed over.

    >>> first_row = {"id": ["a"], "Time": ["2026-10-01"], "conf": [0.9]}
    >>> guess(Peek(columns=tuple(first_row), values=first_row)).columns
    {'id': 'id', 'ts': 'Time', 'confidence': 'conf'}
    """
    free = list(table.columns)

    def fitting(name: str, fits: Callable[[list[Any]], bool]) -> list[str]:
        return [
            column for column in free if _plain(column) == _plain(name) and fits(_known(table.values[column]))
        ]

    def take(
        names: tuple[str, ...], fits: Callable[[list[Any]], bool], equal: tuple[str, ...] = ()
    ) -> str | None:
        for name in names:
            if name in equal and sum(len(fitting(other, fits)) for other in equal) > 1:
                return None  # they have the same right to be the one
            for column in fitting(name, fits):
                free.remove(column)
                return column
        return None

    columns: dict[str, str | list[str]] = {}
    for key, names in NAMES.items():
        column = take(names, FITS.get(key, _anything), EQUAL.get(key, ()))
        if column is not None:
            columns[key] = column
    if "served" not in columns:
        columns.pop("mapping", None)  # a digest says nothing without the confidence that it made
    # beside what the model said they may be the true class, as `calib.tabular.roles` has it
    classes = CLASSES if any(map(is_prediction, table.columns)) else ()
    outcome = take(tuple(name for name in OUTCOME if name not in classes), _are_outcomes, EQUAL["correct"])
    outcome_at = None
    if outcome is not None:
        known = len(_known(table.values[outcome]))  # an outcome without its time would not count
        outcome_at = take(OUTCOME_AT, lambda times: _are_times(times) and len(times) >= ENOUGH * known)
    context = [column for name in CONTEXT if (column := take((name,), _anything)) is not None]
    if context and outcome is None:  # with outcomes nobody looks at the items
        columns["context"] = context
    return Guess(
        columns=columns,
        outcome=outcome,
        outcome_at=outcome_at,
        missing=tuple(key for key in REQUIRED if key not in columns),
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _known(values: list[Any]) -> list[Any]:
    """The values without the cells that say that there is none."""
    return [
        value
        for value in values
        if value is not None and not (isinstance(value, str) and meaning(value) == "unknown")
    ]


def _anything(values: list[Any]) -> bool:
    return bool(values)


def _are_ids(values: list[Any]) -> bool:
    return bool(values) and len(set(map(str, values))) >= ENOUGH * len(values)


def _are_confidences(values: list[Any]) -> bool:
    numbers = [number_of(value) for value in values]
    return _mostly(numbers, lambda number: number is not None and confidence_of(number) is not None)


def _are_times(values: list[Any]) -> bool:
    return _mostly(values, lambda value: time_of(value) is not None)


def _are_outcomes(values: list[Any]) -> bool:
    said = [word for value in values if (word := meaning(str(value))) != "unknown"]
    return _mostly(said, lambda word: word is not None)


def _mostly(values: list[Any], fits: Callable[[Any], bool]) -> bool:
    return bool(values) and sum(map(fits, values)) >= ENOUGH * len(values)


FITS: Mapping[str, Callable[[list[Any]], bool]] = {
    "id": _are_ids,
    "ts": _are_times,
    "confidence": _are_confidences,
    "served": _are_confidences,
    "judge": _are_outcomes,
}
