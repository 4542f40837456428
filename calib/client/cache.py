"""The last known good, on disk: written whole or not at all, checked like anything else when read.

Each entry has a file of its own, named by epoch and generation, so that several processes can share the
folder: whoever is behind cannot overwrite whoever is ahead, and no lock is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path

from calib.client.trust import Trusted, admit
from calib.errors import ArtifactError
from calib.format import Entry
from calib.format.document import LARGEST

KEPT = 2  # files: the newest, and the one before should it turn out to be damaged
UNFINISHED = ".unfinished"
NAME = re.compile(r"\d{4}-\d{12}\.json")


class Cache:
    """One folder for one channel of one stream; a failing disk costs the cache, never the client."""

    def __init__(self, folder: Path, *, stream: str, channel: str) -> None:
        self._folder = folder / stream / channel
        self._stream, self._channel = stream, channel

    def load(self) -> Trusted | None:
        """The newest entry that was saved; None where all are missing, torn or of another channel."""
        for path in self._files():
            try:
                if path.stat().st_size > 3 * LARGEST:
                    continue
                saved = json.loads(path.read_bytes())
                entry = Entry.from_bytes(saved["entry"].encode())
                if entry.digest != saved["digest"]:
                    continue  # one flipped bit, and the store's own log would look like a fork
                if (entry.stream, entry.channel) == (self._stream, self._channel):
                    return admit(saved["mapping"].encode(), entry)
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ArtifactError):
                continue
        return None

    def save(self, trusted: Trusted) -> str:
        """Add the entry: a file is written, synced and renamed, and the folder synced; then old ones go.

        Returns what went wrong, in words; nothing for success.
        """
        content = {
            "entry": trusted.entry.to_bytes().decode(),
            "digest": trusted.entry.digest,
            "mapping": trusted.mapping.to_bytes().decode(),
        }
        name = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=UNFINISHED)
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(content).encode())
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._folder / "{:04d}-{:012d}.json".format(*trusted.entry.position))
            name = None
        except OSError as error:
            return f"the cache in {self._folder} cannot be written: {error.strerror or error}"
        finally:
            if name is not None:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
        with contextlib.suppress(OSError):  # the entry is there; the rest is housekeeping
            self._sync()
            self._tidy()
        return ""

    def _files(self) -> list[Path]:
        """Newest first."""
        try:
            return sorted((p for p in self._folder.iterdir() if NAME.fullmatch(p.name)), reverse=True)
        except OSError:
            return []

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _tidy(self) -> None:
        """Remove what newer entries have replaced, and what a killed process left unfinished."""
        for path in self._files()[KEPT:]:
            path.unlink(missing_ok=True)
        newest = max(path.stat().st_mtime for path in self._files())
        for path in self._folder.glob(f"*{UNFINISHED}"):
            if path.stat().st_mtime < newest - 3600:  # seconds: no write takes as long
                path.unlink(missing_ok=True)
