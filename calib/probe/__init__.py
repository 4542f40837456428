"""The probe: a fixed set of questions, asked again on a schedule, because models change without a word."""

from __future__ import annotations

from calib.probe.comparison import RunComparison, compare
from calib.probe.endpoint import Completion, Endpoint
from calib.probe.probe import Probe
from calib.probe.questions import Question, read_questions
from calib.probe.run import accept_run, run_probe

__all__ = [
    "Completion",
    "Endpoint",
    "Probe",
    "Question",
    "RunComparison",
    "accept_run",
    "compare",
    "read_questions",
    "run_probe",
]
