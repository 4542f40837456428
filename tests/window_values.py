"""Windows as values: what the steps of a window take, made from arrays alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from calib.cycle.baseline import Baseline
from calib.cycle.data import EarlierWindow, WindowData
from calib.cycle.design import Design, design_sample
from calib.cycle.served import Serving, ServingSpan
from calib.cycle.stream import StreamPolicy
from calib.db.windows import Window
from calib.format import Mapping
from calib.measure import GRID, cell
from calib.period import Period
from calib.review.cohort import Cohort
from calib.sampling import order_key
from calib.store import Entry
from calib.times import timestamp
from calib.traffic import Cells, Survey

LEVELS = np.array([0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
SHARES = np.array([0.10, 0.15, 0.20, 0.25, 0.20, 0.10])

POLICY = StreamPolicy(
    stream="triage",
    scope={},
    labels=300,
    kind="month",
    timezone="UTC",
    settle=timedelta(days=1),
    close_after=timedelta(days=14),
    max_rise=0.03,
    targets=(0.9, 0.95),
    false_alarms_per_year=0.5,
    threshold=None,
    outcomes=False,
    seed="triage",
    keep_context=timedelta(days=90),
    double_review=0.1,
)


def policy(**changed: Any) -> StreamPolicy:
    """The policy of the stream, but for what is changed."""
    from dataclasses import replace

    return replace(POLICY, **changed)


def overconfident(raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The accuracy of a model that is right a little less often than it says."""
    return raw - 0.12


def sample(
    period: str, n: int = 600, accuracy: Callable[[npt.NDArray[Any]], npt.NDArray[Any]] = overconfident
) -> dict[str, npt.NDArray[Any]]:
    """Stated confidences and answers of one month, the same for the same period."""
    rng = np.random.default_rng(int(period.replace("-", "")))
    raw = rng.choice(LEVELS, n, p=SHARES)
    return {"raw": raw, "correct": (rng.random(n) < np.clip(accuracy(raw), 0, 1)).astype(float)}


def window_data(
    period: str,
    raw: Sequence[float] | npt.NDArray[Any],
    correct: Sequence[float] | npt.NDArray[Any],
    *,
    segment: Sequence[str | None] | None = None,
    cluster: Sequence[str | None] | None = None,
    day: Sequence[int] | npt.NDArray[Any] | None = None,
    judge: Sequence[float] | npt.NDArray[Any] | None = None,
    served_by: Mapping | None = None,
    published: Mapping | None = None,
    earlier: Sequence[WindowData] = (),
    answered: Sequence[bool] | npt.NDArray[Any] | None = None,
    rows_each: int = 5,
    **changed: Any,
) -> WindowData:
    """A window whose drawn rows are these, each one of `rows_each` of the population that are all alike.

    `correct`: NaN where there is no label; `answered` tells an unsure answer from none. `served_by`: the
    mapping that production used, `published` the channel's head, by default the same. `earlier`: the
    baseline, oldest first, of which the first is the anchor. `changed`: fields of the policy.
    """
    scores, answers = np.asarray(raw, dtype=float), np.asarray(correct, dtype=float)
    n = len(scores)
    stream = policy(**changed)
    segments = [None] * n if segment is None else list(segment)
    serving = Serving(
        spans=(ServingSpan(start=datetime(2020, 1, 1, tzinfo=UTC), mapping=_digest(served_by)),),
        mappings={} if served_by is None else {served_by.digest: served_by},
        published=published or served_by,
    )
    design = design_sample(stream, _survey(scores, segments, judge, rows_each), serving)
    served = scores
    if served_by is not None:
        served = np.array(
            [served_by.apply(float(score), name) for score, name in zip(scores, segments, strict=True)]
        )
    ids = tuple(f"{period}-{i}" for i in range(n))
    head = _entry(published or served_by)
    mappings = [mapping for mapping in (served_by, published) if mapping is not None]
    return WindowData(
        window=_window(period, stream, design),
        policy=stream,
        design=design,
        cohort=Cohort(
            id=ids,
            raw=scores,
            served=served,
            mapping=(_digest(served_by),) * n,
            stratum=design.strata.assign(scores),
            probability=np.full(n, 1 / rows_each),
            correct=answers,
            segment=tuple(segments),
            cluster=(None,) * n if cluster is None else tuple(cluster),
            judge=np.full(n, np.nan) if judge is None else np.asarray(judge, dtype=float),
            order=tuple(order_key("triage", period, id_) for id_ in ids),
            answered=~np.isnan(answers) if answered is None else np.asarray(answered, dtype=bool),
            day=None if day is None else np.asarray(day, dtype=np.int64),
        ),
        answered_twice=[],
        baseline=Baseline(
            pooled=tuple(window.window.id for window in reversed(earlier)),
            anchor=earlier[0].window.id if len(earlier) > 1 else None,
            segments={},
        ),
        earlier=[
            EarlierWindow(
                id=window.window.id, period=window.window.period, design=window.design, sample=window.sample
            )
            for window in earlier
        ],
        head=head,
        mappings={mapping.digest: mapping for mapping in mappings},
        fit_rows={},
    )


def _digest(mapping: Mapping | None) -> str | None:
    return None if mapping is None else mapping.digest


def _entry(mapping: Mapping | None) -> Entry | None:
    if mapping is None:
        return None
    return Entry(
        stream="triage",
        channel="production",
        epoch=1,
        generation=1,
        previous=None,
        mapping=mapping.digest,
        publish_id="p",
        at=timestamp(datetime(2025, 12, 1, tzinfo=UTC)),
        by="calibwatch",
        reason="refit",
        expires_at=None,
    )


def _survey(
    raw: npt.NDArray[Any],
    segments: Sequence[str | None],
    judge: Sequence[float] | npt.NDArray[Any] | None,
    rows_each: int,
) -> Survey:
    cells = cell(raw)
    judged = None if judge is None else np.asarray(judge, dtype=float)
    return Survey(
        population=len(raw) * rows_each,
        rejected={},
        cells=Cells(
            cell=cells,
            era=np.zeros(len(raw), dtype=np.int64),
            mapping=(None,) * len(raw),
            segment=tuple(segments),
            n=np.full(len(raw), rows_each, dtype=np.int64),
            offset_sum=(raw - cells / GRID) * rows_each,
            served_sum=None,
            judged=None if judged is None else np.full(len(raw), rows_each, dtype=np.int64),
            judge_sum=None if judged is None else judged * rows_each,
        ),
        distinct=True,
    )


def window_row(period: str = "2026-01", **changed: Any) -> Window:
    """A window as the database keeps it, of `period`, closed; its id is that of the period."""
    start, end = Period.parse(period, "month").interval("UTC")
    values: dict[str, Any] = {
        "id": int(period.replace("-", "")),
        "stream": "triage",
        "period": period,
        "channel": "production",
        "replay": False,
        "starts_at": start,
        "ends_at": end,
        "as_of": end + POLICY.settle,
        "closes_at": end + POLICY.settle + POLICY.close_after,
        "opened_at": end + POLICY.settle,
        "state": "closed",
        "settings": POLICY.to_json(),
        "design": {},
        "baseline": {},
        "population": 1000,
        "rejected": {},
        "sample_digest": "ab" * 32,
        "resets_baseline": False,
        "evaluated_at": None,
        "closed_at": None,
        "result": None,
    }
    return Window(**values | changed)


def _window(period: str, stream: StreamPolicy, design: Design) -> Window:
    return window_row(
        period, state="in_review", settings=stream.to_json(), population=int(design.sizes.sum())
    )
