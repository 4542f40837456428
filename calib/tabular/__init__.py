"""The one door for files of rows: CSV and Parquet, read by DuckDB alone."""

from __future__ import annotations

from calib.tabular.columns import Codes, Numbers, Texts
from calib.tabular.file import TableFile, open_table

__all__ = ["Codes", "Numbers", "TableFile", "Texts", "open_table"]
