"""The objects of the verbs that go over all streams: what was done, and what failed."""

from __future__ import annotations

from dataclasses import dataclass

from calib.json_object import Json
from calib.results.codec import to_json
from calib.results.window import WindowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResult:
    """An error: the name of its kind, what was wrong, and the exit code that it alone would give."""

    kind: str
    message: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureResult:
    """What failed while the others were done; `period` is None where it was no single window."""

    stream: str
    period: str | None
    error: ErrorResult


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsResult:
    """The windows that were taken as far as they go, and those that failed."""

    windows: tuple[WindowResult, ...]
    failures: tuple[FailureResult, ...]

    def to_json(self) -> Json:
        """The object of `calib backfill`, `calib sample` and `calib evaluate`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedAlert:
    """An alert that could not be delivered to a place, and why."""

    id: str
    kind: str
    stream: str
    period: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayResult:
    """The deliveries that one run of the relay handled; `retried` are still to come.

    `kept`: everything that is parked now, of earlier runs too. `unseen`: alerts that wait because there is no
    place where anybody would see them.
    """

    delivered: int
    retried: int
    parked: int
    kept: tuple[ParkedAlert, ...] = ()
    unseen: int = 0

    def to_json(self) -> Json:
        """The object of `calib relay`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogFinding:
    """What did not happen, by the kind of its alert."""

    kind: str
    stream: str
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogResult:
    """What did not happen, what became of the alerts, and the streams that could not be looked at.

    `ping`: `answered` where `ping` of the settings was called and took it, what went wrong where it did not,
    None where it was not called: it is not set, or something was found.
    """

    findings: tuple[WatchdogFinding, ...]
    relay: RelayResult
    failures: tuple[FailureResult, ...]
    ping: str | None

    def to_json(self) -> Json:
        """The object of `calib watchdog`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedTexts:
    """What was erased of a stream or a probe, and how many of it.

    `what`: `contexts` and `replies`, counted by row; `windows`, `episodes`, `alerts` and `probe runs`, which
    are deleted whole after `keep_results_years`.
    """

    stream: str
    what: str
    erased: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseResult:
    """What was erased, for each stream and probe that has texts, and what failed."""

    erased: tuple[ErasedTexts, ...]
    failures: tuple[FailureResult, ...]

    def to_json(self) -> Json:
        """The object of `calib erase`."""
        return to_json(self)
