"""What drift columns hold, read back by the ids of drawn rows; what cannot be one is said before any draw."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from calib.errors import InvalidInput
from calib.traffic import Traffic

from .conftest import NOON, OCTOBER, draw, predictions


@pytest.mark.slow
def test_each_type_is_read_as_text_by_the_one_rule(open_traffic: Callable[..., Traffic]) -> None:
    table = predictions(
        id=["a", "b", "c"],
        country=[" AT ", None, "\u202e" + "x" * 200],
        tokens=pa.array([5, None, 7], pa.int32()),
        cost=[0.25, float("nan"), 3.0],
        price=pa.array([Decimal("1.50"), None, Decimal("2.00")]),
        paid=[True, None, False],
    )
    names = ("country", "tokens", "cost", "price", "paid")
    found = open_traffic(table, columns={"drift": names}).drift_values(["a", "b", "c", "gone"], OCTOBER)
    assert list(found["a"].values()) == ["AT", "5", "0.25", "1.5", "true"]
    assert list(found["b"].values()) == [None] * 5
    assert list(found["c"].values())[1:] == ["7", "3", "2", "false"]
    assert found["c"]["country"] == "\u202e" + "x" * 64, "long text stays where it is"
    assert "gone" not in found


def test_the_first_row_of_an_id_counts_as_it_does_in_the_draw(open_traffic: Callable[..., Traffic]) -> None:
    later = [NOON + timedelta(hours=1), NOON, NOON + timedelta(days=40)]
    table = predictions(
        id=["a", "a", "b"],
        ts=pa.array(later, pa.timestamp("us", "UTC")),
        country=["second", "first", "of another period"],
    )
    traffic = open_traffic(table, columns={"drift": ("country",)})
    assert traffic.drift_values(["a", "b"], OCTOBER) == {"a": {"country": "first"}}
    assert [row.id for row in draw(traffic).rows] == ["a"]


def test_rows_of_another_scope_are_not_the_drawn_ones(open_traffic: Callable[..., Traffic]) -> None:
    times = pa.array([NOON, NOON + timedelta(hours=1)], pa.timestamp("us", "UTC"))
    table = predictions(id=["a", "a"], ts=times, model=["old", "new"], country=["of old", "of new"])
    traffic = open_traffic(
        table, columns={"scope": {"model": "model"}, "drift": ("country",)}, scope={"model": "new"}
    )
    assert traffic.drift_values(["a"], OCTOBER) == {"a": {"country": "of new"}}


@pytest.mark.parametrize("ask", ["check", "survey", "values"])
@pytest.mark.parametrize(
    ("drift", "says"),
    [
        (("contry",), r"triage: .* has no column 'contry', which columns.drift\[0\] names; did you mean"),
        (
            ("country", "seen"),
            r"triage: columns.drift\[1\] = 'seen' is a column of type timestamp.*name another one in "
            "columns.drift",
        ),
        (("parts",), r"triage: columns.drift\[0\] = 'parts' is a column of type array"),
    ],
)
def test_what_cannot_be_a_drift_column_is_said_before_a_window_opens(
    open_traffic: Callable[..., Traffic], ask: str, drift: tuple[str, ...], says: str
) -> None:
    table = predictions(country=["AT"], seen=pa.array([NOON], pa.timestamp("us", "UTC")), parts=[["a"]])
    traffic = open_traffic(table, columns={"drift": drift})
    asked = {
        "check": traffic.check,
        "survey": lambda: traffic.survey(OCTOBER),
        "values": lambda: traffic.drift_values(["r0"], OCTOBER),
    }
    with pytest.raises(InvalidInput, match=says):
        asked[ask]()
