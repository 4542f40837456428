"""What several tables may have in common: the server, the bucket or the file that they are read from."""

from __future__ import annotations

from calib.redaction import shown

FILES = ("parquet", "csv", "jsonl")


def place_of(url: str) -> str:
    """The place behind the URL of a table, as it may be shown: where it fails, all its tables fail.

    >>> place_of("postgresql://me:secret@db/logs#rows"), place_of("parquet:s3://bucket/a/*.parquet")
    ('postgresql://me:***@db/logs', 's3://bucket')
    >>> place_of("csv:logs/*.csv")
    'csv:logs/*.csv'
    """
    kind, _, rest = url.partition(":")
    if kind not in FILES:
        return shown(url.rpartition("#")[0] or url)
    scheme, mark, path = rest.partition("://")
    return shown(f"{scheme}{mark}{path.partition('/')[0]}" if mark else url)
