"""`calib db`: the database's schema, what it holds, and a copy of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Config, Json

app = typer.Typer(no_args_is_help=True, help="The database: its schema, what it holds, a copy of it.")


@app.callback()
def root() -> None:
    """The database: its schema, what it holds, a copy of it."""


@app.command("migrate")
def migrate(config: Config = CONFIG, json: Json = False) -> None:
    """Make the tables, or bring those of an older calibwatch up to date; doing it again changes nothing.

    The whole upgrade is one transaction: it is done, or nothing has changed. Back the database up first.
    """
    from calib.app import open_database
    from calib.db.schema import migrate as bring_up_to_date
    from calib.redaction import shown
    from calib.results.setup import MigrationResult
    from calib.settings import load

    settings = load(config)
    engine = open_database(settings)
    try:
        before, after = bring_up_to_date(engine)
    finally:
        engine.dispose()
    place = shown(settings.database_url)
    if json:
        schema = settings.database_schema
        result = MigrationResult(database=place, schema=schema, before=before, after=after)
        output.emit(result.to_json())
        return
    if before == after:
        sys.stdout.write(f"{place}: schema {after} is up to date already\n")
    else:
        sys.stdout.write(f"{place}: from {f'schema {before}' if before else 'no schema'} to schema {after}\n")


@app.command("check")
def check(config: Config = CONFIG, json: Json = False) -> None:
    """Look at the database: its schema, the rows of each table, and whether what it holds is whole.

    Reads alone. Exits 2 where the schema is not the one of this version, 4 where the database cannot be
    reached or written, or is damaged.
    """
    from calib.db.engine import open_engine
    from calib.db.health import Health, look
    from calib.db.schema import check as stands
    from calib.results.setup import DatabaseChecked
    from calib.settings import load

    settings = load(config)
    url, schema = settings.database_url, settings.database_schema
    says = stands(url, schema=schema)
    found = Health(server="", rows={})
    if not nothing_there(url):
        engine = open_engine(url, schema=schema, reads_only=True)
        try:
            found = look(engine)
        finally:
            engine.dispose()
    if json:
        output.emit(DatabaseChecked(says=says, server=found.server, rows=found.rows).to_json())
        return
    sys.stdout.write(f"{says}\n")
    if found.rows:
        sys.stdout.write(f"{found.server}; what it holds is whole\n")
    for table, n in found.rows.items():
        sys.stdout.write(f"{n:>12,} {table}\n")


@app.command("dump")
def dump(
    to: Annotated[Path, typer.Option("--to", help="The file to write; one that is there is refused.")],
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Copy the whole database into one file, as it is at one moment, while everything runs on.

    The file is JSON lines and can be restored into any database, so that it also moves from SQLite to
    PostgreSQL. It holds what reviewers see: only you can read it, keep it so.
    """
    from calib.app import App
    from calib.db.dump import dump as write
    from calib.errors import InvalidInput
    from calib.redaction import shown
    from calib.results.setup import DumpResult

    opened = App.open(config)
    if to.exists():
        raise InvalidInput(f"{to} is there already: name another file, or move it away")
    unfinished = to.with_name(f"{to.name}.part")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise InvalidInput(f"{to} cannot be written: {error.strerror}. Choose another place") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            rows = write(opened.engine, file, now=opened.now())
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(to)
    finally:
        unfinished.unlink(missing_ok=True)
    result = DumpResult(database=shown(opened.settings.database_url), file=str(to), rows=rows)
    if json:
        output.emit(result.to_json())
    else:
        sys.stdout.write(f"{output.counted(sum(rows.values()), 'row')} of {result.database} are in {to}\n")


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `calib db dump` wrote.")],
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Put a copy of a database into the one of the settings, which has to be empty.

    All of it is one transaction: it is there, or nothing is. Runs that go on from it send and publish nothing
    that was sent or published after the copy was made. Stop the schedules while it runs.
    """
    from calib.app import open_database
    from calib.db.dump import restore as read
    from calib.errors import InvalidInput
    from calib.redaction import shown
    from calib.results.setup import DumpResult
    from calib.settings import load

    settings = load(config)
    engine = open_database(settings)
    try:
        with file.open(encoding="utf-8") as lines:
            rows = read(engine, lines, name=str(file))
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is not a dump of calibwatch: it is not text in UTF-8") from None
    finally:
        engine.dispose()
    result = DumpResult(database=shown(settings.database_url), file=str(file), rows=rows)
    if json:
        output.emit(result.to_json())
    else:
        sys.stdout.write(f"{output.counted(sum(rows.values()), 'row')} of {file} are in {result.database}\n")


def nothing_there(url: str) -> bool:
    """Whether the database is a file that is not there yet, which opening it would make."""
    from calib.db.engine import file_of

    path = file_of(url)
    return path is not None and not path.exists()
