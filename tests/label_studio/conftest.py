"""The Label Studio of these tests: a fake, or the real one where `make test-label-studio` runs them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from label_studio_desk import VENV, Desk, Server, of_fake
from label_studio_fake import FakeLabelStudio
from queues import database

collect_ignore = ["test_label_studio_faults.py"] if VENV else ["test_label_studio_real.py"]


@pytest.fixture(scope="session")
def real_server() -> Iterator[tuple[Path, Server]]:
    """label-studio itself, on loopback, with the folder of its data."""
    from label_studio_server import label_studio

    assert VENV is not None
    with label_studio(Path(VENV)) as (folder, url, legacy, personal, people):
        yield folder, Server(url=url, legacy=legacy, personal=personal, people=people)


@pytest.fixture
def label_studio_folder(real_server: tuple[Path, Server]) -> Path:
    return real_server[0]


@pytest.fixture
def fake() -> Iterator[FakeLabelStudio]:
    """The fake, where a test needs it to go wrong."""
    with FakeLabelStudio() as server:
        yield server


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    if VENV:
        return request.getfixturevalue("real_server")[1]  # type: ignore[no-any-return]
    return of_fake(request.getfixturevalue("fake"))


@pytest.fixture
def desk(tmp_path: Path, server: Server) -> Desk:
    return Desk(database(tmp_path), server, f"t {uuid.uuid4().hex[:12]}")


@pytest.fixture
def another_desk(tmp_path: Path, desk: Desk) -> Callable[[], Desk]:
    """Another deployment that names the same project."""

    def make() -> Desk:
        (tmp_path / "other").mkdir()
        return Desk(database(tmp_path / "other"), desk.server, desk.project)

    return make
