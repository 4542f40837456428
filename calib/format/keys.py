"""The names of stored objects: streams, channels, mappings, entries, hints."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")  # of streams and channels
DIGEST = re.compile(r"[0-9a-f]{64}")  # SHA-256 in lower-case hex
LAST_EPOCH, LAST_GENERATION = 9999, 10**12 - 1  # the largest numbers that an entry's key has digits for


def mapping_key(stream: str, digest: str) -> str:
    """The key of a mapping."""
    return f"{stream}/mappings/{digest}.json"


def channel_prefix(stream: str, channel: str) -> str:
    """What the keys of all entries of a channel begin with."""
    return f"{stream}/channels/{channel}/"


def entry_key(stream: str, channel: str, epoch: int, generation: int) -> str:
    """The key of a channel's entry. Keys sort as entries do: by epoch, then by generation."""
    return f"{channel_prefix(stream, channel)}{epoch:04d}-{generation:012d}.json"


def hint_key(stream: str, channel: str) -> str:
    """The key of `latest.json`, a hint where the newest entry is. Whoever reads it verifies the entry."""
    return f"{channel_prefix(stream, channel)}latest.json"
