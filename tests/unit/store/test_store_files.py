"""Files of a store: on the disk before they count, whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from calib.errors import OutcomeUnknown, StoreError
from calib.store import open_store

KEY = "triage/mappings/a.json"


class Disk:
    """What the system was asked to do, in order: the file or folder, and what was done to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, Path]] = []
        self.fails_at: Path | None = None
        fsync, link = os.fsync, os.link

        def recorded_fsync(handle: int) -> None:
            path = Path(f"/proc/self/fd/{handle}").readlink()
            if path == self.fails_at:
                raise OSError(errno.EIO, "Input/output error")
            self.calls.append(("sync", path))
            fsync(handle)

        def recorded_link(source: Any, target: Any) -> None:
            self.calls.append(("name", Path(target)))
            link(source, target)

        monkeypatch.setattr(os, "fsync", recorded_fsync)
        monkeypatch.setattr(os, "link", recorded_link)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("which file a handle is of can be seen on Linux alone")
    return Disk(monkeypatch)


def test_content_is_synced_before_the_name_appears_and_the_folders_after(tmp_path: Path, disk: Disk) -> None:
    store = open_store(f"file:{tmp_path}")
    store.create(KEY, b"content")
    path = tmp_path / KEY
    named = disk.calls.index(("name", path))
    before = [place for what, place in disk.calls[:named] if what == "sync"]
    after = [place for what, place in disk.calls[named:] if what == "sync"]
    assert [place.parent for place in before] == [path.parent]  # the content, under another name
    assert before[0].name.startswith("a.json#")
    assert {path.parent, path.parent.parent, tmp_path} <= set(after)


def test_what_another_process_wrote_is_synced_before_it_counts_as_ours(tmp_path: Path, disk: Disk) -> None:
    """It may have died between naming its file and syncing the folder."""
    path = tmp_path / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(b"content")
    open_store(f"file:{tmp_path}").create(KEY, b"content")
    assert {path, path.parent, tmp_path} <= {place for what, place in disk.calls if what == "sync"}


def test_a_name_that_does_not_reach_the_disk_is_not_reported_as_written(tmp_path: Path, disk: Disk) -> None:
    store = open_store(f"file:{tmp_path}")
    disk.fails_at = (tmp_path / KEY).parent
    with pytest.raises(OutcomeUnknown, match="not safely on the disk"):
        store.create(KEY, b"content")
    disk.fails_at = None
    store.create(KEY, b"content")


def test_nothing_is_named_whose_content_did_not_reach_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    monkeypatch.setattr("calib.store.objects.FIRST_WAIT", 0.001)
    store = open_store(f"file:{tmp_path}")
    with pytest.raises(StoreError, match="cannot be written"):
        store.create(KEY, b"content")
    assert store.get(KEY) is None
    assert not list((tmp_path / KEY).parent.iterdir())


def test_an_unfinished_file_of_a_process_that_died_is_not_listed(tmp_path: Path) -> None:
    store = open_store(f"file:{tmp_path}")
    store.create(KEY, b"content")
    (tmp_path / f"{KEY}#123").write_bytes(b"cont")
    assert store.keys("triage/") == [KEY]
