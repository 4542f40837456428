"""Public fakes and faults: for those who build on calibwatch, and for its own tests."""

from __future__ import annotations
