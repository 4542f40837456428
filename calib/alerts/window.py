"""Which findings of a window become alerts. Pure: the result of a window in, alerts out."""

from __future__ import annotations

from dataclasses import dataclass

from calib.alerts.alert import Alert, Severity
from calib.alerts.episodes import Turn, is_degraded
from calib.alerts.facts import WindowFacts
from calib.policy import REJECTED_FACTOR, REJECTED_SHARE, UNDERPOWERED_RISE
from calib.reasons import UNREADABLE
from calib.rejects import rejected_share as share_of
from calib.results import WindowResult
from calib.results.codec import to_json
from calib.results.window import EarlyResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What the policy must know of earlier windows.

    `rejected_share`: of the window before, None where there was none. `underpowered`: that window could not
    have seen even a large rise. `scope`: its scope, None where there was none. `other_scope`: another scope
    was watched before this one. `compared`: the result of the last window of the baseline, None where there
    is none.
    """

    rejected_share: float | None
    underpowered: bool = False
    scope: dict[str, str] | None = None
    other_scope: bool = False
    compared: WindowResult | None = None


def window_alerts(
    result: WindowResult,
    *,
    previous: Previous,
    turn: Turn,
    scope: dict[str, str] | None = None,
    by_itself: bool = False,
    report: str | None = None,
    withdrawn: bool = False,
    summed_up: bool = False,
) -> list[Alert]:
    """The alerts of a closed or insufficient window, each with the episode that the window belongs to.

    `turn`: what the window does to the stream's episodes. `scope`: what it watched. `by_itself`: its labels
    come without anybody being asked. `report`: the address of its report. `withdrawn`: whether a person has
    withdrawn the channel. A mapping that is upheld in a quiet month raises no alert; one that had to be
    replaced and could not be does. A segment that degraded is reported as the stream's degradation, by name.
    `summed_up`: another alert says that the window has no verdict; here it is said all the same where an
    early warning waits for that verdict.
    """
    alerts: list[Alert] = []
    change = result.change
    facts = to_json(
        WindowFacts.of(
            result,
            turn,
            by_itself=by_itself,
            report=report,
            before=previous.compared,
            withdrawn=withdrawn,
        )
    )

    def tell(kind: str, severity: Severity) -> None:
        alerts.append(
            Alert(
                kind=kind,
                stream=result.stream,
                period=result.period,
                severity=severity,
                facts=facts,
                revision=result.revision,
                episode=turn.current,
            )
        )

    if scope is not None and previous.scope is not None and scope != previous.scope:
        tell("scope_changed", "warning")
    if result.above_limit and previous.other_scope:  # a new stream nearly always begins there
        tell("above_limit", "bad")
    unreadable = result.refit.reason_code in UNREADABLE
    if result.state == "insufficient" and (turn.warning is not None or not summed_up):
        tell("cannot_see" if unreadable else "insufficient_labels", "bad" if unreadable else "warning")
    if is_degraded(result):
        tell("degraded", "bad")
    elif turn.recovered or turn.warning == "not_confirmed":
        tell("recovered", "good")
    if change.confirmed and not result.refit.published:
        tell("refit_vetoed", "warning")
    if any(certificate.kept == "no" for certificate in result.certificates_kept):
        tell("certificate_broken", "bad")
    undecided = turn.warning == "still_open" and result.state != "insufficient"
    if undecided or (underpowered(result) and not previous.underpowered):
        tell("cannot_see", "warning")
    if result.score_mix is not None and result.score_mix.notable:
        tell("score_mix", "warning")
    share = rejected_share(result)
    usual = max(REJECTED_SHARE, REJECTED_FACTOR * (previous.rejected_share or 0.0))
    unknown = result.outcomes.not_an_answer > REJECTED_SHARE * result.sample.n
    if ((share is not None and share > usual) or unknown) and not unreadable:
        tell("rejects_up", "warning")
    return alerts


def labels_not_found(stream: str, period: str, *, gone: int, waiting: int, revision: int = 1) -> Alert:
    """Drawn rows that the traffic no longer holds: their outcomes can never arrive."""
    return Alert(
        kind="labels_not_found",
        stream=stream,
        period=period,
        severity="warning",
        facts={"gone": gone, "waiting": waiting},
        revision=revision,
    )


def early_warning(
    stream: str,
    period: str,
    early: EarlyResult,
    *,
    revision: int = 1,
    episode: str | None = None,
    by_itself: bool = False,
) -> Alert:
    """The labels so far speak against the mapping; the verdict is still to come, and ends the episode.

    `by_itself`: the labels come without anybody being asked.
    """
    facts = {
        "labels": early.labels,
        "e_value": early.e_value,
        "needed": early.needed,
        "by_itself": by_itself,
    }
    return Alert(
        kind="early_warning",
        stream=stream,
        period=period,
        severity="warning",
        facts=facts,
        revision=revision,
        episode=episode,
    )


def underpowered(result: WindowResult) -> bool:
    """Whether a window found no change and could not have seen even a rise of `UNDERPOWERED_RISE`."""
    detectable = result.change.minimum_detectable_rise
    return result.change.state == "no_change_seen" and (detectable is None or detectable > UNDERPOWERED_RISE)


def rejected_share(result: WindowResult) -> float | None:
    """The share of a window's own rows that do not count; None where it has no row at all."""
    return share_of(result.population, result.rejected)
