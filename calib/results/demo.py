"""The object that `calib demo --json` prints: the year's windows with the truth beside them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from calib.json_object import Json
from calib.results.codec import from_json, to_json
from calib.results.window import WindowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The ECEs over every row of the month, which only the demo can know."""

    raw_ece: float
    served_ece: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoWindow(WindowResult):
    """A month as `calib run --json` shows it, and its truth."""

    true: Truth

    @classmethod
    def of(cls, window: WindowResult, *, true: Truth, delivered: Collection[str]) -> Self:
        """A month with its truth; `delivered`: the ids of the alerts that a relay has delivered since."""
        values: Json = window.to_json() | {"true": to_json(true)}
        values["alerts"] = [alert | {"delivered": alert["id"] in delivered} for alert in values["alerts"]]
        return from_json(cls, values, what=f"the demo's window {window.period}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoYear:
    """The year; `changed_at`: the month in which the camera slipped; the others are paths.

    `report`, `fleet`: the last month's report and the page of all streams; `picture`: the year and its truth.
    """

    changed_at: str
    windows: tuple[DemoWindow, ...]
    report: str
    fleet: str
    picture: str
    store: str

    def to_json(self) -> Json:
        """The object of `calib demo --json`; its JSON Schema is `docs/reference/json/demo.schema.json`."""
        return to_json(self)
