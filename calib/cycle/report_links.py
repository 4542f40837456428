"""Where the store keeps the report of a window, and the address under which people open it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Where reports are linked to: `base` is the address that the store's keys are read under."""

    base: str

    def link(self, stream: str, period: str, revision: int) -> str:
        """The address of one report."""
        return f"{self.base.rstrip('/')}/{report_key(stream, period, revision)}"


def report_key(stream: str, period: str, revision: int) -> str:
    """Where the store keeps the report of a window."""
    return f"{stream}/reports/{period}-r{revision}.html"
