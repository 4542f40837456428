"""The words of alerts about rows and outcomes that cannot be used. Pure."""

from __future__ import annotations

from calib.alerts.facts import WindowFacts
from calib.json_object import Json


def unknown_outcomes_line(facts: WindowFacts) -> str:
    """How many outcomes say neither right nor wrong."""
    return (
        f"{facts.outcomes.not_an_answer:,} drawn rows have an outcome that says neither right nor wrong, "
        f"beside {facts.labels.n:,} labels."
    )


def gone_line(facts: Json) -> str:
    """How many sampled rows the traffic no longer holds."""
    return (
        f"{facts['gone']:,} of {facts['waiting']:,} sampled rows that wait for their outcome are no longer "
        "in the traffic of this period, so that no outcome can be found for them."
    )


def unreadable_step(facts: Json, stream: str) -> str:
    """What to do where what came in cannot be read."""
    check = "`calib check` shows the first of each kind and where it is"
    scale = f"`scale` of [streams.{stream}] in calib.toml"
    return {
        "too_many_rejected": f"{check}. Correct who writes them; where confidences are out of 100 and meant "
        f"so, set {scale} to 100",
        "scale_not_reached": f"correct {scale}, or who writes the confidences; {check}",
        "scale_of_a_part": f"correct {scale}, or who writes the confidences; {check}",
    }.get(str(facts["refit"]["reason_code"]), f"write 1 or 0, true or false, correct or incorrect; {check}")
