"""The ports through which the cycle touches the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from calib.alerts.cohort import Reviewers
from calib.errors import InvalidInput
from calib.json_object import Json

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.cycle.report_links import Reports
    from calib.review.label_studio_tasks import StudioPort
    from calib.store import Store
    from calib.traffic import Traffic


def no_studio(stream: str, place: Json | None) -> StudioPort:
    """For a deployment that speaks to no Label Studio."""
    del place
    raise InvalidInput(f"{stream}: calib.toml names no Label Studio for this stream; set review.url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside: our database, the object store, the traffic's engine and the clock.

    `reports`: where the reports that the store keeps are linked to; None: none are kept. `studio`: how a
    stream gets to Label Studio, given what the window's settings say of it. `reviewers`: where the stream is
    labelled, and where its reviewers are told of it. `quiet_line`: whether a window without any finding is
    told in a line. `summed_up`: one alert says which of many windows closed without a verdict, so that these
    raise none of their own.
    """

    engine: Engine
    store: Store
    traffic: Traffic
    now: Callable[[], datetime]
    reports: Reports | None = None
    studio: Callable[[str, Json | None], StudioPort] = no_studio
    reviewers: Reviewers = field(default_factory=Reviewers)
    quiet_line: bool = False
    summed_up: bool = False
