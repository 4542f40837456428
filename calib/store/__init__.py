"""Object storage: immutable mappings, and the channels that name them."""

from __future__ import annotations

from calib.format import Entry
from calib.store.objects import Store, open_store
from calib.store.publish import ANY, PUBLISHER, Intent, create_mapping, open_epoch, promote, publish
from calib.store.read import active_at, channels, head, history, mappings, read_mapping, recent
from calib.store.verify import verify
from calib.store.way_back import rollback, withdraw

__all__ = [
    "ANY",
    "PUBLISHER",
    "Entry",
    "Intent",
    "Store",
    "active_at",
    "channels",
    "create_mapping",
    "head",
    "history",
    "mappings",
    "open_epoch",
    "open_store",
    "promote",
    "publish",
    "read_mapping",
    "recent",
    "rollback",
    "verify",
    "withdraw",
]
