"""The one door for files of rows: CSV, Parquet, JSON Lines and xlsx, read by DuckDB."""

from __future__ import annotations

from calib.tabular.columns import Answers, Numbers, Texts
from calib.tabular.file import Rows, TableFile, open_table

__all__ = ["Answers", "Numbers", "Rows", "TableFile", "Texts", "open_table"]
