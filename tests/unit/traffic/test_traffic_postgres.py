"""Traffic in PostgreSQL: read by every spelling of its URL, and no password in any refusal."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from planted import DATABASE_PASSWORD, leaks_in
from postgres import Postgres

from calib.errors import CalibError, InvalidInput, SourceError
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
