"""Which findings of a probe's run become alerts. Pure: the result of a run in, alerts out."""

from __future__ import annotations

from calib.alerts.alert import Alert
from calib.json_object import Json


def findings(result: Json) -> list[str]:
    """The kinds of finding in a run's result: `cannot_see`, `degraded`, `scope_changed`."""
    kinds = []
    if result["state"] in ("cannot_see", "degraded"):
        kinds.append(result["state"])
    if result["served_new"]:
        kinds.append("scope_changed")
    return kinds


def probe_alerts(result: Json, *, before: Json | None) -> list[Alert]:
    """The alerts of a run, with the probe's name as their stream.

    `before` is the result of the run before, where that was compared with the same accepted answers: what it
    found already is not reported again, nor is a change that does no harm.
    """
    known = set() if before is None else {(kind, _detail(kind, before)) for kind in findings(before)}
    facts = {"cannot_see": _unseen, "degraded": _worse, "scope_changed": _other_model}
    return [
        Alert(
            kind=kind,
            stream=result["probe"],
            period=result["period"],
            severity="bad" if kind == "degraded" else "warning",
            facts={"probe": facts[kind](result)},
        )
        for kind in findings(result)
        if (kind, _detail(kind, result)) not in known
    ]


def _detail(kind: str, result: Json) -> tuple[str, ...]:
    return tuple(result["served_new"]) if kind == "scope_changed" else ()


def _unseen(result: Json) -> Json:
    replies = result["replies"]
    return {"why": result["why"], "lost": [*replies["failed"].items(), *replies["unread"].items()]}


def _worse(result: Json) -> Json:
    accuracy = ("accuracy", "accuracy_low", "accuracy_high")
    paired = ("questions", "brier_rise", "brier_rise_low", "brier_rise_high", "p", "lost", "gained")
    return {
        "model": result["model"],
        "paired": {key: result["paired"][key] for key in paired},
        "now": {key: result["now"][key] for key in accuracy},
        "before": {key: result["before"][key] for key in accuracy},
        "accepted_in": result["accepted"]["period"],
        "change": {key: result["change"][key] for key in ("state", "p")},
    }


def _other_model(result: Json) -> Json:
    return {
        "model": result["model"],
        "total": sum(result["served"].values()),
        "served_new": {name: result["served"][name] for name in result["served_new"]},
        "accepted_served": result["accepted"]["served"],
    }
