"""The last known good, on disk: written whole or not at all, checked like anything else when read."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from calib.channel import Entry
from calib.client.trust import Trusted, admit
from calib.errors import ArtifactError
from calib.mapping import LARGEST


class Cache:
    """One file for one channel of one stream; a failing disk costs the cache, never the client."""

    def __init__(self, folder: Path, *, stream: str, channel: str) -> None:
        self._path = folder / f"{stream}.{channel}.json"
        self._stream, self._channel = stream, channel

    def load(self) -> Trusted | None:
        """What was saved last; None where that is missing, torn, too large or for another channel."""
        try:
            if self._path.stat().st_size > 3 * LARGEST:
                return None
            saved = json.loads(self._path.read_bytes())
            entry = Entry.from_bytes(saved["entry"].encode())
            if (entry.stream, entry.channel) != (self._stream, self._channel):
                return None
            return admit(saved["mapping"].encode(), entry)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ArtifactError):
            return None

    def save(self, trusted: Trusted) -> None:
        """Replace the file: a new one is written, synced and renamed, and the folder synced."""
        content = {
            "entry": trusted.entry.to_bytes().decode(),
            "mapping": trusted.mapping.to_bytes().decode(),
        }
        name = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(content).encode())
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
            name = None
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            return
        finally:
            if name is not None:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
