"""What a probe's run found, and who must hear of it. Pure."""

from __future__ import annotations

from typing import Any

from calib.alerts import Alert

ACCEPT = "`calib probe {probe} --accept` makes these answers the ones to compare with"


def findings(result: dict[str, Any]) -> list[str]:
    """The kinds of finding in a run's result: `cannot_see`, `degraded`, `scope_changed`."""
    found = []
    if result["state"] in ("cannot_see", "degraded"):
        found.append(result["state"])
    if result["served_new"]:
        found.append("scope_changed")
    return found


def probe_alerts(result: dict[str, Any], *, before: dict[str, Any] | None) -> list[Alert]:
    """The alerts of a run, with the probe's name as their stream.

    `before` is the result of the run before, where that was compared with the same accepted answers: what it
    found already is no news. A change that hurts nobody is not told.
    """
    known = set() if before is None else {(kind, _detail(kind, before)) for kind in findings(before)}
    words = {"cannot_see": _unseen, "degraded": _worse, "scope_changed": _other_model}
    return [
        Alert(
            kind=kind,
            stream=result["probe"],
            period=result["period"],
            severity="bad" if kind == "degraded" else "warning",
            facts=words[kind](result),
        )
        for kind in findings(result)
        if (kind, _detail(kind, result)) not in known
    ]


def _detail(kind: str, result: dict[str, Any]) -> tuple[str, ...]:
    return tuple(result["served_new"]) if kind == "scope_changed" else ()


def _unseen(result: dict[str, Any]) -> dict[str, Any]:
    replies = result["replies"]
    parts = [*replies["failed"].items(), *replies["unread"].items()]
    reasons = ", ".join(f"{n} {why.replace('_', ' ')}" for why, n in parts)
    return {
        "what": f"{result['why']}." + (f" Replies that were no use: {reasons}." if reasons else ""),
        "next": f"see the endpoint; `calib probe {result['probe']}` asks again what got no reply",
    }


def _worse(result: dict[str, Any]) -> dict[str, Any]:
    paired, change, accepted = result["paired"], result["change"], result["accepted"]
    return {
        "what": (
            f"On {paired['questions']} fixed questions the Brier score moved by {paired['brier_rise']:+.3f} "
            f"({paired['brier_rise_low']:+.3f} to {paired['brier_rise_high']:+.3f}), p = {paired['p']:.4f}: "
            f"{paired['lost']} answers turned wrong, {paired['gained']} right. Accuracy "
            f"{_share(result['now'])}, {_share(result['before'])} when accepted in {accepted['period']}. "
            f"The change test by confidence: {change['state'].replace('_', ' ')}, p = {change['p']:.4f}."
        ),
        "next": f"look for what changed at {result['model']}; " + ACCEPT.format(probe=result["probe"]),
    }


def _share(measured: dict[str, Any]) -> str:
    low, high = measured["accuracy_low"], measured["accuracy_high"]
    return f"{measured['accuracy']:.1%} ({low:.1%} to {high:.1%})"


def _other_model(result: dict[str, Any]) -> dict[str, Any]:
    total = sum(result["served"].values())
    said = ", ".join(f"{name} ({result['served'][name]} of {total} replies)" for name in result["served_new"])
    then = ", ".join(result["accepted"]["served"])
    return {
        "what": f"Asked for {result['model']}, and served by {said}; when accepted, by {then}.",
        "next": "mappings are valid for the model that they were fitted on: see each stream's scope; "
        + ACCEPT.format(probe=result["probe"]),
    }
