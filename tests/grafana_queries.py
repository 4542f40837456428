"""The queries of the Grafana dashboards, as Grafana sends them to the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grafana_plugin

FOLDER = Path(__file__).resolve().parents[1] / "dashboards" / "grafana"
NAMES = ("fleet.json", "stream.json")


def stored(name: str) -> dict[str, Any]:
    """A dashboard as it is stored."""
    made: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return made


def targets(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The title of each panel with each of its targets."""
    return [(panel["title"], target) for panel in stored(name)["panels"] for target in panel["targets"]]


def queries() -> list[tuple[str, str, str]]:
    """Dashboard, panel and SQL of each query, those of the choices included."""
    of_panels = [
        (name, title, target["rawSql"])
        for name in NAMES
        for title, target in targets(name)
        if "rawSql" in target
    ]
    choices = [
        (name, choice["name"], choice["query"])
        for name in NAMES
        for choice in stored(name)["templating"]["list"]
        if choice["type"] == "query"
    ]
    return of_panels + choices


def series() -> set[str]:
    """The SQL of the queries whose answers Grafana reads as time series."""
    every = [target for name in NAMES for _, target in targets(name)]
    return {target["rawSql"] for target in every if target.get("format") == "time_series"}


def as_grafana_sends_it(sql: str, *, stream: str, period: str) -> str:
    """The query with Grafana's macros and variables put in, for SQLAlchemy's `text`."""
    return grafana_plugin.sent(sql, stream=stream, period=period).replace(":", "\\:")
