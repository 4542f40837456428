"""The objects of `calib window`: the revisions of a stream's windows, and what people did with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from calib.json_object import Json
from calib.results.codec import from_json, to_json
from calib.results.window import WindowResult, WindowState


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRevision:
    """One revision of a period's window; `standing`: whether this one counts for the period."""

    period: str
    revision: int
    state: WindowState
    standing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowList:
    """All revisions of a stream's windows, oldest period first."""

    windows: tuple[WindowRevision, ...]

    def to_json(self) -> Json:
        """The object of `calib window list`."""
        return to_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowAction:
    """What a person did: `reopened` made this revision, `discarded` took it out; who, when (UTC) and why."""

    revision: int
    action: str
    by: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownWindow(WindowResult):
    """A revision as `calib run --json` shows it, with what people did with the period's windows."""

    actions: tuple[WindowAction, ...]

    @classmethod
    def of(cls, window: WindowResult, actions: Sequence[WindowAction]) -> Self:
        """The window's result with the actions."""
        values: Json = window.to_json() | {"actions": [to_json(action) for action in actions]}
        return from_json(cls, values, what=f"the window {window.period}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardedWindow:
    """A period that counts in no baseline any more: its revisions, and what people did with them."""

    stream: str
    period: str
    windows: tuple[WindowRevision, ...]
    actions: tuple[WindowAction, ...]

    def to_json(self) -> Json:
        """The object of `calib window discard`."""
        return to_json(self)
