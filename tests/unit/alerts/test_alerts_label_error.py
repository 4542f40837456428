"""Where reviewers who differ more often make the whole proven rise, whoever is on call reads it first."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from alert_results import QUIET, result

from calib.alerts import window_alerts
from calib.alerts.episodes import Turn
from calib.alerts.message import message
from calib.results.response import LabelErrorResult

SAYS = (
    "People differ more often than before: about 9.0% of the labels are wrong, before 2.0%. That alone makes "
    "the ECE rise by 0.041, which is as much as was proven. Look at the disagreements and the "
    "guidelines first."
)


def told(error: LabelErrorResult | None) -> dict[str, Any]:
    degraded = result("degraded")
    window = replace(degraded, change=replace(degraded.change, label_error=error))
    (alert,) = [one for one in window_alerts(window, previous=QUIET, turn=Turn()) if one.kind == "degraded"]
    return asdict(alert)


@pytest.mark.parametrize("explains", [True, False])
def test_a_degradation_that_the_labels_explain_says_so(explains: bool) -> None:
    error = LabelErrorResult(now=0.09, before=0.02, shown=0.82, alone=0.041, explains=explains)
    said = message(told(error))
    (sure,) = [line for line in said.text.splitlines() if line.startswith("How sure: ")]
    assert (SAYS in sure) is explains
    assert any(SAYS in block["text"]["text"] for block in said.blocks) is explains


def test_an_alert_of_an_earlier_version_has_no_such_fact() -> None:
    stored = told(None)
    del stored["facts"]["change"]["label_error"]
    assert "People differ" not in message(stored).text
