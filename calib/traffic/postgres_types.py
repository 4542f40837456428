"""Columns of PostgreSQL whose types belong to a database: read as the type that they stand for."""

from __future__ import annotations

from typing import Any

from calib.tabular.many import quoted

# each column with its type below all domains, as text where that is an enumeration
_TYPES = """
WITH RECURSIVE below AS (
    SELECT a.attnum, a.attname, a.atttypid AS type, a.atttypmod AS modifier, false AS inside
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = coalesce(%(schema)s, current_schema()) AND c.relname = %(table)s
        AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, b.attname, t.typbasetype, t.typtypmod, true
    FROM below b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
)
SELECT b.attname,
    CASE WHEN t.typtype = 'e' THEN 'text'
        WHEN b.type = 'pg_catalog.money'::pg_catalog.regtype THEN 'numeric'
        WHEN b.inside THEN pg_catalog.format_type(b.type, b.modifier) END
FROM below b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype <> 'd' ORDER BY b.attnum
"""


def with_plain_types(connection: Any, table: str, schema: str | None) -> Any:
    """The Ibis table with enumerations as text, domains as the types below them, and money as a number.

    Ibis takes an enumeration for text, whose functions PostgreSQL then refuses, and knows no domain. A
    table without such columns is read as it stands.
    """
    import ibis

    original = connection.table(table, database=schema)
    found = connection.con.execute(_TYPES, {"schema": schema, "table": table}).fetchall()
    if not any(plain for _, plain in found):
        return original
    kind_of = connection.compiler.type_mapper.from_string
    # given, because Ibis would create a view to learn it, which a server that is only read refuses
    kinds = {name: original[name].type() if plain is None else kind_of(plain) for name, plain in found}
    columns = ", ".join(
        quoted(name) if plain is None else f"{quoted(name)}::{plain} AS {quoted(name)}"
        for name, plain in found
    )
    source = quoted(table) if schema is None else f"{quoted(schema)}.{quoted(table)}"
    query = f"SELECT {columns} FROM {source}"  # noqa: S608  names, quoted
    return connection.sql(query, schema=ibis.schema(kinds))
