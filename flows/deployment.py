"""How a flow finds its settings: a path given as parameter, else `CALIB_CONFIG`, else ./calib.toml."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from calib.wiring import Deployment, utc_now


def deployment(config: str | None, now: datetime | None) -> Deployment:
    """Open the deployment, its database brought up to date; `now` replaces the wall clock, for tests."""
    path = Path(config or os.environ.get("CALIB_CONFIG", "calib.toml"))
    return Deployment.open(path, now=utc_now if now is None else lambda: now, migrates=True)
