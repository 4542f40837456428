"""The next step under an open window: a command that takes just this window on."""

from __future__ import annotations

import pytest
from alert_results import result

from calib.cli.tables import window_panel
from calib.results.window import LabelCounts

EXPORT, RUN, EVALUATE = "calib labels export triage", "calib run triage --period 2026-10", "calib evaluate"


@pytest.mark.parametrize("state", ["sampled", "in_review"])
@pytest.mark.parametrize("before", [(), ("2026-08", "2026-09")])
@pytest.mark.parametrize("missing", [0, 7])
@pytest.mark.parametrize("review", ["builtin", "files", "outcomes"])
def test_an_open_window_names_what_it_waits_for(
    state: str, before: tuple[str, ...], missing: int, review: str, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = LabelCounts(n=500 - missing, correct=300, unsure=0, missing=missing)
    window_panel(result(None, window=state, labels=labels, waits_for=before, review=review))
    said = " ".join(capsys.readouterr().out.split()).partition("Next: ")[2]
    people = review != "outcomes"
    assert ("2026-08, 2026-09" in said) is bool(before)
    if people and missing:  # its own labels come first, whatever else is open
        assert EXPORT in said
        assert RUN in said
    elif before:
        assert EVALUATE in said
        assert (EXPORT in said) is people
    else:
        assert RUN in said
        assert EXPORT not in said
    assert ("every label is there" in said) is (not missing and not before)
