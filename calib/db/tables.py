"""The tables. State lives here, under our own keys; nothing in them that only one engine has."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from calib.db.alert_tables import alert_actions, deliveries, deployment, outbox, silences
from calib.db.columns import NULLABLE_JSON, Moment, metadata

__all__ = [
    "NULLABLE_JSON",
    "Moment",
    "alert_actions",
    "deliveries",
    "deployment",
    "episode_windows",
    "episodes",
    "items",
    "jobs",
    "labels",
    "metadata",
    "outbox",
    "posted_forms",
    "probe_outcomes",
    "probe_replies",
    "probe_runs",
    "reviewers",
    "sign_in_links",
    "silences",
    "skipped_items",
    "web_actions",
    "web_sessions",
    "window_actions",
    "windows",
]

windows = Table(
    "windows",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("stream", String(63), nullable=False),
    Column("period", String(16), nullable=False),
    Column("revision", Integer, nullable=False, default=1, server_default="1"),
    Column("standing", Boolean, nullable=False, default=True, server_default=true()),  # counts for the period
    Column("discarded_at", Moment),  # by a person; a newer revision discards one that is unfinished
    Column("channel", String(63), nullable=False),
    Column("replay", Boolean, nullable=False),  # of a backfill: published as of the period's end
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("as_of", Moment, nullable=False),  # the window's nominal time: end and settling
    Column("closes_at", Moment, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("settings", JSON, nullable=False),  # as they were when the window opened
    Column("design", JSON, nullable=False),
    Column("baseline", JSON, nullable=False),  # empty until the window is evaluated
    Column("population", BigInteger, nullable=False),
    Column("rejected", JSON, nullable=False),  # and, of drawn rows, `not_an_answer` and `not_found`
    Column("sample_digest", String(64), nullable=False),
    Column("resets_baseline", Boolean, nullable=False),  # a change was confirmed here
    Column("evaluated_at", Moment),
    Column("closed_at", Moment),
    Column("result", NULLABLE_JSON),
    UniqueConstraint("stream", "period", "revision"),
    Index(
        "uq_windows_standing",
        "stream",
        "period",
        unique=True,
        sqlite_where=text("standing"),
        postgresql_where=text("standing"),
    ),
)

window_actions = Table(
    "window_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("window_id", ForeignKey("windows.id"), nullable=False),
    Column("action", String(16), nullable=False),  # reopened, discarded
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_window_actions_window_id", "window_id"),
)

# A row that two people look at, and that one has answered. SQLite takes the index only where a query says the
# same in the same words.
ONE_HAS_LOOKED = "twice AND people = 1 AND label_id IS NOT NULL"

items = Table(
    "items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("window_id", ForeignKey("windows.id"), nullable=False),
    Column("prediction_id", Text, nullable=False),
    Column("ts", Moment, nullable=False),
    Column("stratum", Integer, nullable=False),
    Column("draw_order", String(16), nullable=False),
    Column("probability", Float, nullable=False),
    Column("raw", Float, nullable=False),
    Column("served", Float, nullable=False),
    Column("mapping", String(64)),  # that made `served`; null: the raw confidence was used
    Column("segment", Text),
    Column("cluster", Text),
    Column("judge", Float),
    Column("trace", Text),
    Column("context", NULLABLE_JSON),  # what reviewers see; erased after a while
    Column("lease_token", Integer, nullable=False, default=0),  # grows with each lease: a fence
    Column("leased_by", Text),
    Column("lease_until", Moment),
    Column("label_id", Integer),  # the one label that counts
    Column("twice", Boolean, nullable=False, default=False, server_default=false()),  # two people look at it
    Column(
        "people", Integer, nullable=False, default=0, server_default="0"
    ),  # who answered it, where `twice`
    UniqueConstraint("window_id", "prediction_id"),
    Index("ix_items_prediction_id", "prediction_id"),
    Index("ix_items_leased_by_lease_until", "leased_by", "lease_until"),
    # What a claim reads: rows leave these indexes once nobody is to be asked about them any more.
    Index(
        "ix_items_waiting",
        "window_id",
        "draw_order",
        "id",
        sqlite_where=text("label_id IS NULL"),
        postgresql_where=text("label_id IS NULL"),
    ),
    Index(
        "ix_items_second_look",
        "window_id",
        "draw_order",
        "id",
        sqlite_where=text(ONE_HAS_LOOKED),
        postgresql_where=text(ONE_HAS_LOOKED),
    ),
    Index("ix_items_response", "window_id", "stratum", "label_id"),  # counts without the rows and their texts
)

skipped_items = Table(
    "skipped_items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("items.id"), nullable=False),
    Column("by", Text, nullable=False),
    Column("until", Moment, nullable=False),  # not offered to this person before
    UniqueConstraint("item_id", "by"),
)

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("items.id"), nullable=False),
    Column("answer", String(16), nullable=False),  # correct, incorrect, unsure
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("source", String(16), nullable=False),  # review, file, label-studio, outcome, decision
    Column("comment", Text),  # for whoever decides; erased with what reviewers see
    Column("blind", Boolean, nullable=False, default=True, server_default=true()),  # and in time
    Column("current", Boolean, nullable=False, default=True, server_default=true()),  # this person's last one
    Column("sheet", String(16)),  # the export that a file's row came from
    Column("taken_back_at", Moment),  # by whoever gave it: it counts no more
    Index("ix_labels_item_id", "item_id"),
    Index("ix_labels_by_at", "by", "at"),
)

reviewers = Table(
    "reviewers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),  # as labels and actions have it in `by` and `who`
    Column("role", String(16), nullable=False),  # reviewer, admin
    Column("streams", NULLABLE_JSON),  # a list of names; null: every stream
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    UniqueConstraint("name"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hash", String(64), nullable=False),  # SHA-256 of the link's token, which is kept nowhere
    Column("reviewer_id", ForeignKey("reviewers.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    UniqueConstraint("hash"),
    Index("ix_sign_in_links_reviewer_id", "reviewer_id"),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hash", String(64), nullable=False),  # SHA-256 of the cookie's token
    Column("reviewer_id", ForeignKey("reviewers.id")),  # null: the start token of a page without reviewers
    Column("csrf", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("ended_at", Moment),
    UniqueConstraint("hash"),
    Index("ix_web_sessions_reviewer_id", "reviewer_id"),
)

web_actions = Table(
    "web_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("who", Text, nullable=False),
    Column("what", String(32), nullable=False),  # signed_in, labelled, promoted, withdrew, …
    Column("at", Moment, nullable=False),
    Column("stream", String(63)),
    Column("details", NULLABLE_JSON),  # ids, numbers and words of ours: no text of a person or a model
    Index("ix_web_actions_stream_at", "stream", "at"),
    Index("ix_web_actions_at", "at"),
)

posted_forms = Table(
    "posted_forms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False),  # SHA-256 of a form's random text: it is carried out once
    Column("at", Moment, nullable=False),
    UniqueConstraint("key"),
    Index("ix_posted_forms_at", "at"),
)

probe_runs = Table(
    "probe_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("probe", String(63), nullable=False),
    Column("period", String(16), nullable=False),
    Column("setup_digest", String(64), nullable=False),  # asked otherwise, it is another run
    Column("setup", JSON, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("result", NULLABLE_JSON),
    Column("accepted_at", Moment),  # what later runs are compared with: the latest
    Column("accepted_by", Text),
    UniqueConstraint("probe", "period", "setup_digest"),
)

probe_replies = Table(
    "probe_replies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("probe_runs.id"), nullable=False),
    Column("question_id", Text, nullable=False),
    Column("framing", Integer, nullable=False),
    Column("text", Text, nullable=False),  # a model's own words; the whole row is erased after a while
    Column("model", Text, nullable=False),  # that says it served the reply
    Column("at", Moment, nullable=False),
    UniqueConstraint("run_id", "question_id", "framing"),
)

probe_outcomes = Table(
    "probe_outcomes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("probe_runs.id"), nullable=False),
    Column("question_id", Text, nullable=False),
    Column("question_digest", String(64), nullable=False),  # a question that was edited is another one
    Column("correct", Boolean, nullable=False),
    Column("confidence", Float, nullable=False),
    UniqueConstraint("run_id", "question_id"),
)

episodes = Table(
    "episodes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("stream", String(63), nullable=False),
    Column("opened_by", String(32), nullable=False),  # early_warning, degraded
    Column("opened_in", String(16), nullable=False),  # a period, like the others
    Column("opened_at", Moment, nullable=False),
    Column("since", Moment, nullable=False),  # the end of the period that it began in, or degraded in last
    Column("degraded_in", String(16)),  # null: an early warning that waits for its verdict
    Column("degradation", NULLABLE_JSON),  # what was measured then
    Column("ended_by", String(32)),  # null: open; else an `Ending` of calib/alerts/episodes.py
    Column("ended_in", String(16)),
    Column("ended_at", Moment),
    Column("by", Text),  # a person who ended it, and why
    Column("reason", Text),
    Index("ix_episodes_stream_ended_by", "stream", "ended_by"),
)

episode_windows = Table(
    "episode_windows",
    metadata,
    Column("id", Integer, primary_key=True),  # in the order in which it was said
    Column("episode_id", ForeignKey("episodes.id"), nullable=False),
    Column("period", String(16), nullable=False),
    Column("said", String(32), nullable=False),  # early_warning, degraded, confirmed, still_open, …
    UniqueConstraint("episode_id", "period", "said"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job", String(32), primary_key=True),  # a verb that schedules run, or `store-check`
    Column("expected_since", Moment, nullable=False),  # when the watchdog first waited for it
    Column("ran_at", Moment),  # the last run that came to its end; of `store-check`: that found it safe
)
