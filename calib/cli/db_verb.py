"""`calib db`: the database's schema."""

from __future__ import annotations

import sys

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Config, Json

app = typer.Typer(no_args_is_help=True, help="The database: its schema.")


@app.callback()
def root() -> None:
    """The database: its schema."""


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
