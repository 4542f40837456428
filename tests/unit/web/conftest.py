"""A project whose pages are served."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import World
from watched_streams import NOW, WatchedPages, watched_streams
from web_pages import Pages


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """The pages of a project without windows and without reviewers, on SQLite."""
    return Pages(tmp_path)


@pytest.fixture(scope="session")
def watched_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Streams with closed periods and an open cohort, for tests that change nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALIB_REPORTS", "true")
        return watched_streams(tmp_path_factory.mktemp("watched"))


@pytest.fixture
def changeable_world(watched_world: World, tmp_path: Path) -> World:
    """A copy of the same, for a test that changes it."""
    shutil.copytree(watched_world.folder, tmp_path / "copy")
    return World(tmp_path / "copy")


@pytest.fixture
def watched_pages(changeable_world: World, monkeypatch: pytest.MonkeyPatch) -> WatchedPages:
    """The pages of such a copy."""
    monkeypatch.setenv("CALIB_REPORTS", "true")
    return WatchedPages(changeable_world.folder, now=NOW)
