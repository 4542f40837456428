"""ECE, Brier score, reliability diagram and the change test as metrics of Evidently."""

from __future__ import annotations

from typing import Any, Literal, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from evidently.core.datasets import Dataset
from evidently.core.metric_types import (
    DataframeCalculation,
    DataframeMetric,
    DataframeValue,
    SingleValue,
    SingleValueCalculation,
    SingleValueMetric,
)
from evidently.core.report import Context
from evidently.legacy.renderers.html_widgets import CounterData, WidgetSize, counter, plotly_figure
from evidently.tests import lt
from plotly import graph_objects

from calib.cycle.comparison import compare_samples
from calib.errors import InvalidInput
from calib.evidently_metrics.drift import KnownArguments
from calib.measure import Bins, Change, Measurement, measure
from calib.measure.given import confidences
from calib.measure.sample import Sample
from calib.text import in_script

ALPHA = 0.05
WINDOW = "window"
PROPORTIONS = "numbers in [0, 1], percentages divided by 100"
Calculated = tuple[Any, Optional[Any]]


class ECE(SingleValueMetric):
    """The debiased expected calibration error in [0, 1].

    `end`: the `estimate`, or the `low` or `high` end of its 95% interval. `ECE(end="low", tests=[lt(0.05)])`
    fails where the ECE is proven to be 0.05 or more.
    """

    Config = KnownArguments

    confidence: str = "confidence"
    correct: str = "correct"
    weight: Optional[str] = None
    end: Literal["estimate", "low", "high"] = "estimate"


class Brier(SingleValueMetric):
    """The Brier score in [0, 1]: the mean squared distance between confidence and answer."""

    Config = KnownArguments

    confidence: str = "confidence"
    correct: str = "correct"
    weight: Optional[str] = None


class ReliabilityDiagram(DataframeMetric):
    """Accuracy with its 95% interval by bins of equal width, as a table and as a picture.

    The columns of the table that conditions can name: `n`, `weight`, `mean_score`, `accuracy`, `low`, `high`.
    """

    Config = KnownArguments

    confidence: str = "confidence"
    correct: str = "correct"
    weight: Optional[str] = None
    bins: int = 10


class CalibrationChange(SingleValueMetric):
    """The change test of the current data against the reference.

    `show`: `degraded` (1 or 0), the test's `p`, the `rise` of the ECE, or the `minimum_detectable_rise`. With
    `include_tests` a report checks that `degraded` is 0. `max_rise`: the rise that matters, in (0, 1).
    """

    Config = KnownArguments

    confidence: str = "confidence"
    correct: str = "correct"
    weight: Optional[str] = None
    show: Literal["degraded", "p", "rise", "minimum_detectable_rise"] = "degraded"
    max_rise: float = 0.03

    def _default_tests_with_reference(self, context: Context) -> list[Any]:
        return [lt(1).bind_single(self.get_fingerprint())] if self.show == "degraded" else []


class WindowNumber(SingleValueMetric):
    """A number of a period as calibwatch stored it, from the additional data set `WINDOW` of one row."""

    Config = KnownArguments

    number: str


class ECECalculation(SingleValueCalculation[ECE]):
    """Computes `ECE`."""

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> Calculated:
        """The value of both data sets, and the interval beside it."""
        return _of_each(current_data, reference_data, self._one)

    def _one(self, data: Dataset) -> SingleValue:
        found = _measured(data, self.metric).ece
        result = self.result(float(getattr(found, self.metric.end)))
        words = f"{found.low:.3f} to {found.high:.3f}"
        counters = [CounterData("ECE", f"{found.estimate:.3f}"), CounterData("95% interval", words)]
        result.widget = [counter(title=self.display_name(), counters=counters)]
        return result

    def display_name(self) -> str:
        """What Evidently shows above it."""
        end = {"estimate": "", "low": ", lower end", "high": ", upper end"}[self.metric.end]
        return in_script(f"Expected calibration error{end}: {self.metric.confidence}")


class BrierCalculation(SingleValueCalculation[Brier]):
    """Computes `Brier`."""

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> Calculated:
        """The value of both data sets."""
        return _of_each(
            current_data,
            reference_data,
            lambda data: self.result(float(_measured(data, self.metric).brier.value)),
        )

    def display_name(self) -> str:
        """What Evidently shows above it."""
        return in_script(f"Brier score: {self.metric.confidence}")


class ReliabilityDiagramCalculation(DataframeCalculation[ReliabilityDiagram]):
    """Computes `ReliabilityDiagram`."""

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> Calculated:
        """The bins of both data sets; the picture has both."""
        results = _of_each(current_data, reference_data, self._one)
        current, reference = results
        parts = {"current": current.value} | ({} if reference is None else {"reference": reference.value})
        current.widget = [plotly_figure(title=self.display_name(), figure=_figure(parts))]
        return results

    def _one(self, data: Dataset) -> DataframeValue:
        bins = _measured(data, self.metric, bins=self.metric.bins).bins
        result = self.result(pd.DataFrame([bin_.to_json() for bin_ in bins if bin_.n]))
        result.set_metric_location(self.to_metric_config())
        result.widget = []
        return result

    def display_name(self) -> str:
        """What Evidently shows above it."""
        return in_script(f"Reliability: {self.metric.confidence}")


class CalibrationChangeCalculation(SingleValueCalculation[CalibrationChange]):
    """Computes `CalibrationChange`."""

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> SingleValue:
        """The test's outcome; there is none of the reference itself."""
        if reference_data is None:
            raise InvalidInput("CalibrationChange compares with reference data: give `run` a second data set")
        now, before = (_sample(data, self.metric).normalised() for data in (current_data, reference_data))
        change = compare_samples(now, before, alpha=ALPHA, max_rise=self.metric.max_rise)
        result = self.result(_shown(change, self.metric.show))
        result.widget = [counter(title=self.display_name(), counters=_counters(change))]
        return result

    def display_name(self) -> str:
        """What Evidently shows above it."""
        words = {"minimum_detectable_rise": "detectable rise"}.get(self.metric.show, self.metric.show)
        return in_script(f"Change of calibration, {words}: {self.metric.confidence}")


class WindowNumberCalculation(SingleValueCalculation[WindowNumber]):
    """Looks `WindowNumber` up."""

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> SingleValue:
        """The number."""
        value = float(context.additional_data[WINDOW].as_dataframe()[self.metric.number].iloc[0])
        result = self.result(value)
        card = CounterData("", _short(value))
        result.widget = [counter(title=self.display_name(), counters=[card], size=WidgetSize.HALF)]
        return result

    def display_name(self) -> str:
        """What Evidently shows above it."""
        return str(self.metric.number).replace("_", " ").replace("ece", "ECE")


def _of_each(current: Dataset, reference: Dataset | None, one: Any) -> Calculated:
    return one(current), None if reference is None else one(reference)


def _sample(data: Dataset, metric: Any) -> Sample:
    """The rows with an answer; `InvalidInput` that names a column which is missing or out of range."""
    frame = data.as_dataframe()
    names = [metric.confidence, metric.correct, *([] if metric.weight is None else [metric.weight])]
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise InvalidInput(
            f"the data have no column {missing[0]!r}: name the columns, as in {type(metric).__name__}"
            "(confidence=…, correct=…)"
        )
    rows = frame[names].dropna(subset=[metric.correct])
    if rows.empty:
        raise InvalidInput(f"no row has an answer in the column {metric.correct!r}")
    columns = [_numbers(rows[name]) for name in names]
    try:
        confidences(columns[0])
    except InvalidInput:
        within = (columns[0] >= 0) & (columns[0] <= 1)
        raise _unfit(metric.confidence, columns[0], within, PROPORTIONS) from None
    known = (columns[1] == 0) | (columns[1] == 1)
    if not known.all():
        raise _unfit(metric.correct, columns[1], known, "0 or 1")
    return Sample(*columns)


def _numbers(column: pd.Series) -> npt.NDArray[np.float64]:
    try:
        return column.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"the column {column.name!r} must hold numbers") from None


def _unfit(name: str, values: npt.NDArray[np.float64], fit: npt.NDArray[np.bool_], must: str) -> InvalidInput:
    wrong = values[~fit]
    return InvalidInput(
        f"the column {name!r} must hold {must}: {len(wrong):,} of {len(values):,} rows with an answer do "
        f"not, the first holds {wrong[0]:g}"
    )


def _measured(data: Dataset, metric: Any, *, bins: int = 10) -> Measurement:
    sample = _sample(data, metric)
    weights = None if metric.weight is None else sample.weights
    return measure(sample.scores, sample.correct, weights=weights, bins=Bins.equal_width(bins))


def _shown(change: Change, show: str) -> float:
    if show == "degraded":
        return float(change.state == "degraded")
    value = getattr(change, show)
    return float("nan") if value is None else float(value)


def _counters(change: Change) -> list[CounterData]:
    texts = {"verdict": change.state.replace("_", " ")}
    for label, value in (
        ("p", change.p),
        ("rise of the ECE", change.rise),
        ("detectable rise", change.minimum_detectable_rise),
    ):
        texts[label] = "–" if value is None else _short(value)
    return [CounterData(label, text) for label, text in texts.items()]


def _short(value: float) -> str:
    return "< 0.001" if 0 < value < 0.0005 else f"{value:.3f}"


def _figure(parts: dict[str, pd.DataFrame]) -> graph_objects.Figure:
    """Accuracy over mean confidence, with intervals, and the diagonal of a perfect confidence."""
    figure = graph_objects.Figure()
    line = {"dash": "dash", "color": "grey"}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="perfect", line=line)
    for name, bins in parts.items():
        above, below = bins["high"] - bins["accuracy"], bins["accuracy"] - bins["low"]
        error = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
        figure.add_scatter(
            x=bins["mean_score"], y=bins["accuracy"], error_y=error, mode="lines+markers", name=name
        )
    figure.update_xaxes(title="mean confidence", range=[0, 1])
    figure.update_yaxes(title="accuracy", range=[0, 1])
    return figure
