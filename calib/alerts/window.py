"""Which findings of a window people are told of. Pure: the result of a window in, alerts out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calib.alerts.alert import Alert, Severity

REJECTS_SHARE = 0.05  # of all rows
REJECTS_FACTOR = 3  # times the share of the window before
BLIND = 0.15  # a window that cannot see a rise of this size watches nothing
SHOWN = 5  # segments that a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What the policy must know of earlier windows.

    `degradation_open`: a degradation was reported and no recovery since. `degraded_mappings`: what served
    then. `rejected_share`: of the window before, None where there was none. `blind`: that window could not
    have seen even a large rise. `scope`: its scope, None where there was none.
    """

    degradation_open: bool
    degraded_mappings: tuple[str | None, ...]
    rejected_share: float | None
    blind: bool = False
    scope: dict[str, str] | None = None


def window_alerts(
    result: dict[str, Any], *, previous: Previous, max_rise: float, scope: dict[str, str] | None = None
) -> list[Alert]:
    """The alerts of a closed or insufficient window, given the object that `calib run --json` prints.

    `scope`: what the window watched. A mapping that is upheld in a quiet month is no news; one that had to be
    replaced and could not be is. A segment that degraded is told as the stream's degradation, by name.
    """
    stream, period = result["stream"], result["period"]
    found: list[Alert] = []

    def tell(kind: str, severity: Severity) -> None:
        found.append(Alert(kind=kind, stream=stream, period=period, severity=severity, facts=_facts(result)))

    if scope is not None and previous.scope is not None and scope != previous.scope:
        tell("scope_changed", "warning")
    state = result["change"]["state"]
    if result["state"] == "insufficient":
        tell("insufficient_labels", "warning")
    if state == "degraded" or degraded_segments(result):
        tell("degraded", "bad")
    elif state is not None and previous.degradation_open and _recovered(result, previous, max_rise):
        tell("recovered", "good")
    if state in ("degraded", "changed") and not result["refit"]["published"]:
        tell("refit_vetoed", "warning")
    if blind(result) and not previous.blind:
        tell("cannot_see", "warning")
    if (result.get("score_mix") or {}).get("notable"):
        tell("score_mix", "warning")
    share = rejected_share(result)
    usual = max(REJECTS_SHARE, REJECTS_FACTOR * (previous.rejected_share or 0.0))
    if share is not None and share > usual:
        tell("rejects_up", "warning")
    return found


def early_warning(stream: str, period: str, early: dict[str, Any]) -> Alert:
    """The labels so far speak against the mapping; the verdict is still to come."""
    facts = {key: early[key] for key in ("labels", "e_value", "needed")}
    return Alert(kind="early_warning", stream=stream, period=period, severity="warning", facts=facts)


def degraded_segments(result: dict[str, Any]) -> list[str]:
    """The segments of a window's result that degraded."""
    return [
        name
        for name, part in (result.get("segments") or {}).items()
        if part["change"] is not None and part["change"]["state"] == "degraded"
    ]


def blind(result: dict[str, Any]) -> bool:
    """Whether a window compared, found nothing, and could not have seen even a rise of `BLIND`."""
    change = result["change"]
    seen = change["minimum_detectable_rise"]
    return change["state"] == "no_change_seen" and (seen is None or seen > BLIND)


def rejected_share(result: dict[str, Any]) -> float | None:
    """The share of a window's rows that do not count; None where it has no row at all."""
    rejected = sum(result["rejected"].values())
    total = rejected + result["population"]
    return rejected / total if total else None


def _recovered(result: dict[str, Any], previous: Previous, max_rise: float) -> bool:
    """Wholly served by a newer mapping, and its served ECE is small again."""
    served = result["served"]
    used = [part["mapping"] for part in served["mappings"]]
    newer = bool(used) and None not in used and not set(used) & set(previous.degraded_mappings)
    return newer and served["ece"] is not None and served["ece"] <= max_rise


def _facts(result: dict[str, Any]) -> dict[str, Any]:
    """What a message may say."""
    measured = ("ece", "low", "high", "accuracy", "mean_confidence")
    change, refit, mix = result["change"], result["refit"], result.get("score_mix")
    segments = result.get("segments") or {}
    return {
        "labels": result["labels"],
        "population": result["population"],
        "rejected": result["rejected"],
        "raw": {key: result["raw"][key] for key in measured},
        "served": {key: result["served"][key] for key in measured},
        "change": {
            key: change.get(key)
            for key in ("state", "p", "rise", "low", "high", "minimum_detectable_rise", "direction")
        },
        "refit": {
            key: refit.get(key) for key in ("published", "reason", "mapping", "ece_before", "ece_after")
        },
        "channel": result["channel"],
        "score_mix": {key: mix[key] for key in ("moved", "usual", "ece_from_mix")} if mix else None,
        "segments": [
            {"name": name}
            | {key: segments[name]["change"][key] for key in ("rise", "low", "high", "p", "direction")}
            for name in degraded_segments(result)[:SHOWN]
        ],
    }
