"""A project whose pages are served."""

from __future__ import annotations

from pathlib import Path

import pytest
from web_pages import Pages


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """The pages of a project without windows and without reviewers, on SQLite."""
    return Pages(tmp_path)
