"""A database of a test that is made at once is the one that the migrations make."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import ready_schema
from queues import database
from ready_schema import migrated_for_real

from calib.db import schema


def dump_of(folder: Path) -> tuple[set[str], str]:
    """What makes a new database in a folder, without what is its own, and its identity."""
    folder.mkdir()
    database(folder).dispose()
    with closing(sqlite3.connect(folder / "calib.db")) as connection:
        identity, made_at = connection.execute("SELECT identity, made_at FROM deployment").fetchone()
        return {line.replace(identity, "").replace(made_at, "") for line in connection.iterdump()}, identity


def test_it_is_the_database_that_the_migrations_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready_schema.statements()
    migrations: list[str] = []
    monkeypatch.setattr(ready_schema, "MIGRATE", lambda _, before: migrations.append(before.state))
    at_once, identity = dump_of(tmp_path / "at once")
    another, other_identity = dump_of(tmp_path / "another")
    monkeypatch.undo()
    assert migrations == []
    with migrated_for_real():
        for_real, _ = dump_of(tmp_path / "for real")
    assert at_once == another == for_real
    assert identity != other_identity
    assert any(line.startswith("CREATE INDEX ix_items") for line in for_real)


def test_a_test_of_migrations_has_them(real_migrations: None) -> None:
    assert schema._upgrade is ready_schema.MIGRATE
