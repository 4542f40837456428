"""A copy of the whole database: from each engine into each, whole or not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres import Postgres
from sqlalchemy import JSON, Boolean, Engine, Float, Integer, String, Table, insert, select

from calib.db.dump import dump, restore
from calib.db.engine import open_engine
from calib.db.health import look
from calib.db.schema import migrate
from calib.db.tables import Moment, metadata
from calib.errors import InvalidInput, SourceError

NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
NUMBERS = st.integers(0, 2**31 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=3)


def value_of(column: Any, number: int) -> st.SearchStrategy[Any]:
    """What a column may hold; a key and a reference hold `number`."""
    if column.primary_key or column.foreign_keys:
        key: Any = number if isinstance(column.type, Integer) or column.foreign_keys else f"key-{number}"
        referred = next(iter(column.foreign_keys), None)
        if referred is not None and not isinstance(referred.column.type, Integer):
            key = f"key-{number}"
        return st.just(key)
    if isinstance(column.type, Moment):
        kinds: st.SearchStrategy[Any] = st.integers(0, 10**9).map(lambda us: NOW + timedelta(microseconds=us))
    elif isinstance(column.type, JSON):
        kinds = OBJECTS
    elif isinstance(column.type, Boolean):
        kinds = st.booleans()
    elif isinstance(column.type, Integer):
        kinds = NUMBERS
    elif isinstance(column.type, Float):
        kinds = st.floats(allow_nan=False, allow_infinity=False)
    else:
        length = getattr(column.type, "length", None) or 40
        kinds = TEXTS.map(lambda text: f"{number}{text}"[: min(12, length)])
        assert isinstance(column.type, String)
    return st.none() | kinds if column.nullable else kinds


@st.composite
def contents(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table, each with the rows that it refers to."""
    n = draw(st.integers(0, 3))
    return {
        table.name: [
            {column.name: draw(value_of(column, number)) for column in table.columns}
            | ({"standing": number % 2 == 0} if table.name == "windows" else {})
            for number in range(1, n + 1)
        ]
        for table in metadata.sorted_tables
    }


def rows_of(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    def ordered(table: Table) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key.columns))]

    with engine.connect() as conn:
        return {table.name: ordered(table) for table in metadata.sorted_tables}


def held(engine: Engine) -> set[str]:
    """The tables that hold rows, but for the identity that is made with the tables."""
    return {name for name, n in look(engine).rows.items() if n and name != "deployment"}


def fill(engine: Engine, rows: dict[str, list[dict[str, Any]]]) -> None:
    with engine.begin() as conn:
        for table in metadata.sorted_tables:
            if rows[table.name]:
                conn.execute(insert(table), rows[table.name])


def copied(engine: Engine) -> str:
    file = io.StringIO()
    dump(engine, file, now=NOW)
    return file.getvalue()


@contextmanager
def emptied(engine: Engine) -> Iterator[Engine]:
    """The engine, every table empty before and afterwards."""

    def empty() -> None:
        with engine.begin() as conn:
            for table in reversed(metadata.sorted_tables):
                conn.execute(table.delete())

    empty()
    try:
        yield engine
    finally:
        empty()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, postgres_server: Postgres) -> Iterator[list[Engine]]:
    """A database of each kind, and on PostgreSQL one whose tables are in a schema of their own."""
    with postgres_server.database() as name:
        url = postgres_server.url(name)
        engines = [
            open_engine(f"sqlite:///{tmp_path_factory.mktemp('dump') / 'calib.db'}"),
            open_engine(url),
            open_engine(url, schema="apart"),
        ]
        for engine in engines:
            migrate(engine)
        yield engines
        for engine in engines:
            engine.dispose()


@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 2), (2, 0)])
@settings(max_examples=8)
@given(rows=contents())
def test_whatever_a_database_holds_is_in_the_other_one(
    both: list[Engine], source: int, target: int, rows: dict[str, list[dict[str, Any]]]
) -> None:
    with emptied(both[source]) as one, emptied(both[target]) as other:
        fill(one, rows)
        counts = restore(other, io.StringIO(copied(one)), name="copy")
        assert counts == {name: len(some) for name, some in rows.items()}
        assert rows_of(other) == rows_of(one)
        assert look(other).rows == counts


def outbox_row(i: int) -> dict[str, Any]:
    return {
        "id": f"id-{i}",
        "kind": "degraded",
        "stream": "triage",
        "period": f"2026-{i:02d}",
        "payload": {"n": i},
        "created_at": NOW,
        "state": "pending",
        "attempts": 0,
        "next_at": NOW,
    }


def action(stream: str = "triage") -> dict[str, Any]:
    return {"who": "ada", "what": "signed_in", "at": NOW, "stream": stream}


@pytest.mark.parametrize("target", [0, 1, 2])
def test_ids_go_on_after_those_that_were_restored(both: list[Engine], target: int) -> None:
    table = metadata.tables["web_actions"]
    with emptied(both[0]) as one:
        with one.begin() as conn:
            conn.execute(insert(table), [action() for _ in range(3)])
        text = copied(one)
    with emptied(both[target]) as other:
        restore(other, io.StringIO(text), name="copy")
        with other.begin() as conn:
            new = conn.execute(insert(table).values(**action()).returning(table.c.id)).scalar_one()
            assert new > max(conn.execute(select(table.c.id).where(table.c.id != new)).scalars())


def test_the_deployment_is_the_one_that_was_copied(tmp_path: Path) -> None:
    one, other = (open_engine(f"sqlite:///{tmp_path / name}.db") for name in ("one", "other"))
    migrate(one)
    text = copied(one)
    restore(other, io.StringIO(text), name="copy")
    table = metadata.tables["deployment"]
    with one.connect() as first, other.connect() as second:
        identities = {conn.execute(select(table.c.identity)).scalar_one() for conn in (first, second)}
    assert len(identities) == 1
    one.dispose()
    other.dispose()


@pytest.fixture
def text(both: list[Engine]) -> str:
    with emptied(both[0]) as one:
        with one.begin() as conn:
            conn.execute(insert(metadata.tables["outbox"]), [outbox_row(i) for i in range(1, 8)])
        return copied(one)


def spoiled(text: str) -> list[tuple[str, str]]:
    lines = text.splitlines(keepends=True)
    row = next(i for i, line in enumerate(lines) if line.startswith('["outbox"'))
    return [
        ("", "line 1 is not JSON"),
        ("{}\n", "is not a dump of calibwatch"),
        (text.replace('"schema": "', '"schema": "9'), "was written with schema 9"),
        ("".join(lines[:-1]), "ends in the middle"),
        (text[: len(text) // 2], "is not JSON|ends in the middle"),
        ("".join([*lines[:row], *lines[row + 1 :]]), "holds other rows than it counts"),
        ("".join([*lines, lines[row]]), "holds other rows than it counts"),
        (text.replace('["outbox"', '["elsewhere"', 1), "is not a row of a table"),
        (text.replace('"payload"', '"load"', 1), "is not a row of a table"),
    ]


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("case", range(9))
def test_a_file_that_is_not_whole_leaves_nothing(
    both: list[Engine], text: str, target: int, case: int
) -> None:
    broken, says = spoiled(text)[case]
    with pytest.raises(InvalidInput, match=says):
        restore(both[target], io.StringIO(broken), name="copy")
    assert not held(both[target])


def test_a_database_that_holds_rows_is_left_as_it_is(both: list[Engine], text: str) -> None:
    with emptied(both[1]) as other:
        restore(other, io.StringIO(text), name="copy")
        before = rows_of(other)
        with pytest.raises(InvalidInput, match=r"holds rows already \(outbox\)"):
            restore(other, io.StringIO(text), name="copy")
        assert rows_of(other) == before


def test_a_copy_is_of_one_moment(both: list[Engine]) -> None:
    """What another process commits while the file is written is not in it, on PostgreSQL too."""
    table = metadata.tables["outbox"]
    with emptied(both[1]) as engine:
        with engine.begin() as conn:
            conn.execute(insert(table), [outbox_row(1)])

        class Interrupted(io.StringIO):
            def write(self, line: str) -> int:
                if '"format"' in line:
                    with engine.begin() as conn:
                        conn.execute(insert(metadata.tables["jobs"]).values(job="relay", expected_since=NOW))
                return super().write(line)

        file = Interrupted()
        assert dump(engine, file, now=NOW)["jobs"] == 0
        assert json.loads(file.getvalue().splitlines()[-1])["rows"]["outbox"] == 1


def test_a_row_without_its_parent_is_damage(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "calib.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    assert not held(engine)
    with sqlite3.connect(path) as past:
        past.execute("INSERT INTO window_actions VALUES (1, 77, 'discarded', 'ada', '2026-11-01', 'x')")
    past.close()
    with pytest.raises(SourceError, match="1 rows of the table window_actions refer to rows of windows"):
        look(engine)
    engine.dispose()
