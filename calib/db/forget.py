"""Deleting rows with all rows that refer to them, whichever table these are in."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Table, delete, select

from calib.db.tables import metadata


def forget(conn: Connection, table: Table, where: ColumnElement[bool]) -> int:
    """Delete rows of a table, and before that every row that refers to one of them; how many of its own.

    A table that is added later and refers to one of these is included by itself.
    """
    for other in metadata.sorted_tables:
        for key in other.foreign_keys:
            if key.column.table is table and other is not table:
                referred = select(table.c[key.column.name]).where(where)
                forget(conn, other, key.parent.in_(referred))
    return conn.execute(delete(table).where(where)).rowcount
