"""Object storage: immutable mappings, and the channels that name them."""

from __future__ import annotations

from calib.channel import Entry, moment, timestamp
from calib.store.channels import ANY, create_mapping, open_epoch, promote, publish, rollback
from calib.store.log import active_at, channels, head, history, mappings, read_mapping
from calib.store.objects import Store, open_store
from calib.store.verification import Finding, Verification, verify

__all__ = [
    "ANY",
    "Entry",
    "Finding",
    "Store",
    "Verification",
    "active_at",
    "channels",
    "create_mapping",
    "head",
    "history",
    "mappings",
    "moment",
    "open_epoch",
    "open_store",
    "promote",
    "publish",
    "read_mapping",
    "rollback",
    "timestamp",
    "verify",
]
