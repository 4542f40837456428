"""What the tests of dashboards share: a database that the product filled, and its copy of two years."""

from __future__ import annotations

from dataclasses import dataclass

from conftest import World

from calib.app import App

STREAMS, MONTHS, ITEMS = 30, 24, 40


@dataclass(frozen=True)
class Filled:
    """A database with windows, and the deployment that made them."""

    world: World
    app: App
    name: str


# Even months are copies of February, odd ones of the degraded March; what was served differs.
COPIES = (
    """
    CREATE TEMPORARY TABLE copied AS
    SELECT w.id AS original, nextval(pg_get_serial_sequence('windows', 'id')) AS id, s, m,
        'stream-' || to_char(s, 'FM00') AS stream,
        (timestamptz '2024-05-01 00:00Z' AT TIME ZONE 'UTC' + make_interval(months => m)) AT TIME ZONE 'UTC'
            AS starts_at,
        (timestamptz '2024-06-01 00:00Z' AT TIME ZONE 'UTC' + make_interval(months => m)) AT TIME ZONE 'UTC'
            AS ends_at
    FROM generate_series(1, :streams) AS s, generate_series(0, :months - 1) AS m
    JOIN windows AS w ON w.stream = 'triage'
        AND w.period = CASE m % 2 WHEN 0 THEN '2026-02' ELSE '2026-03' END
    """,
    """
    INSERT INTO windows (id, stream, period, revision, standing, channel, replay, starts_at, ends_at, as_of,
        closes_at, opened_at, state, settings, design, baseline, population, rejected, sample_digest,
        resets_baseline, evaluated_at, closed_at, result)
    SELECT c.id, c.stream, to_char(c.starts_at AT TIME ZONE 'UTC', 'YYYY-MM'), w.revision, w.standing,
        w.channel, w.replay, c.starts_at, c.ends_at, c.ends_at + interval '1 day',
        c.ends_at + interval '15 days', c.ends_at + interval '1 day', w.state,
        w.settings, w.design, w.baseline, w.population + c.s * 100,
        w.rejected, w.sample_digest, w.resets_baseline, c.ends_at + interval '2 days',
        c.ends_at + interval '2 days',
        jsonb_set(
            jsonb_set(w.result::jsonb, '{served}', (w.result -> 'served')::jsonb || jsonb_build_object(
                'ece', (w.result #>> '{served,ece}')::float8 * (1 + c.s / 100.0), 'low', 0.011, 'high', 0.022,
                'mean_confidence', 0.033, 'brier', 0.044, 'auroc', 0.55,
                'bins', (w.result #> '{served,bins}')::jsonb - 0)),
            '{pictures,threshold,served}', '{"share": 0.66, "accuracy": 0.77}')::json
    FROM copied AS c JOIN windows AS w ON w.id = c.original
    """,
    """
    CREATE TEMPORARY TABLE copied_items AS
    SELECT i.id AS original, i.label_id AS label, nextval(pg_get_serial_sequence('items', 'id')) AS id,
        nextval(pg_get_serial_sequence('labels', 'id')) AS new_label, c.id AS window_id, c.ends_at
    FROM copied AS c
    JOIN LATERAL (
        SELECT * FROM items AS i WHERE i.window_id = c.original ORDER BY draw_order LIMIT :items
    ) AS i ON true
    """,
    """
    INSERT INTO items (id, window_id, prediction_id, ts, stratum, draw_order, probability, raw, served,
        mapping, segment, lease_token, label_id, twice, people)
    SELECT n.id, n.window_id, i.prediction_id, i.ts, i.stratum, i.draw_order, i.probability, i.raw, i.served,
        i.mapping, i.segment, 0, n.new_label, false, 0
    FROM copied_items AS n JOIN items AS i ON i.id = n.original
    """,
    """
    INSERT INTO labels (id, item_id, answer, by, at, source, blind, current)
    SELECT n.new_label, n.id, l.answer, l.by, n.ends_at + interval '2 days', l.source, true, true
    FROM copied_items AS n JOIN labels AS l ON l.id = n.label
    """,
    """
    INSERT INTO outbox (id, kind, stream, period, revision, payload, created_at, state, episode, deployment)
    SELECT md5(c.id::text || a.id), a.kind, c.stream, to_char(c.starts_at AT TIME ZONE 'UTC', 'YYYY-MM'),
        a.revision, a.payload, c.ends_at + interval '2 days',
        CASE WHEN c.m = 23 THEN 'pending' ELSE 'delivered' END, a.episode, a.deployment
    FROM copied AS c JOIN windows AS w ON w.id = c.original
    JOIN outbox AS a ON a.stream = w.stream AND a.period = w.period
    """,
)
