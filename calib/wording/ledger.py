"""The manager's ledger in sentences."""

from __future__ import annotations

from calib.results.history import Ledger
from calib.wording.numbers import counted, number
from calib.wording.window import amount


def ledger_sentences(ledger: Ledger) -> list[str]:
    """The manager's summary: cost, findings, effect."""
    sentences = [f"{ledger.labels:,} labels in {counted(ledger.windows, 'period')}."]
    if ledger.seconds_per_label is not None and ledger.hours is not None:
        sentences.append(
            f"The median time for a label was {number(ledger.seconds_per_label, 0)} seconds, which makes "
            f"{number(ledger.hours, 1)} hours for all of them."
        )
    else:
        sentences.append("How long the labels took is not known: nobody gave them one by one here.")
    sentences.append(
        f"{counted(ledger.changes, 'change')} confirmed, {counted(ledger.versions, 'mapping')} published."
    )
    for change in ledger.found:
        delay = (
            ""
            if change.days_low is None or change.days_high is None
            else (f", reported {change.days_low:.0f} to {change.days_high:.0f} days after it happened")
        )
        sentences.append(f"In {change.period}: {change.state}{delay}.")
    if ledger.wrong_avoided is not None and ledger.right_given_up is not None:
        sentences.append(
            f"Per period, {amount(ledger.wrong_avoided)} wrong automatic actions were avoided at the "
            f"threshold {ledger.threshold:g}, and {amount(ledger.right_given_up)} correct ones were left "
            f"to people instead (means over {counted(ledger.periods_compared, 'period')}, 95% "
            f"intervals). {ledger.assumption}"
        )
    return sentences
