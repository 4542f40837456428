"""An alert that means nothing, to see that a place takes alerts: sent past the outbox, and read back."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import Engine

from calib.alerts.blocks import section
from calib.alerts.message import Message
from calib.errors import DeliveryError
from calib.json_object import Json
from calib.outbox.deployment import identity
from calib.outbox.place import Parcel, Place
from calib.redaction import reason

TEXT = "calibwatch: this is a test. Alerts of this deployment arrive here. Nothing has to be done."
BACK = timedelta(minutes=10)  # clocks differ


def try_place(engine: Engine, place: Place, *, now: datetime) -> Json:
    """The place, whether it took the test alert, and what is known of it: the fields of `PlaceTested`."""
    with engine.begin() as conn:
        deployment = identity(conn, now=now)
    parcel = Parcel(
        id=str(uuid.uuid4()),
        deployment=deployment,
        created_at=now,
        payload={
            "kind": "test",
            "stream": "calibwatch",
            "period": f"{now:%Y-%m-%d}",
            "severity": "good",
            "facts": {},
        },
        message=Message(text=TEXT, blocks=[section(TEXT)], title=TEXT),
    )
    try:
        place.send(parcel)
        says = _read_back(place, parcel, now)
    except DeliveryError as error:
        return {"place": place.name, "ok": False, "says": reason(error)}
    return {"place": place.name, **says}


def _read_back(place: Place, parcel: Parcel, now: datetime) -> Json:
    """Whether the place shows what was just sent; one that cannot be asked has taken it, and that is all."""
    if place.name != "slack":
        return {"ok": True, "says": "took the test alert; it cannot be read back there"}
    try:
        found = place.find(parcel, now - BACK)
    except DeliveryError:
        return {
            "ok": True,
            "says": "took the test alert; it cannot be read back, so that an alert may come "
            "twice: {reason(error)}",
        }
    if found is None:
        return {"ok": False, "says": "took the test alert, and does not show it"}
    return {"ok": True, "says": "took the test alert, and it was read back"}
