"""Traffic in PostgreSQL: read by every spelling of its URL, and no password in any refusal."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from planted import DATABASE_PASSWORD, leaks_in
from postgres import Postgres

from calib.errors import CalibError, InvalidInput, SourceError
from calib.traffic import Columns, Interval, Traffic
from calib.traffic.connect import table_of


def opened(url: str) -> Any:
    return table_of(url, base=Path(), stream="triage", columns=("id",))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_spelling_of_postgresql_is_read(
    postgres_server: Postgres, postgres_url: str, scheme: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres_server.execute("CREATE TABLE said AS SELECT 'a' AS id", database=name)
    table = opened(f"{postgres_url.replace('postgresql+psycopg', scheme)}#said")
    assert table.count().execute() == 1
    table.get_backend().disconnect()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+psycopg://calib:{raw}@127.0.0.1:1/db#t", "write %40 for @, %2F for /"),
        ("postgresql://calib:{raw}@127.0.0.1:1/db#t", "write %40 for @, %2F for /"),
        ("postgresql://calib:{raw}@127.0.0.1:1/db", "write %40"),
        ("postgresql://calib:{escaped}@127.0.0.1:1/db", "is not understood"),
        ("cobol://calib:{escaped}@127.0.0.1:1/db#t", "no engine for 'cobol'"),
        ("cobol+odd://calib:{raw}@127.0.0.1:1/db#t", "write %40"),
        ("postgresql://calib:{escaped}@127.0.0.1:1/db#t", "cannot be reached"),
        ("postgresql://127.0.0.1:1/db?user=calib&password={escaped}#t", "cannot be reached"),
        ("postgresql://calib:{escaped}@127.0.0.1:port/db#t", "no engine|not understood|cannot be reached"),
    ],
)
def test_a_url_that_fails_is_said_without_its_password(url: str, said: str) -> None:
    written = url.format(raw=DATABASE_PASSWORD, escaped=quote(DATABASE_PASSWORD, safe=""))
    with pytest.raises(CalibError, match=said) as caught:
        opened(written)
    assert leaks_in("".join(traceback.format_exception(caught.value))) == []


def test_a_wrong_password_is_said_without_it(postgres_server: Postgres) -> None:
    wrong = postgres_server.url("postgres", password=f"{DATABASE_PASSWORD}!")
    with pytest.raises(SourceError, match="password authentication failed") as caught:
        opened(f"{wrong}#said")
    assert leaks_in("".join(traceback.format_exception(caught.value))) == []


def test_a_missing_table_is_named_with_those_there(postgres_server: Postgres, postgres_url: str) -> None:
    postgres_server.execute("CREATE TABLE spoken (id text)", database=postgres_url.rpartition("/")[2])
    with pytest.raises(InvalidInput, match=r"has no table 'said'; it has spoken"):
        opened(f"{postgres_url}#said")


KINDS_OF_RELATION = {
    "table": "CREATE TABLE said AS SELECT * FROM source",
    "view": "CREATE VIEW said AS SELECT * FROM source",
    "materialized view": "CREATE MATERIALIZED VIEW said AS SELECT * FROM source",
    "partitioned": "CREATE TABLE said (LIKE source) PARTITION BY RANGE (ts); CREATE TABLE said_all PARTITION "
    "OF said DEFAULT; INSERT INTO said SELECT * FROM source",
}
SOURCE = (
    "CREATE TABLE source (prediction_id text, ts timestamptz NOT NULL, raw_confidence float8); "
    "INSERT INTO source VALUES ('a', '2026-03-05', 0.9), ('b', '2026-03-06', 0.8)"
)
MARCH = Interval(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


@pytest.mark.parametrize("schema", ["public", "other"])
@pytest.mark.parametrize("kind", KINDS_OF_RELATION)
def test_every_kind_of_relation_is_traffic(
    postgres_server: Postgres, postgres_url: str, kind: str, schema: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    make = f"CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path TO {schema}; {SOURCE}; "
    postgres_server.execute(make + KINDS_OF_RELATION[kind], database=name)
    table = "said" if schema == "public" else "other.said"
    traffic = Traffic(
        f"{postgres_url}#{table}",
        columns=Columns(id="prediction_id", ts="ts", confidence="raw_confidence"),
        stream="s",
    )
    assert traffic.survey(MARCH).population == 2
    assert traffic.check()["first"].startswith("2026-03-05")
    traffic._table()[0].get_backend().disconnect()


def test_an_empty_table_is_empty_whatever_its_columns_promise(
    postgres_server: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    for kind in ("timestamptz", "timestamp", "date", "text", "bigint"):
        made = f"prediction_id text NOT NULL, ts {kind} NOT NULL, raw_confidence float8 NOT NULL"
        made = f"CREATE TABLE t_{kind} ({made})"
        postgres_server.execute(made, database=name)
        traffic = Traffic(
            f"{postgres_url}#t_{kind}",
            columns=Columns(id="prediction_id", ts="ts", confidence="raw_confidence"),
            stream="s",
        )
        found = traffic.check()
        assert (found["first"], found["last"]) == (None, None), kind
        assert traffic.survey(MARCH).population == 0
        traffic._table()[0].get_backend().disconnect()


def test_numbers_that_only_postgresql_has_are_counted_as_everywhere(
    postgres_server: Postgres, postgres_url: str
) -> None:
    """A decimal may be NaN or infinite, and a float of a segment larger than any 64-bit integer."""
    name = postgres_url.rpartition("/")[2]
    made = "id text, confidence numeric, segment double precision, ts text DEFAULT '2026-10-05'"
    postgres_server.execute(f"CREATE TABLE odd ({made})", database=name)
    postgres_server.execute(
        "INSERT INTO odd VALUES ('a', 0.5, 5), ('b', 'NaN', 1e20), ('c', 'Infinity', 'NaN'), "
        "('d', NULL, NULL), ('e', 0.7, 1e20)",
        database=name,
    )
    columns = Columns(id="id", ts="ts", confidence="confidence", segment="segment")
    traffic = Traffic(f"{postgres_url}#odd", columns=columns, stream="triage")
    october = Interval(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    survey = traffic.survey(october)
    traffic._table()[0].get_backend().disconnect()
    assert (survey.population, set(survey.cells.segment)) == (2, {"5", "1e+20"})
    assert survey.rejected == {"missing": 1, "not_a_number": 1, "out_of_range": 1}


def test_drift_columns_are_read_by_the_types_of_postgresql(
    postgres_server: Postgres, postgres_url: str
) -> None:
    added = (
        "'free'::char(9) AS plan, 1.50::numeric(9, 2) AS price, true AS first_time, 7::smallint AS tokens, "
        "NULL::varchar(9) AS country, repeat('x', 99) AS said"
    )
    made = f"{SOURCE}; CREATE TABLE said AS SELECT *, {added} FROM source"  # noqa: S608
    postgres_server.execute(made, database=postgres_url.rpartition("/")[2])
    names = ("plan", "price", "first_time", "tokens", "country", "said")
    columns = Columns(id="prediction_id", ts="ts", confidence="raw_confidence", drift=names)
    traffic = Traffic(f"{postgres_url}#said", columns=columns, stream="s")
    found = traffic.drift_values(["a", "b", "gone"], MARCH)
    assert set(found) == {"a", "b"}
    assert list(found["a"].values()) == ["free", "1.5", "true", "7", None, "x" * 65]
    traffic._table()[0].get_backend().disconnect()


def test_types_that_belong_to_a_database_are_read_as_what_they_stand_for(
    postgres_server: Postgres, postgres_url: str
) -> None:
    """Enumerations, domains over domains, and money: as segment, confidence, id, time, and in `where`."""
    columns = (
        "i::text::short_id AS id, 0.75::certain AS confidence, timestamptz '2026-10-05 10:00Z' + i * "
        "interval '1 day' AS ts, (ARRAY['free', 'paid'])[1 + i % 2]::plan AS plan, 1.50::money AS price, "
        '\'ml\' || i AS "model ""x"""'
    )
    types = (
        "CREATE TYPE plan AS ENUM ('free', 'paid'); CREATE DOMAIN share AS numeric(6, 3) CHECK (value <= 1); "
        "CREATE DOMAIN certain AS share NOT NULL; CREATE DOMAIN short_id AS varchar(9)"
    )
    made = f"CREATE TABLE other.said AS SELECT {columns} FROM generate_series(1, 4) AS i"  # noqa: S608
    name = postgres_url.rpartition("/")[2]
    for statement in (types, "CREATE SCHEMA other", made):
        postgres_server.execute(statement, database=name)
    columns_ = Columns(id="id", ts="ts", confidence="confidence", segment="plan", drift=("plan", "price"))
    where = {"plan": "paid"}
    october = Interval(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    for wanted, population in (({}, 4), (where, 2)):
        traffic = Traffic(f"{postgres_url}#other.said", columns=columns_, stream="s", where=wanted)
        survey = traffic.survey(october)
        assert (survey.population, dict(survey.rejected)) == (population, {})
        assert set(survey.cells.segment) == ({"paid"} if wanted else {"free", "paid"})
        values = traffic.drift_values(["1", "2"], october)
        assert values["1"] == {"plan": "paid", "price": "1.5"}
        traffic._table()[0].get_backend().disconnect()
