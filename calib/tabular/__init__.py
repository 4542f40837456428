"""The one door for files of rows, read by DuckDB alone. Each name is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calib.lazy import importer

if TYPE_CHECKING:
    from calib.tabular.columns import Answers, Numbers, Texts
    from calib.tabular.file import Rows, TableFile, open_table
    from calib.tabular.many import ManyFiles, load

_HOMES = {
    "Answers": "columns",
    "ManyFiles": "many",
    "Numbers": "columns",
    "Rows": "file",
    "TableFile": "file",
    "Texts": "columns",
    "load": "many",
    "open_table": "file",
}

__all__ = ["Answers", "ManyFiles", "Numbers", "Rows", "TableFile", "Texts", "load", "open_table"]

__getattr__ = importer(__name__, _HOMES)
