"""The draw: widened until it is full, without doubles, with the chances that rows really had."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from log_records import Records
from planted import TEXT

from calib.errors import SourceError
from calib.measure import Strata
from calib.sampling import order_key
from calib.traffic import Traffic
from calib.traffic.draw_query import threshold

from .conftest import NOON, OCTOBER, ONE, draw, predictions

Open = Callable[..., Traffic]
TWO = Strata(upper=(8000, 10_000), kind="levels")


@pytest.mark.slow
def test_the_first_by_time_of_equal_ids_is_kept(open_traffic: Open) -> None:
    times = pa.array([NOON, NOON.replace(hour=9), NOON.replace(hour=15)], pa.timestamp("us", "UTC"))
    table = predictions(id=["a", "a", "a"], ts=times, confidence=[0.1, 0.2, 0.3])
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        drawn = draw(open_traffic(table.take(order)))
        assert [(row.id, row.raw) for row in drawn.rows] == [("a", 0.2)]
        assert drawn.duplicates.tolist() == [2]
        assert drawn.rows[0].inclusion_probability == 1


@pytest.mark.slow
def test_an_id_in_two_strata_is_drawn_once(open_traffic: Open) -> None:
    later = NOON.replace(hour=15)
    table = predictions(
        id=["a", "a", "b"],
        ts=pa.array([later, NOON, NOON], pa.timestamp("us", "UTC")),
        confidence=[0.5, 0.9, 0.5],
    )
    drawn = draw(open_traffic(table), strata=TWO)
    assert sorted((row.id, row.raw) for row in drawn.rows) == [("a", 0.9), ("b", 0.5)]
    assert drawn.duplicates.tolist() == [1, 0]
    only = draw(open_traffic(table.slice(0, 2)), strata=TWO)  # the lower stratum holds a double, and no more
    assert ([row.raw for row in only.rows], only.duplicates.tolist()) == ([0.9], [1, 0])


def test_doubles_are_estimated_from_the_prefix(open_traffic: Open) -> None:
    ids = [f"r{i // 4}" for i in range(40_000)]
    drawn = draw(open_traffic(predictions(id=ids)), labels=500)
    assert len({row.id for row in drawn.rows}) == 500
    assert int(drawn.duplicates[0]) == pytest.approx(30_000, rel=0.05)
    assert drawn.rows[0].inclusion_probability == pytest.approx(500 / 10_000, rel=0.1)


@pytest.mark.slow
def test_a_prefix_that_comes_out_short_is_widened(
    open_traffic: Open, monkeypatch: pytest.MonkeyPatch, records: Records
) -> None:
    traffic = open_traffic(predictions(id=[f"r{i // 2}" for i in range(4000)]))
    full = draw(traffic, labels=300)
    records.clear()
    passes = []
    real = Traffic._records
    monkeypatch.setattr(Traffic, "_records", lambda self, query: passes.append(1) or real(self, query))
    monkeypatch.setattr("calib.traffic.source.SPARE_SIGMAS", 0)
    monkeypatch.setattr("calib.traffic.source.SPARE_ROWS", -280)
    assert draw(traffic, labels=300).rows == full.rows
    assert len(passes) > 1
    widened = records.of("traffic.source", "draw_widened")
    assert len(widened) == len(passes) - 1


def test_each_stratum_has_a_prefix_of_its_own(open_traffic: Open) -> None:
    traffic = open_traffic(predictions(confidence=np.repeat([0.5, 0.8, 0.9], 2000)))
    for labels in ([500, 1], [1, 500]):
        strata = Strata(upper=(5000, 10_000), kind="levels")
        allocation, sizes = np.array(labels), np.array([2000, 4000])
        drawn = traffic.draw(OCTOBER, strata=strata, allocation=allocation, sizes=sizes, seed="s", period="p")
        assert [sum(row.stratum == b for row in drawn.rows) for b in (0, 1)] == labels


def test_rows_that_left_meanwhile_do_not_hold_it_up(open_traffic: Open) -> None:
    traffic = open_traffic(predictions(id=["a", "b"]))
    sizes = np.array([50])
    drawn = traffic.draw(OCTOBER, strata=ONE, allocation=sizes, sizes=sizes, seed="s", period="p")
    assert {row.id for row in drawn.rows} == {"a", "b"}


def test_nothing_is_drawn_where_nothing_is_asked_for(open_traffic: Open) -> None:
    traffic = open_traffic(predictions(confidence=[0.5, 0.9]))
    drawn = traffic.draw(
        OCTOBER, strata=TWO, allocation=np.array([0, 1]), sizes=np.array([1, 1]), seed="s", period="p"
    )
    assert [row.raw for row in drawn.rows] == [0.9]


@pytest.mark.slow
def test_seed_and_period_choose_other_rows(open_traffic: Open) -> None:
    traffic = open_traffic(predictions(id=[f"r{i}" for i in range(500)]))
    picked = {
        (seed, period): [row.id for row in draw(traffic, labels=20, seed=seed, period=period).rows]
        for seed in "ab"
        for period in ("2026-10", "2026-11")
    }
    assert len({tuple(ids) for ids in picked.values()}) == 4
    for (seed, period), ids in picked.items():
        orders = [order_key(seed, period, id_) for id_ in ids]
        assert orders == sorted(orders)


HOSTILE = ["<script>alert(1)</script>", "=cmd()", "a\x00b", "é\u202e💥", "'; DROP TABLE t; --", "x" * 200_000]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text)[:20])
def test_hostile_text_comes_back_as_it_is(open_traffic: Open, text: str) -> None:
    table = predictions(id=[text], question=[text], segment=[text])
    traffic = open_traffic(table, columns={"context": ("question",), "segment": "segment"})
    (row,) = draw(traffic).rows
    assert (row.id, row.segment, row.context) == (text, text, {"question": text})
    assert row.order == order_key("s", "2026-10", text)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pa.array([{"a": 1}]), "{'a': 1}"),
        (pa.array([["a", "b"]]), "[a, b]"),
        (pa.array([b"\xff\x00a"]), r"\xFF\x00a"),
        (pa.array([1.5]), "1.5"),
        (pa.nulls(1), None),
    ],
    ids=["struct", "list", "bytes", "float", "null"],
)
def test_context_of_any_type_becomes_text(open_traffic: Open, values: Any, said: str | None) -> None:
    traffic = open_traffic(predictions(answer=values), columns={"context": ("answer",)})
    assert draw(traffic).rows[0].context == {"answer": said}


def test_everything_that_is_named_comes_with_the_row(open_traffic: Open) -> None:
    table = predictions(
        group=[7], link=["https://trace/1"], judge=[0.25], served=[0.8], mapping=["m"], kind=["k"]
    )
    columns = {"cluster": "group", "trace": "link", "judge": "judge", "served": "served"}
    columns |= {"mapping": "mapping", "segment": "kind"}
    (row,) = draw(open_traffic(table, columns=columns)).rows
    assert (row.cluster, row.trace, row.judge, row.served, row.mapping, row.segment) == (
        "7", "https://trace/1", 0.25, 0.8, "m", "k",
    )  # fmt: skip


@pytest.mark.parametrize("judged", [float("nan"), float("inf"), 3.0, None])
def test_a_judge_that_says_nothing_in_0_to_1_says_nothing(open_traffic: Open, judged: float | None) -> None:
    table = predictions(judge=pa.array([judged], pa.float64()))
    assert draw(open_traffic(table, columns={"judge": "judge"})).rows[0].judge is None


def test_thresholds_are_shares_of_all_orders() -> None:
    assert [threshold(share) for share in (0.0, 0.5, 1.0)] == ["0" * 16, "8" + "0" * 15, "g"]
    orders = [order_key("s", "p", str(i)) for i in range(20_000)]
    assert sum(order < threshold(0.1) for order in orders) == pytest.approx(2000, abs=200)


def test_an_engine_that_fails_is_logged_by_the_kind_of_its_error(
    open_traffic: Open, records: Records
) -> None:
    def fail() -> None:
        raise RuntimeError(f"near {TEXT!r}: password=hunter2")

    with pytest.raises(SourceError):
        open_traffic(predictions())._run(fail)
    record = records.has("traffic.table", "engine_error", level="info", stream="triage", error="RuntimeError")
    assert "Moosbrugger" not in str(vars(record))


def test_a_log_that_cannot_be_written_shows_no_text_of_an_engine(
    open_traffic: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError(f"near {TEXT!r}: password=hunter2")

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                raise OSError("the disk is full")
            except OSError:
                self.handleError(record)

    logger, broken = logging.getLogger("calib.traffic.table"), Broken()
    logger.addHandler(broken)
    logger.setLevel(logging.INFO)
    try:
        with pytest.raises(SourceError):
            open_traffic(predictions())._run(fail)
    finally:
        logger.removeHandler(broken)
        logger.setLevel(logging.NOTSET)
    printed = capsys.readouterr().err
    assert "the disk is full" in printed
    assert "Moosbrugger" not in printed
    assert "hunter2" not in printed


@pytest.mark.slow
@pytest.mark.parametrize("written", [" {}", "{}\t", "{}.0", "\n{} "])
def test_the_same_rows_are_drawn_however_their_ids_are_written(
    open_traffic: Callable[..., Traffic], written: str
) -> None:
    n = 3_000
    plain = draw(open_traffic(predictions(id=[f"{i}" for i in range(n)])), labels=10)
    dressed = draw(open_traffic(predictions(id=[written.format(i) for i in range(n)])), labels=10)
    assert len(plain.rows) == 10
    assert [row.id for row in dressed.rows] == [row.id for row in plain.rows]
