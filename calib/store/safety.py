"""Does a store refuse to create an object that is there already? Everything that is published rests on it."""

from __future__ import annotations

from contextlib import suppress

from calib.errors import Conflict
from calib.store.objects import Store

KEY = "calibwatch-check.json"
FIRST = b'{"format":"calibwatch.check/1"}'
OTHER = b'{"format":"calibwatch.check/1","again":true}'


def refuses_second_creation(store: Store) -> bool:
    """Create the object `calibwatch-check.json` once, then try to create it with other bytes.

    False where the store takes them: it knows no conditional creation, or was told of it and did not mind. In
    one that refuses, a single object is written, by the first call ever. Raises `StoreError` where the store
    cannot be read or written.
    """
    with suppress(Conflict):  # taken by the other bytes, in a store that did not refuse them once
        store.create(KEY, FIRST)
    try:
        store.create(KEY, OTHER if store.get(KEY) == FIRST else FIRST)
    except Conflict:
        return True
    return False
