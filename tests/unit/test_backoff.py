"""Waits before another attempt: longer each time, capped, spread, and as long as the other side wishes."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from calib.backoff import back_off

SECONDS = st.floats(0.01, 1e4)
SHARE = st.floats(0, 1)


@given(SECONDS, SECONDS, st.integers(0, 10_000))
def test_waits_double_up_to_the_cap(first: float, longest: float, failed: int) -> None:
    wait, next_wait = (back_off(n, first=first, longest=longest) for n in (failed, failed + 1))
    assert wait <= next_wait <= longest
    assert next_wait in (2 * wait, longest)


@given(st.integers(0, 100), SHARE, SHARE, SHARE)
def test_the_draw_spreads_between_least_and_most(failed: int, a: float, b: float, draw: float) -> None:
    least, most = sorted((a, b))
    whole = back_off(failed, first=1, longest=60)
    spread = back_off(failed, first=1, longest=60, least=least, most=most, draw=draw)
    assert whole * least * (1 - 1e-9) <= spread <= whole * most * (1 + 1e-9)
    ends = [back_off(failed, first=1, longest=60, least=least, most=most, draw=u) for u in (0.0, 1.0)]
    assert ends == [whole * least, whole * (least + (most - least))]


@given(st.integers(0, 100), st.floats(0, 1e9))
def test_a_wish_is_granted_and_not_without_end(failed: int, wished: float) -> None:
    own = back_off(failed, first=2, longest=3600)
    wait = back_off(failed, first=2, longest=3600, wished=wished, longest_wish=86_400)
    assert wait == max(own, min(wished, 86_400))


def test_the_same_draws_make_the_same_waits() -> None:
    def waits(seed: int) -> list[float]:
        random = Random(seed)
        return [back_off(n, first=1, longest=60, least=0.5, draw=random.random()) for n in range(5)]

    assert waits(1) == waits(1) != waits(2)
