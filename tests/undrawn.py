"""Windows whose reports are stored without being drawn: drawing takes half the time of a window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def undrawn() -> Iterator[None]:
    """Each report is one line; for tests of many windows, which do not read their reports."""
    with patch("calib.report.page.report_page", lambda months: f"<p>{len(months)} months</p>"):
        yield
