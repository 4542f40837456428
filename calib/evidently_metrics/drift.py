"""How far a column has moved, as a metric of Evidently that respects weights."""

from __future__ import annotations

import html
import re
from itertools import pairwise
from typing import Any, Literal, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from evidently.core.datasets import Dataset
from evidently.core.metric_types import SingleValue, SingleValueCalculation, SingleValueMetric
from evidently.core.report import Context
from evidently.legacy.renderers.html_widgets import (
    CounterData,
    WidgetSize,
    counter,
    plotly_figure,
    text_widget,
)
from evidently.tests import lt
from plotly import graph_objects

from calib.errors import InvalidInput
from calib.measure.drift import Column, Drift, drift
from calib.tabular.words import categories, numbers_or_words
from calib.text import in_script, one_line

SEED = 0  # the same data give the same numbers
CONDITION = 0.1  # of `include_tests`: what Evidently takes for its own distances
BARS, TAIL = 20, 0.01  # in a picture: so many bars; numbers beyond these shares are in the outer ones
MARKUP = re.compile(r"[\\`*_\[\]~|]")
Calculated = tuple[SingleValue, Optional[SingleValue]]


class KnownArguments:
    """The configuration of our metrics: Evidently would ignore an argument that is not known."""

    extra = "forbid"


class ColumnDrift(SingleValueMetric):
    """The distance of a column's distribution from that in the reference.

    Numbers: the Wasserstein distance in standard deviations of the reference. Words: the Jensen-Shannon
    distance, from 0 to 1. `weight`: the column of what rows stand for; `strata`: of the strata that rows were
    drawn from. `show`: the `distance`, the distance that `chance` alone stays below in 95% of samples, or the
    share of rows that hold nothing (`missing`). With `include_tests` a report checks that the distance is
    below 0.1.
    """

    Config = KnownArguments

    column: str
    weight: Optional[str] = None
    strata: Optional[str] = None
    show: Literal["distance", "chance", "missing"] = "distance"

    def _default_tests_with_reference(self, context: Context) -> list[Any]:
        return [lt(CONDITION).bind_single(self.get_fingerprint())] if self.show == "distance" else []


class NotCompared(SingleValueMetric):
    """How many columns could not be compared, and why: notes of whoever makes the report."""

    Config = KnownArguments

    notes: list[str]


class ColumnDriftCalculation(SingleValueCalculation[ColumnDrift]):
    """Computes `ColumnDrift`."""

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> SingleValue | Calculated:
        """The distance; of the missing values also the reference's share."""
        if reference_data is None:
            raise InvalidInput("ColumnDrift compares with reference data: give `run` a second data set")
        now, before = _columns(current_data.as_dataframe(), reference_data.as_dataframe(), self.metric)
        if self.metric.show == "missing":
            results = self.result(now.missing), self.result(before.missing)
            results[0].widget = [counter(title=self.display_name(), counters=_missing(now, before))]
            return results
        moved = drift(now, before, rng=np.random.default_rng(SEED))
        result = self.result(getattr(moved, self.metric.show))
        if self.metric.show == "chance":  # the card of the distance shows it
            result.widget = []
            return result
        counters = [*_counters(moved, drawn_by_it=_drawn_by_it(now, before)), *_missing(now, before)]
        result.widget = [
            counter(title=self.display_name(), counters=counters),
            plotly_figure(title="", figure=_figure(now, before)),
        ]
        return result

    def display_name(self) -> str:
        """What Evidently shows above it."""
        what = {
            "distance": "Drift",
            "chance": "Drift, below which chance alone stays",
            "missing": "Missing values",
        }
        return in_script(f"{what[self.metric.show]}: {self.metric.column}")


class NotComparedCalculation(SingleValueCalculation[NotCompared]):
    """Shows `NotCompared`."""

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> SingleValue:
        """How many notes there are."""
        result = self.result(len(self.metric.notes))
        text = "\n".join(f"- {_in_markdown(note)}" for note in self.metric.notes)
        result.widget = [text_widget(text=text, title=self.display_name(), size=WidgetSize.FULL)]
        return result

    def display_name(self) -> str:
        """What Evidently shows above it."""
        return "Not compared"


def _in_markdown(text: str) -> str:
    """One line that Evidently's Markdown shows as it is: no HTML, link, picture or emphasis."""
    return MARKUP.sub(r"\\\g<0>", html.escape(one_line(text)))


def comparable(now: Any, before: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The values of two samples as numbers, or as categories. `InvalidInput` where they are neither."""
    values = numbers_or_words([*now, *before])
    if values.dtype == np.float64 and not all(np.isfinite(part).any() for part in _split(values, len(now))):
        raise InvalidInput("one of the two samples holds no value of it")
    first, second = _split(values, len(now))
    return (first, second) if values.dtype == np.float64 else categories(first, second)


def values_of(column: pd.Series) -> list[Any]:
    """The values of a column, None where there is none."""
    objects = column.astype(object)
    return list(objects.where(column.notna(), None))


def _split(values: npt.NDArray[Any], at: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return values[:at], values[at:]


def _columns(now: pd.DataFrame, before: pd.DataFrame, metric: ColumnDrift) -> tuple[Column, Column]:
    """The column of both data sets; `InvalidInput` that names a column which is missing or cannot be used."""
    for frame, data in ((now, "current"), (before, "reference")):
        for key in ("column", "weight", "strata"):
            name = getattr(metric, key)
            if name is not None and name not in frame.columns:
                raise InvalidInput(
                    f"the {data} data have no column {name!r}: name the columns, as in ColumnDrift(column=…)"
                )
    try:
        values = comparable(values_of(now[metric.column]), values_of(before[metric.column]))
    except InvalidInput as error:
        raise InvalidInput(f"the column {metric.column!r} cannot be compared: {error}") from None
    first, second = (
        Column(part, _weights(frame, metric.weight), _strata(frame, metric.strata))
        for part, frame in zip(values, (now, before), strict=True)
    )
    return first, second


def _weights(frame: pd.DataFrame, name: str | None) -> npt.NDArray[np.float64]:
    if name is None:
        return np.ones(len(frame))
    weights = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.sum() > 0:
        raise InvalidInput(f"the weights in {name!r} must be numbers, not negative, and not all zero")
    return weights


def _strata(frame: pd.DataFrame, name: str | None) -> npt.NDArray[np.int64]:
    if name is None:
        return np.zeros(len(frame), dtype=np.int64)
    codes, _ = pd.factorize(frame[name], use_na_sentinel=False)
    return np.asarray(codes, dtype=np.int64)


def _drawn_by_it(*samples: Column) -> bool:
    """Whether each stratum holds one value: then its mass is known, and nothing is left to chance."""
    return all(
        len(np.unique(sample.strata)) > 1
        and len(set(zip(sample.strata, sample.values, strict=True))) == len(np.unique(sample.strata))
        for sample in samples
    )


def _counters(moved: Drift, *, drawn_by_it: bool) -> list[CounterData]:
    distance = CounterData("distance", f"{moved.distance:.3f}")
    if drawn_by_it:
        return [distance, CounterData("from the draw: every prediction was counted by this value", "nothing")]
    return [distance, CounterData("chance alone stays below, in 95% of samples", f"{moved.chance:.3f}")]


def _missing(now: Column, before: Column) -> list[CounterData]:
    """The shares of rows that hold nothing, where there are any; of words they are one of the bars."""
    if now.values.dtype != np.float64 or now.missing + before.missing == 0:
        return []
    return [
        CounterData("missing now", f"{now.missing:.1%}"),
        CounterData("missing in the reference", f"{before.missing:.1%}"),
    ]


def _figure(now: Column, before: Column) -> graph_objects.Figure:
    """The shares of both samples side by side: of words, of few numbers, or of ranges of numbers."""
    labels, shares = _bars(now, before)
    figure = graph_objects.Figure()
    for name, heights, colour in zip(("current", "reference"), shares, ("#ed0400", "#4d4d4d"), strict=True):
        figure.add_bar(x=labels, y=heights, name=name, marker_color=colour)
    figure.update_layout(barmode="group")
    figure.update_xaxes(type="category")
    figure.update_yaxes(title="share of predictions", tickformat=".0%")
    return figure


def _bars(now: Column, before: Column) -> tuple[list[str], list[list[float]]]:
    if now.values.dtype == np.float64:
        labels, codes = _ranges(now.values[now.known], before.values[before.known])
        weights = [column.weights[column.known] for column in (now, before)]
    else:
        names, code = np.unique(np.concatenate([now.values, before.values]).astype(str), return_inverse=True)
        total = np.bincount(code, np.concatenate([now.weights, before.weights]))
        shown = np.argsort(-total, kind="stable")[:BARS]
        place = np.full(len(names), len(shown))
        place[shown] = np.arange(len(shown))
        labels = [html.escape(one_line(names[i])) for i in shown]
        if len(names) > len(shown):
            labels.append(f"{len(names) - len(shown)} more")
        codes, weights = _split(place[code], len(now.values)), [now.weights, before.weights]
    counted = [np.bincount(c, w, len(labels)) for c, w in zip(codes, weights, strict=True)]
    return labels, [(part / part.sum()).tolist() for part in counted]


def _ranges(
    now: npt.NDArray[np.float64], before: npt.NDArray[np.float64]
) -> tuple[list[str], tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    together = np.concatenate([now, before])
    levels, code = np.unique(together, return_inverse=True)
    if len(levels) <= BARS:
        return [_short(level, 6) for level in levels], _split(code, len(now))
    low, high = np.quantile(together, [TAIL, 1 - TAIL])
    low, high = (low, high) if high > low else (levels[0], levels[-1])
    edges = np.linspace(low, high, BARS + 1)
    code = np.searchsorted(edges[1:-1], together, side="right")
    labels = [f"{_short(a)} to {_short(b)}" for a, b in pairwise(edges)]
    labels[0], labels[-1] = f"below {_short(edges[1])}", f"from {_short(edges[-2])}"
    return labels, _split(code, len(now))


def _short(number: float, digits: int = 3) -> str:
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e7 else f"{number:.{digits}g}"
