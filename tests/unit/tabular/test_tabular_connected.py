"""Files are read by one DuckDB of the process, which keeps nothing and does not hold a forked process up."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

from calib.tabular.file import connected

SUM = "SELECT sum(i) FROM range(3000000) t(i)"  # enough for more than one thread
FORKED = f"""
import os, sys
from calib.tabular.file import connected

def work():
    with connected() as connection:
        connection.execute("{SUM}").fetchall()

work()
child = os.fork()
work()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_reads_and_ends() -> None:
    assert subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=120).returncode == 0


def test_what_one_connection_makes_no_other_sees() -> None:
    with connected() as one, connected() as other:
        one.execute("CREATE TEMP TABLE mine AS SELECT 1")
        with pytest.raises(duckdb.CatalogException):
            other.execute("SELECT * FROM mine")


@pytest.mark.parametrize(
    "error", [duckdb.FatalException, duckdb.InternalException, duckdb.ConversionException]
)
def test_after_an_error_that_ends_a_database_there_is_another(error: type[duckdb.Error]) -> None:
    query = "SELECT count(*) FROM duckdb_settings() WHERE name = 'memory_limit' AND value = '100.0 MiB'"
    with connected() as connection:
        connection.execute("SET memory_limit = '100MiB'")
    with pytest.raises(error), connected():
        raise error("made for the test")
    with connected() as connection:
        kept = connection.execute(query).fetchall() == [(1,)]
        connection.execute("RESET memory_limit")
    assert kept is (error is duckdb.ConversionException)
