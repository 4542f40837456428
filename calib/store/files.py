"""Creating files that survive a power cut whole or not at all.

obstore writes files too, but leaves them in the system's cache: after a power cut a name can be there without
its content, and an empty entry ruins a log. So the content reaches the disk before the name appears.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def create_file(folder: Path, key: str, data: bytes) -> None:
    """Create `key` below `folder`, which no other process or thread can then create again.

    The content is written under another name and synced; then the file gets its own name, at once and only if
    that is free. The name itself is on the disk after `sync_file`. A process that dies before leaves nothing,
    or a file `NAME#NUMBER`, which obstore does not list. Raises `FileExistsError`, and any other `OSError`.
    """
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}#{secrets.randbits(63)}")
    try:
        with unfinished.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def sync_file(folder: Path, key: str) -> None:
    """Make sure that an existing file, whoever wrote it, and the names that lead to it are on the disk.

    Raises `OSError`.
    """
    path = folder / key
    _sync(path)
    if os.name == "posix":  # elsewhere a folder cannot be opened, and names are written through
        for parent in path.parents:
            if parent.is_relative_to(folder):
                _sync(parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
