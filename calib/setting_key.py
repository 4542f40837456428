"""One key of calib.toml: its meaning, its default and its limits, which the models of the settings share."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]


def known_zone(name: str) -> str:
    """The name of a time zone as it is; `ValueError` for one that there is not."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"no time zone is called {name!r}: write one like Europe/Vienna") from None
    return name


def key(default: Any, meaning: str, example: Any = None, **limits: Any) -> Any:
    """A key of calib.toml with its meaning in plain words, which `calib init` writes beside it.

    `example` is shown if there is no default.
    """
    return Field(default, description=meaning, examples=None if example is None else [example], **limits)


class Frozen(BaseModel):
    """A table of calib.toml: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")
