"""The ports through which the cycle touches the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from calib.cycle.report_links import Reports
    from calib.store import Store
    from calib.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside: our database, the object store, the traffic's engine and the clock.

    `reports`: where the reports that the store keeps are linked to; None: none are kept.
    """

    engine: Engine
    store: Store
    traffic: Traffic
    now: Callable[[], datetime]
    reports: Reports | None = None
