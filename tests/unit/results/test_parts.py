"""Parts of stored results are what the whole result says of them."""

from __future__ import annotations

from typing import Any

import pytest
from alert_results import result

from calib.errors import InvalidInput
from calib.results import WindowResult
from calib.results.parts import certificates_in, changed_segments_in

CERTIFICATES: list[dict[str, Any]] = [
    {"target": 0.9, "confidence": 0.95, "cut": 0.95, "share": 0.41, "n": 205, "accuracy_low": 0.901},
    {"target": 0.95, "confidence": 0.95, "reason": "too few labels", "labels_needed": 300},
]


def segment(state: str | None, *, too_small: bool = False) -> dict[str, Any]:
    change = None if state is None else {"state": state, "too_small": too_small}
    return {"population": 10, "labels": 5, "raw": {}, "served": {}, "change": change, "gap_pooled": None}


def stored(**parts: Any) -> dict[str, Any]:
    return result("degraded", schema=2).to_json() | parts


def test_they_are_read_as_the_whole_result_is() -> None:
    segments = {
        "billing": segment("degraded"),
        "other": segment("no_change_seen"),
        "tiny": segment("changed", too_small=True),
        "untested": segment(None),
    }
    values = stored(certificates=CERTIFICATES, segments=segments)
    whole = WindowResult.from_json(values)
    assert certificates_in(values) == whole.certificates
    assert len(whole.certificates) == 2
    assert changed_segments_in(values) == whole.changed_segments == ("billing",)


def test_a_result_without_them_has_none() -> None:
    values = {"stream": "triage", "period": "2026-01"}
    assert certificates_in(values) == changed_segments_in(values) == ()


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"the stored result of .* cannot be read: certificates"):
        certificates_in(stored(certificates=[{"target": "much"}]))
    with pytest.raises(InvalidInput, match=r"cannot be read: segments\.billing"):
        changed_segments_in(stored(segments={"billing": 7}))
