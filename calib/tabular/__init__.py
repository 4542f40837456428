"""The one door for files of rows: CSV, Parquet, JSON Lines and xlsx, read by DuckDB."""

from __future__ import annotations

from calib.tabular.columns import Answers, Numbers, Texts
from calib.tabular.file import Rows, TableFile, open_table
from calib.tabular.many import ManyFiles, load

__all__ = ["Answers", "ManyFiles", "Numbers", "Rows", "TableFile", "Texts", "load", "open_table"]
