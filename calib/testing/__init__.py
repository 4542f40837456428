"""Public fakes and faults: for our own tests, and for those who build on calibwatch."""

from __future__ import annotations
