"""What the life machine is compared with: rules of thumb for statistics, and a plain model of windows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from calib.calibrators import Refit
from calib.cycle import evaluation, lifecycle, nonresponse, refitting
from calib.cycle.verdict import ChangeDecision, JudgedChange
from calib.format import PiecewiseLinear
from calib.measure import Change
from calib.reasons import Reason

LEAST = 8  # labels for a verdict


def rules_of_thumb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace every statistic of an evaluation, and nothing else of it."""

    def change(data: Any) -> ChangeDecision:
        found = Change.first()
        if data.baselines is not None:
            moved = data.sample.correct.mean() - data.baselines.pooled.correct.mean()
            state: Any = "degraded" if moved < -0.4 else "changed" if moved > 0.4 else "no_change_seen"
            found = replace(found, state=state, p=0.5)
        return ChangeDecision(stream=JudgedChange(change=found, judged=None), anchor=None, segments={})

    def refit(now: Any, *_: Any, **__: Any) -> Refit:
        right = int(now.correct.sum())
        better = (right + int(str(now.periods[0])[-2:])) % 2 == 0
        return Refit(
            published=better,
            why=Reason("refit_better" if better else "refit_no_better_than_served", {}),
            curve=PiecewiseLinear(x=(0.0, 1.0), y=(0.1, 0.5 + right / 100)),
            method="isotonic",
            pooling="new",
            labels_used=len(now),
            ece_before=None,
            ece_after=None,
            brier_before=None,
            brier_after=None,
            t_served=None,
            t_identity=None,
        )

    monkeypatch.setattr(nonresponse, "VERDICT_LEAST_LABELS", LEAST)
    monkeypatch.setattr(nonresponse, "EVENNESS_LEAST_DRAWN", 10**9)
    monkeypatch.setattr(evaluation, "measured", evaluation.opened)
    monkeypatch.setattr(evaluation, "decide_change", change)
    monkeypatch.setattr(evaluation, "certificates", lambda *_: ())
    monkeypatch.setattr(evaluation, "segments_part", lambda *_: {})
    monkeypatch.setattr(refitting, "refit", refit)
    monkeypatch.setattr(refitting, "_proven", lambda *_: ())
    monkeypatch.setattr(refitting, "_proven_by_segment", lambda *_: {})
    monkeypatch.setattr(lifecycle, "early_watch", lambda _: None)


@dataclass
class Revision:
    """What the model knows of one revision of a window.

    `newest`: no later period was closed when this one was evaluated. `counts`: the answer that counts, with
    who gave it, by id. `kept`: all answers in the order of their coming.
    """

    period: str
    revision: int
    scope: dict[str, str]
    ids: list[str]
    state: str = "waiting"
    discarded: bool = False
    resets: bool = False
    counts: dict[str, tuple[str, str]] = field(default_factory=dict)
    kept: list[tuple[str, str, str]] = field(default_factory=list)
    baseline: tuple[list[str], int] | None = None
    newest: bool = True
    result: Any = None

    @property
    def waits(self) -> bool:
        return self.state == "waiting" and not self.discarded

    @property
    def late(self) -> dict[str, str]:
        """The first answer to each row that none counts for."""
        found: dict[str, str] = {}
        for id_, word, _ in self.kept:
            if id_ not in self.counts:
                found.setdefault(id_, word)
        return found

    def keep(self, id_: str, word: str, by: str) -> None:
        if (id_, word, by) not in self.kept:
            self.kept.append((id_, word, by))
