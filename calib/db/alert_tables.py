"""The tables of alerts: what was raised, where it went, who silenced or acknowledged it, and whose it is."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
)

from calib.db.columns import NULLABLE_JSON, Moment, metadata

deployment = Table(
    "deployment",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),  # always 1: there is one row
    Column("identity", String(36), nullable=False),  # made with the database; stands beside each alert's id
    Column("made_at", Moment, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("stream", String(63)),  # null: every stream
    Column("kind", String(32)),  # null: every kind
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),  # earlier than it was said where a person ended it
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_silences_until", "until"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(36), primary_key=True),  # the alert's own id, the same for the same alert
    Column("kind", String(32), nullable=False),  # `note`: no alert, but a line beside one or a quiet month
    Column("stream", String(63), nullable=False),
    Column("period", String(16), nullable=False),
    Column("revision", Integer, nullable=False, default=1, server_default="1"),  # of the window
    Column("payload", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),  # of all deliveries: pending, delivered, parked; or silenced
    Column("episode", String(36)),  # that the alert belongs to: its thread
    Column("about", String(36)),  # of a note: the alert that it is said beside, where there is no episode
    Column("deployment", String(36)),  # whose alert it is; null: stored by calibwatch 0.1.0
    Column("silence_id", ForeignKey("silences.id")),  # what silenced it
    Index("ix_outbox_episode", "episode"),
    Index("ix_outbox_state", "state"),
    Index("ix_outbox_about", "about"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("alert_id", ForeignKey("outbox.id"), primary_key=True),
    Column("place", String(32), primary_key=True),  # slack, slack-webhook, webhook, terminal
    Column("state", String(16), nullable=False),  # waiting, delivered, parked
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),  # not before; taking an alert postpones it: its lease
    Column("delivered_at", Moment),
    Column("remote", NULLABLE_JSON),  # where it is now, such as channel and ts, and its picture
    Column("last_error", Text),
    Column(
        "malformed", Boolean, nullable=False, default=False, server_default=false()
    ),  # not the place's fault
    Index("ix_deliveries_place_state_next_at", "place", "state", "next_at"),
)

alert_actions = Table(
    "alert_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_id", ForeignKey("outbox.id")),
    Column("silence_id", ForeignKey("silences.id")),
    Column("action", String(16), nullable=False),  # resent, acknowledged, silenced, unsilenced
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_alert_actions_alert_id", "alert_id"),
)
