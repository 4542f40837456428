"""How an episode ended, in words."""

from __future__ import annotations

ENDS = {
    "not_confirmed": "the early warning was not confirmed",
    "recovered": "recovered",
    "newer_degradation": "a newer degradation took its place",
    "scope_change": "another model, prompt or score is watched",
    "withdrawal": "the mapping was withdrawn",
    "person": "ended by hand",
}


def how_it_ended(by: str) -> str:
    """What ended an episode, from its code.

    >>> how_it_ended("withdrawal"), how_it_ended("a_later_code")
    ('the mapping was withdrawn', 'a later code')
    """
    return ENDS.get(by, by.replace("_", " "))
