"""What the practice says of an ECE."""

from __future__ import annotations

from calib.policy import ECE_UNRELIABLE, ECE_USELESS


def ece_verdict(low: float, high: float) -> str:
    """One sentence by the interval of an ECE: a point on one side of a limit proves nothing.

    >>> ece_verdict(0.16, 0.22)
    'not a reliable signal: a fixed threshold decides better'
    >>> ece_verdict(0.08, 0.12)
    'may not be a reliable signal'
    """
    if high <= ECE_UNRELIABLE:
        return "within 0.10 of the truth on average"
    signal = "not a reliable signal" if low > ECE_UNRELIABLE else "may not be a reliable signal"
    if high <= ECE_USELESS:
        return signal
    return f"{signal}: a fixed threshold {'decides' if low > ECE_USELESS else 'may decide'} better"
