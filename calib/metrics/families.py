"""The metrics by name: what each says and its labels. A contract: dashboards and alert rules name them."""

from __future__ import annotations

from dataclasses import dataclass

VERDICTS = ("first", "stable", "no_change_seen", "degraded", "changed", "insufficient")
STATES = ("sampled", "in_review", "evaluated", "closed", "insufficient")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric, always a gauge: its name, what it says, and the names of its labels in their order.

    Times are seconds since 1970 in UTC. A value that is not known has no sample.
    """

    name: str
    says: str
    labels: tuple[str, ...] = ()


def _of_stream(name: str, says: str, *more: str) -> Family:
    return Family(name=f"calibwatch_{name}", says=says, labels=("stream", *more))


FAMILIES = (
    Family(name="calibwatch_build_info", says="1; the version is a label.", labels=("version",)),
    Family(name="calibwatch_collected_timestamp_seconds", says="When these values were read."),
    _of_stream(
        "verdict",
        "1 for the verdict of the latest judged period, 0 for the others; insufficient: too few labels.",
        "verdict",
    ),
    _of_stream("verdict_period_end_timestamp_seconds", "When the latest judged period ended."),
    _of_stream("verdict_timestamp_seconds", "When the latest judged period was evaluated."),
    _of_stream("ece", "ECE of the raw and of the served confidence in that period.", "confidence"),
    _of_stream("ece_low", "Lower end of the ECE's 95% interval.", "confidence"),
    _of_stream("ece_high", "Upper end of the ECE's 95% interval.", "confidence"),
    _of_stream("accuracy", "Accuracy in that period."),
    _of_stream("change_p", "p-value of that period's change test."),
    _of_stream("minimum_detectable_rise", "Smallest rise of the ECE seen with 80% power in that period."),
    _of_stream(
        "threshold_share",
        "Share of the predictions at or above the setting `threshold` in that period.",
        "confidence",
    ),
    _of_stream("population", "Predictions of that period."),
    _of_stream("labels", "Labels that the latest period has."),
    _of_stream("labels_missing", "Drawn rows of the latest period that wait for a label."),
    _of_stream("windows", "Standing windows by state.", "state"),
    _of_stream("channel_readable", "1 if the channel `production` could be read from the store, else 0."),
    _of_stream("mapping_serving", "1 if a mapping serves, 0 if the raw confidence is served."),
    _of_stream("mapping_published_timestamp_seconds", "When the channel came to name the serving mapping."),
    _of_stream("mapping_expires_timestamp_seconds", "When the serving mapping expires, where it does."),
    _of_stream(
        "alerts", "Alerts that wait for their delivery, and that could not be delivered (parked).", "state"
    ),
    Family(
        name="calibwatch_job_last_run_timestamp_seconds",
        says="When a scheduled job last came to its end.",
        labels=("job",),
    ),
    Family(
        name="calibwatch_job_expected_since_timestamp_seconds",
        says="Since when the watchdog waits for a job.",
        labels=("job",),
    ),
)
BY_NAME = {family.name: family for family in FAMILIES}
