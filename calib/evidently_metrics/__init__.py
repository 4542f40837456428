"""calibwatch's statistics as metrics of Evidently, to be put into any of its reports.

    Report([ECE(), ReliabilityDiagram(), Brier(), CalibrationChange()]).run(current, reference)

Each names the columns of a data set: stated confidences in [0, 1], whether the answer was correct (0 or 1),
and weights, where rows stand for different numbers of predictions. Rows without an answer are left out.
`ColumnDrift(column="country")` compares the distribution of any column, with weights too. A condition is one
of Evidently's: `ECE(tests=[lt(0.05)])`. Needs `calibwatch[evidently]`.
"""

try:
    from calib.evidently_metrics.calibration import (
        ECE,
        WINDOW,
        Brier,
        CalibrationChange,
        ReliabilityDiagram,
        WindowNumber,
    )
    from calib.evidently_metrics.drift import ColumnDrift, NotCompared
except ModuleNotFoundError as error:
    raise ImportError(
        f"{error.name} is not installed: calib.evidently_metrics needs it. Run `pip install "
        "'calibwatch[evidently]'`"
    ) from None

__all__ = [
    "ECE",
    "WINDOW",
    "Brier",
    "CalibrationChange",
    "ColumnDrift",
    "NotCompared",
    "ReliabilityDiagram",
    "WindowNumber",
]
