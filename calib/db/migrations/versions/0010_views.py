"""Views that dashboards read: columns with stable names, and no text of a person or a model

On PostgreSQL alone; dashboards/README.md describes the columns. A later migration that changes a column which
a view reads drops the view first and makes it again.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"

MEASURED = "ece float8, low float8, high float8, mean_confidence float8, brier float8, auroc float8"
ACTING = "share float8, accuracy float8"

# `json_to_record` reads each stored result once, however many columns are taken out of it.
V_WINDOWS = f"""
CREATE VIEW v_windows AS
SELECT
    w.stream,
    w.period,
    w.revision,
    w.state,
    w.channel,
    w.replay,
    w.starts_at,
    w.ends_at,
    w.opened_at,
    w.closes_at,
    w.evaluated_at,
    w.closed_at,
    w.population,
    (SELECT coalesce(sum(n.value::bigint), 0)::bigint FROM json_each_text(w.rejected) AS n) AS rejected,
    sample.n AS sample,
    labels.n AS labels,
    labels.correct AS labels_correct,
    labels.unsure AS labels_unsure,
    labels.missing AS labels_missing,
    CASE WHEN w.state = 'insufficient' THEN 'insufficient' ELSE change.state END AS verdict,
    raw.ece AS raw_ece,
    raw.low AS raw_ece_low,
    raw.high AS raw_ece_high,
    served.ece AS served_ece,
    served.low AS served_ece_low,
    served.high AS served_ece_high,
    accuracy.accuracy,
    accuracy.accuracy_low,
    accuracy.accuracy_high,
    raw.mean_confidence AS raw_mean_confidence,
    served.mean_confidence AS served_mean_confidence,
    raw.brier AS raw_brier,
    served.brier AS served_brier,
    raw.auroc AS raw_auroc,
    served.auroc AS served_auroc,
    change.p,
    change.rise,
    change.low AS rise_low,
    change.high AS rise_high,
    change.minimum_detectable_rise,
    change.baseline_labels,
    threshold.threshold,
    acting_raw.share AS raw_threshold_share,
    acting_raw.accuracy AS raw_threshold_accuracy,
    acting_served.share AS served_threshold_share,
    acting_served.accuracy AS served_threshold_accuracy
FROM windows AS w
LEFT JOIN LATERAL json_to_record(w.result) AS r
    (sample json, labels json, raw json, served json, change json, pictures json) ON true
LEFT JOIN LATERAL json_to_record(r.sample) AS sample (n integer) ON true
LEFT JOIN LATERAL json_to_record(r.labels) AS labels
    (n integer, correct integer, unsure integer, missing integer) ON true
LEFT JOIN LATERAL json_to_record(r.raw) AS raw ({MEASURED}) ON true
LEFT JOIN LATERAL json_to_record(r.raw) AS accuracy
    (accuracy float8, accuracy_low float8, accuracy_high float8) ON true
LEFT JOIN LATERAL json_to_record(r.served) AS served ({MEASURED}) ON true
LEFT JOIN LATERAL json_to_record(r.change) AS change
    (state text, p float8, rise float8, low float8, high float8, minimum_detectable_rise float8,
     baseline_labels float8) ON true
LEFT JOIN LATERAL json_to_record(r.pictures) AS pictures (threshold json) ON true
LEFT JOIN LATERAL json_to_record(pictures.threshold) AS threshold
    (threshold float8, raw json, served json) ON true
LEFT JOIN LATERAL json_to_record(threshold.raw) AS acting_raw ({ACTING}) ON true
LEFT JOIN LATERAL json_to_record(threshold.served) AS acting_served ({ACTING}) ON true
WHERE w.standing
"""

V_BINS = """
CREATE VIEW v_bins AS
SELECT
    w.stream,
    w.period,
    w.revision,
    w.starts_at,
    w.ends_at,
    kind.confidence,
    each.number::integer AS bin,
    bin.lo,
    bin.hi,
    bin.n,
    bin.weight,
    bin.mean_score,
    bin.accuracy,
    bin.low AS accuracy_low,
    bin.high AS accuracy_high
FROM windows AS w
CROSS JOIN LATERAL json_to_record(w.result) AS r (raw json, served json)
CROSS JOIN LATERAL (VALUES ('raw', r.raw -> 'bins'), ('served', r.served -> 'bins'))
    AS kind (confidence, bins)
CROSS JOIN LATERAL json_array_elements(kind.bins) WITH ORDINALITY AS each (value, number)
CROSS JOIN LATERAL json_to_record(each.value) AS bin
    (lo float8, hi float8, n integer, weight float8, mean_score float8, accuracy float8, low float8,
     high float8)
WHERE w.standing AND w.result IS NOT NULL
"""

V_LABELS = """
CREATE VIEW v_labels AS
SELECT
    w.stream,
    w.period,
    w.revision,
    w.state,
    w.ends_at,
    (l.at AT TIME ZONE 'UTC')::date AS day,
    l.source,
    coalesce(l.answer, 'missing') AS answer,
    count(*) AS n
FROM windows AS w
JOIN items AS i ON i.window_id = w.id
LEFT JOIN labels AS l ON l.id = i.label_id
WHERE w.standing
GROUP BY w.id, (l.at AT TIME ZONE 'UTC')::date, l.source, coalesce(l.answer, 'missing')
"""

V_ALERTS = """
CREATE VIEW v_alerts AS
SELECT
    a.id,
    a.kind,
    a.stream,
    a.period,
    a.revision,
    a.payload ->> 'severity' AS severity,
    CASE a.state WHEN 'pending' THEN 'waiting' ELSE a.state END AS state,
    a.created_at AS raised_at,
    delivery.delivered_at,
    coalesce(delivery.attempts, 0) AS attempts,
    seen.acknowledged_at,
    a.episode
FROM outbox AS a
LEFT JOIN LATERAL (
    SELECT min(d.delivered_at) AS delivered_at, max(d.attempts) AS attempts
    FROM deliveries AS d WHERE d.alert_id = a.id
) AS delivery ON true
LEFT JOIN LATERAL (
    SELECT min(s.at) AS acknowledged_at
    FROM alert_actions AS s WHERE s.alert_id = a.id AND s.action = 'acknowledged'
) AS seen ON true
WHERE a.kind <> 'note'
"""

V_MAPPINGS = """
CREATE VIEW v_mappings AS
SELECT
    w.stream,
    w.period,
    w.revision,
    w.ends_at,
    w.closed_at,
    coalesce(refit.channel, w.channel) AS channel,
    refit.mapping,
    refit.generation,
    coalesce(refit.published, false) AS refitted,
    coalesce(refit.upheld, false) AS upheld,
    refit.reason_code,
    refit.method,
    refit.pooling,
    before.ece AS ece_before,
    after.ece AS ece_after,
    refit.brier_before,
    refit.brier_after,
    (SELECT count(*) FROM json_array_elements(r.certificates) AS c WHERE c ->> 'cut' IS NOT NULL)::integer
        AS certificates
FROM windows AS w
CROSS JOIN LATERAL json_to_record(w.result) AS r (refit json, certificates json)
CROSS JOIN LATERAL json_to_record(r.refit) AS refit
    (channel text, mapping text, generation integer, published boolean, upheld boolean, reason_code text,
     method text, pooling text, ece_before json, ece_after json, brier_before float8, brier_after float8)
LEFT JOIN LATERAL json_to_record(refit.ece_before) AS before (ece float8) ON true
LEFT JOIN LATERAL json_to_record(refit.ece_after) AS after (ece float8) ON true
WHERE w.closed_at IS NOT NULL AND refit.mapping IS NOT NULL
"""

VIEWS = (V_WINDOWS, V_BINS, V_LABELS, V_ALERTS, V_MAPPINGS)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for statement in VIEWS:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in ("v_mappings", "v_alerts", "v_labels", "v_bins", "v_windows"):
        op.execute(f"DROP VIEW IF EXISTS {name}")
