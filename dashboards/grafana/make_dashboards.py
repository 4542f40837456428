"""Writes fleet.json and stream.json beside this file: `python dashboards/grafana/make_dashboards.py`.

The queries read the views and metrics that dashboards/README.md describes, and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import VariableRefresh, VariableSort
from parts import SHARE, SQL, bars, board, lines, number, reliability, rows

FOLDER = Path(__file__).parent
OF_STREAM = "stream = ${stream:sqlstring}"
IN_RANGE = "$__timeFilter(ends_at)"
DAY = "day::timestamp AT TIME ZONE 'UTC'"  # whatever the server's own time zone


def fleet() -> dashboard.Dashboard:
    """All streams."""
    made = board(
        "calibwatch: all streams", "calibwatch-fleet", "Every stream as it stands, and the year before."
    )
    degraded = 'count(calibwatch_verdict{verdict="degraded"} == 1) or vector(0)'
    expiring = "count(calibwatch_mapping_expires_timestamp_seconds - time() < 7 * 86400) or vector(0)"
    jobs = (
        "max(time() - (calibwatch_job_last_run_timestamp_seconds "
        "or calibwatch_job_expected_since_timestamp_seconds))"
    )
    return (
        made.with_panel(
            number(
                "Degraded streams",
                "Streams whose latest judged period is degraded.",
                degraded,
                width=4,
                bad_from=1,
            )
        )
        .with_panel(
            number(
                "Labels missing",
                "Drawn rows of the newest periods that wait for a label.",
                "sum(calibwatch_labels_missing)",
                width=4,
            )
        )
        .with_panel(
            number(
                "Alerts waiting",
                "Alerts that were raised and not delivered yet.",
                'sum(calibwatch_alerts{state="waiting"})',
                width=4,
                bad_from=1,
            )
        )
        .with_panel(
            number(
                "Alerts parked",
                "Alerts that could not be delivered.",
                'sum(calibwatch_alerts{state="parked"})',
                width=4,
                bad_from=1,
            )
        )
        .with_panel(
            number(
                "Mappings that expire",
                "Mappings that expire within a week, or have expired.",
                expiring,
                width=4,
                bad_from=1,
            )
        )
        .with_panel(
            number(
                "Longest since a job ran",
                "The scheduled job whose last run is longest ago.",
                jobs,
                width=4,
                unit="s",
                bad_from=172_800,
            )
        )
        .with_panel(
            rows(
                "Streams",
                "The latest judged period of each stream. ECE with its 95% interval; p of the change test; "
                "the smallest rise that the period would have shown with 80% power.",
                """
                SELECT DISTINCT ON (stream) stream, period, verdict, served_ece AS "served ECE",
                    served_ece_low AS low, served_ece_high AS high, raw_ece AS "raw ECE", accuracy,
                    served_threshold_share AS "share at threshold", p,
                    minimum_detectable_rise AS "detectable rise", labels, labels_missing AS missing
                FROM v_windows WHERE verdict IS NOT NULL ORDER BY stream, ends_at DESC
                """,
                width=24,
                height=12,
            )
        )
        .with_panel(
            lines(
                "Served ECE",
                "What production used, a line for each stream, at the end of each period.",
                f"""
                SELECT ends_at AS time, stream AS metric, served_ece AS value FROM v_windows
                WHERE {IN_RANGE} AND served_ece IS NOT NULL ORDER BY ends_at
                """,
                width=12,
                series=True,
            )
        )
        .with_panel(
            bars(
                "Verdicts",
                "How many streams got which verdict, by the end of the period.",
                f"""
                SELECT ends_at AS time, verdict AS metric, count(*) AS value FROM v_windows
                WHERE {IN_RANGE} AND verdict IS NOT NULL GROUP BY ends_at, verdict ORDER BY ends_at
                """,
                width=12,
            )
        )
        .with_panel(
            bars(
                "Answers",
                "Labels that count, by the day on which they were given and how.",
                f"""
                SELECT {DAY} AS time, answer AS metric, sum(n) AS value FROM v_labels
                WHERE $__timeFilter({DAY}) GROUP BY day, answer ORDER BY day
                """,
                width=12,
            )
        )
        .with_panel(
            rows(
                "Alerts",
                "What was raised in the time range, the newest first.",
                """
                SELECT raised_at AS raised, stream, period, kind, state, delivered_at AS delivered,
                    acknowledged_at AS acknowledged
                FROM v_alerts WHERE $__timeFilter(raised_at) ORDER BY raised_at DESC LIMIT 200
                """,
                width=12,
            )
        )
    )


def stream() -> dashboard.Dashboard:
    """One stream."""
    named = dashboard.QueryVariable("stream").label("stream").datasource(SQL).sort(VariableSort.DISABLED)
    named = named.query("SELECT DISTINCT stream FROM v_windows ORDER BY stream")
    period = dashboard.QueryVariable("period").label("period").datasource(SQL).sort(VariableSort.DISABLED)
    period = period.query(
        f"SELECT period FROM v_windows WHERE {OF_STREAM} AND verdict IS NOT NULL ORDER BY ends_at DESC"
    )
    made = board("calibwatch: one stream", "calibwatch-stream", "The periods of one stream.")
    for variable in (named, period):
        made = made.with_variable(variable.refresh(VariableRefresh.ON_DASHBOARD_LOAD))
    return (
        made.with_panel(
            rows(
                "Periods",
                "All judged periods of the time range. ECE with its 95% interval; p of the change test; "
                "the smallest rise that the period would have shown with 80% power.",
                f"""
                SELECT period, verdict, served_ece AS "served ECE", served_ece_low AS low,
                    served_ece_high AS high, raw_ece AS "raw ECE", accuracy,
                    served_threshold_share AS "share at threshold", p,
                    minimum_detectable_rise AS "detectable rise", labels, labels_missing AS missing,
                    population, rejected
                FROM v_windows WHERE {OF_STREAM} AND {IN_RANGE} AND verdict IS NOT NULL ORDER BY ends_at DESC
                """,
                width=24,
            )
        )
        .with_panel(
            lines(
                "ECE",
                "Raw and served, each with its 95% interval.",
                f"""
                SELECT ends_at AS time, raw_ece AS "raw", raw_ece_low AS "raw low",
                    raw_ece_high AS "raw high", served_ece AS "served",
                    served_ece_low AS "served low", served_ece_high AS "served high"
                FROM v_windows WHERE {OF_STREAM} AND {IN_RANGE} AND verdict IS NOT NULL ORDER BY ends_at
                """,
                width=12,
            )
        )
        .with_panel(
            lines(
                "Confidence and accuracy",
                "Where mean confidence lies above accuracy, the model is overconfident on average.",
                f"""
                SELECT ends_at AS time, raw_mean_confidence AS "raw confidence",
                    served_mean_confidence AS "served confidence", accuracy, accuracy_low AS "accuracy low",
                    accuracy_high AS "accuracy high"
                FROM v_windows WHERE {OF_STREAM} AND {IN_RANGE} AND verdict IS NOT NULL ORDER BY ends_at
                """,
                width=12,
                unit=SHARE,
            )
        )
        .with_panel(
            lines(
                "Change test",
                "p of each period, the rise over the baseline, and the smallest rise that would have shown.",
                f"""
                SELECT ends_at AS time, p, rise, minimum_detectable_rise AS "detectable rise"
                FROM v_windows WHERE {OF_STREAM} AND {IN_RANGE} AND verdict IS NOT NULL ORDER BY ends_at
                """,
                width=12,
            )
        )
        .with_panel(
            lines(
                "At the threshold",
                "What the setting `threshold` lets through, and how often that is correct.",
                f"""
                SELECT ends_at AS time, raw_threshold_share AS "share, raw",
                    served_threshold_share AS "share, served", raw_threshold_accuracy AS "accuracy, raw",
                    served_threshold_accuracy AS "accuracy, served"
                FROM v_windows WHERE {OF_STREAM} AND {IN_RANGE} AND threshold IS NOT NULL ORDER BY ends_at
                """,
                width=12,
                unit=SHARE,
            )
        )
        .with_panel(
            reliability(
                "Reliability of the period, raw",
                "Accuracy in each bin with its 95% interval; a perfect confidence lies on the diagonal.",
                bins("raw"),
                width=12,
            )
        )
        .with_panel(
            reliability(
                "Reliability of the period, served",
                "The same of what production used.",
                bins("served"),
                width=12,
            )
        )
        .with_panel(
            bars(
                "Answers",
                "Labels that count, by the day on which they were given and how.",
                f"""
                SELECT {DAY} AS time, answer AS metric, sum(n) AS value FROM v_labels
                WHERE {OF_STREAM} AND $__timeFilter({DAY}) GROUP BY day, answer ORDER BY day
                """,
                width=12,
            )
        )
        .with_panel(
            rows(
                "Mappings",
                "What closed periods published. Moves by hand are in the store: `calib mapping history`.",
                f"""
                SELECT closed_at AS published, period, left(mapping, 8) AS mapping, generation, channel,
                    method, ece_before AS "ECE before", ece_after AS "ECE after", certificates
                FROM v_mappings WHERE {OF_STREAM} AND $__timeFilter(closed_at) ORDER BY closed_at DESC
                """,
                width=12,
            )
        )
        .with_panel(
            rows(
                "Alerts",
                "What was raised in the time range, the newest first.",
                f"""
                SELECT raised_at AS raised, period, kind, severity, state, delivered_at AS delivered,
                    episode
                FROM v_alerts WHERE {OF_STREAM} AND $__timeFilter(raised_at) ORDER BY raised_at DESC
                """,
                width=16,
            )
        )
        .with_panel(
            number(
                "Age of the mapping",
                "Since the channel came to name it.",
                'time() - calibwatch_mapping_published_timestamp_seconds{stream="$stream"}',
                width=4,
                unit="s",
            )
        )
        .with_panel(
            number(
                "Labels missing",
                "Of the newest period.",
                'calibwatch_labels_missing{stream="$stream"}',
                width=4,
            )
        )
    )


def bins(confidence: str) -> str:
    """The bins of the chosen period that have labels, from left to right."""
    return f"""
        SELECT mean_score AS "mean confidence", accuracy, accuracy_low AS low, accuracy_high AS high,
            mean_score AS perfect
        FROM v_bins WHERE {OF_STREAM} AND period = ${{period:sqlstring}} AND confidence = '{confidence}'
            AND n > 0 ORDER BY mean_score
        """


def files() -> dict[str, str]:
    """The text of each dashboard by the name of its file."""
    made = {"fleet.json": fleet().build(), "stream.json": stream().build()}
    for one in made.values():
        for place, panel in enumerate(one.panels or (), start=1):
            panel.id_val = place
    return {
        name: json.dumps(one, cls=JSONEncoder, indent=2, sort_keys=True) + "\n" for name, one in made.items()
    }


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
