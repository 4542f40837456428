"""The exit codes of every command: what each means, and which outcome has which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calib import errors

if TYPE_CHECKING:
    from calib.results.gate import GateDecision
    from calib.results.probe import ProbeResult

DONE, FAILED, BAD_INPUT, NOT_ENOUGH, OUTSIDE = range(5)
INTERRUPTED = 130  # what a shell expects after Ctrl-C

MEANINGS = {
    DONE: "done",
    FAILED: "the check that was asked for failed",
    BAD_INPUT: "bad input or settings",
    NOT_ENOUGH: "not enough evidence to say",
    OUTSIDE: "an external system failed: store, database, Slack, engine",
}
OF_GATE: dict[GateDecision, int] = {"passed": DONE, "failed": FAILED, "not_proven": NOT_ENOUGH}


def of_error(error: BaseException) -> int:
    """2 for the caller's own input or settings, 4 for what lies outside and for what nobody foresaw."""
    return BAD_INPUT if isinstance(error, errors.InvalidInput | errors.QueueError) else OUTSIDE


def of_probe(run: ProbeResult) -> int:
    """1 where the model has become worse; 3 where too little could be read to say, 4 where nothing came."""
    if run.state == "cannot_see":
        return NOT_ENOUGH if run.replies.arrived else OUTSIDE
    return FAILED if run.state == "degraded" else DONE


def table() -> str:
    """The codes with their meanings, a line each, as `calib --help` shows them."""
    return "\n".join(f"  {code}  {meaning}" for code, meaning in MEANINGS.items())
