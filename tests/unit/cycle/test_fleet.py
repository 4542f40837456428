"""The error of one stream or window never keeps another waiting."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from queues import database
from sqlalchemy import select

from calib import errors
from calib.cycle import PartlyDone, each, record_failure, worth_retrying
from calib.cycle.fleet import all_parts
from calib.db import tables
from calib.testing.crash import Crash

NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)
ERRORS = [
    KeyError("k"),
    errors.InvalidInput("typo"),
    errors.Unavailable("store"),
    OSError("disk"),
    ZeroDivisionError(),
]


@given(st.lists(st.lists(st.sampled_from([None, *ERRORS]), max_size=4), max_size=6))
def test_whatever_fails_everything_else_is_done_and_every_failure_is_named(
    plan: list[list[Exception | None]],
) -> None:
    """`plan`: for each stream the error of each of its windows, None where the window works."""
    tried: list[tuple[str, str]] = []
    told: list[str] = []

    def window(stream: str, period: str, error: Exception | None) -> list[str]:
        tried.append((stream, period))
        if error is not None:
            raise error
        return [f"{stream} {period}"]

    def work(stream: str) -> list[str]:
        parts = enumerate(plan[int(stream)])
        return all_parts(stream, [(str(i), lambda i=i, e=e: window(stream, str(i), e)) for i, e in parts])  # type: ignore[misc]

    fleet = each([str(i) for i in range(len(plan))], work, failed=lambda stream, _: told.append(stream))
    everything = [(str(s), str(w), error) for s, row in enumerate(plan) for w, error in enumerate(row)]
    assert tried == [(stream, period) for stream, period, _ in everything]
    assert fleet.done == [f"{stream} {period}" for stream, period, error in everything if error is None]
    assert [(f.stream, f.period, f.error) for f in fleet.failures] == [
        e for e in everything if e[2] is not None
    ]
    assert told == [str(i) for i, row in enumerate(plan) if any(row)]


@given(st.permutations(["a", "b", "c"]), st.sampled_from(ERRORS))
def test_a_stream_that_fails_as_a_whole_names_no_period(names: list[str], error: Exception) -> None:
    def work(stream: str) -> list[str]:
        if stream == "b":
            raise error
        return [stream]

    fleet = each(names, work)
    assert fleet.done == [name for name in names if name != "b"]
    assert [(f.stream, f.period, f.error) for f in fleet.failures] == [("b", None, error)]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), MemoryError(), Crash("now")])
def test_what_concerns_the_whole_process_ends_the_loop(error: BaseException) -> None:
    def work(stream: str) -> list[str]:
        raise error

    with pytest.raises(type(error)):
        each(["a", "b"], work)
    with pytest.raises(type(error)):
        all_parts("a", [(None, lambda: work("a"))])


def test_the_parts_of_a_stream_say_together_what_failed() -> None:
    def broken() -> list[int]:
        raise errors.InvalidInput("no column 'x'")

    with pytest.raises(PartlyDone, match=r"triage: 1 of 3 failed \(2026-02: no column 'x'\)") as caught:
        all_parts("triage", [("2026-01", lambda: [1]), ("2026-02", broken), ("2026-03", lambda: [3, 4])])
    assert caught.value.done == [1, 3, 4]


RETRIED = {
    "StoreError",
    "Conflict",
    "OutcomeUnknown",
    "Unavailable",
    "SourceError",
    "EndpointBusy",
    "StudioUnreachable",
    "DeliveryError",
    "Retryable",
    "DeliveryUnknown",
}


@pytest.mark.parametrize(
    "kind", [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
)
def test_every_error_of_the_product_is_retried_or_not_on_purpose(kind: type[Exception]) -> None:
    words = {"Refused": ("kind", "x")}.get(kind.__name__, ("x",))
    assert worth_retrying(kind(*words)) is (kind.__name__ in RETRIED)


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (TimeoutError(), True),
        (ConnectionResetError(), True),
        (OSError(28, "No space left on device"), True),
        (FileNotFoundError(), False),
        (PermissionError(), False),
        (KeyError("x"), False),
        (ZeroDivisionError(), False),
        (MemoryError(), False),
        (KeyboardInterrupt(), False),
        (errors.UnexpectedError("x", kind=ConnectionResetError), True),
        (errors.UnexpectedError("x", kind=FileNotFoundError), False),
        (errors.UnexpectedError("x", kind=KeyError), False),
    ],
)
def test_other_errors(error: BaseException, retried: bool) -> None:
    assert worth_retrying(error) is retried


def test_a_stream_is_worth_retrying_where_any_of_its_windows_is() -> None:
    def failed(error: Exception) -> list[str]:
        raise error

    def partly(*causes: Exception) -> PartlyDone:
        with pytest.raises(PartlyDone) as caught:
            all_parts("s", [(str(i), lambda e=e: failed(e)) for i, e in enumerate(causes)])  # type: ignore[misc]
        return caught.value

    assert worth_retrying(partly(errors.InvalidInput("x"), errors.Unavailable("y")))
    assert not worth_retrying(partly(errors.InvalidInput("x"), KeyError("y")))


def test_a_failure_is_put_into_the_outbox_once_a_day(tmp_path: Path) -> None:
    engine = database(tmp_path)
    secret = errors.SourceError("postgresql://u:hunter2@db: value 'Maria wrote this'")
    assert record_failure(engine, "triage", secret, now=NOW, verb="sample")
    assert not record_failure(engine, "triage", KeyError("other"), now=NOW + timedelta(hours=9))
    assert record_failure(engine, "other", secret, now=NOW)
    assert record_failure(engine, "triage", secret, now=NOW + timedelta(days=1))
    with engine.connect() as conn:
        rows = conn.execute(select(tables.outbox).order_by(tables.outbox.c.created_at)).all()
    assert (rows[0].kind, rows[0].stream, rows[0].period) == ("stream_failed", "triage", "2026-11-28")
    assert len(rows) == 3
    assert "hunter2" not in str(rows)
    assert "Maria" not in str(rows)


def test_a_database_that_is_down_hides_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = database(tmp_path)
    (tmp_path / "calib.db").rename(tmp_path / "gone")
    engine.dispose()
    tmp_path.joinpath("calib.db").mkdir()
    assert not record_failure(engine, "triage", errors.InvalidInput("hunter2"), now=NOW)
    assert "the alert that triage failed could not be stored (SourceError)" in caplog.text
    assert "hunter2" not in caplog.text
