"""Object storage: immutable mappings, and the channels that name them."""

from __future__ import annotations

from calib.channel import Entry, moment, timestamp
from calib.store.channels import (
    ANY,
    active_at,
    channels,
    create_mapping,
    head,
    history,
    mappings,
    promote,
    publish,
    read_mapping,
    rollback,
)
from calib.store.objects import Store, open_store

__all__ = [
    "ANY",
    "Entry",
    "Store",
    "active_at",
    "channels",
    "create_mapping",
    "head",
    "history",
    "mappings",
    "moment",
    "open_store",
    "promote",
    "publish",
    "read_mapping",
    "rollback",
    "timestamp",
]
