"""Survey and draw over many Parquet rows, beside DuckDB's own pass over the same rows.

The floor computes the md5 of every id and the sum of the confidences: what any draw of this kind must at
least do. Each part runs in a process of its own, so that its peak memory is its own.

    python benchmarks/survey.py [--rows 10000000] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
LEVELS, FILES = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99, 1.0], 8


def make(folder: Path, rows: int) -> None:
    """Write the month: ids of 16 hex digits, times, stated confidences, half a percent of them unusable."""
    import duckdb

    levels = ", ".join(map(str, LEVELS))
    for part in range(FILES):
        low, high = rows * part // FILES, rows * (part + 1) // FILES
        duckdb.sql(
            f"""
            COPY (
                SELECT left(md5(i::VARCHAR), 16) AS id,
                       TIMESTAMPTZ '2026-10-01 00:00:00+00' + to_seconds(hash(i) % 2678400) AS ts,
                       CASE WHEN hash(i + 1) % 200 = 0 THEN NULL
                            ELSE list_extract([{levels}], 1 + (hash(i + 2) % {len(LEVELS)})::INT)
                       END AS confidence
                FROM range({low}, {high}) AS t(i)
            ) TO '{folder / f"{part}.parquet"}' (FORMAT parquet)
            """  # noqa: S608  numbers and a path of our own
        )


def floor(folder: Path) -> None:
    """DuckDB alone."""
    import duckdb

    query = f"SELECT max(md5(id)), sum(confidence) FROM '{folder}/*.parquet'"  # noqa: S608
    duckdb.sql(query).fetchall()


def ours(folder: Path) -> None:
    """The survey, the design and the draw of one window of 500 labels."""
    import numpy as np

    from calib.measure import strata_of_cells
    from calib.sampling import allocate
    from calib.traffic import Columns, Interval, Traffic

    columns = Columns(id="id", ts="ts", confidence="confidence")
    traffic = Traffic("parquet:*.parquet", columns=columns, base=folder, stream="benchmark")
    interval = Interval(START, END + timedelta(0))
    survey = traffic.survey(interval)
    cells, counts, _ = survey.by_cell()
    strata = strata_of_cells(cells, counts, distinct=survey.distinct)
    sizes = np.bincount(strata.assign_cells(cells), counts, len(strata)).astype(np.int64)
    allocation = allocate(sizes / sizes.sum(), None, 500, sizes=sizes)
    drawn = traffic.draw(
        interval, strata=strata, allocation=allocation, sizes=sizes, seed="benchmark", period="2026-10"
    )
    assert len(drawn.rows) == 500


def timed(part: str, folder: Path) -> dict[str, float]:
    """Run one part in a fresh process; the imports are made before the clock starts."""
    code = (
        "import sys, time, resource, json; sys.path.insert(0, sys.argv[2]); import survey; "
        "import duckdb, ibis, numpy, pandas, calib.traffic, calib.traffic.expressions; "
        "from pathlib import Path; ibis.duckdb.connect(); t = time.perf_counter(); "
        "getattr(survey, sys.argv[1])(Path(sys.argv[3])); "
        "print(json.dumps({'seconds': time.perf_counter() - t, "
        "'mib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, part, str(Path(__file__).parent), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])  # DuckDB draws its progress above
    return found


def main() -> None:
    """Print seconds, ratio and peak memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        make(folder, arguments.rows)
        print(f"{arguments.rows:,} rows in {FILES} files, made in {time.perf_counter() - begun:.0f} s")
        runs = [(timed("floor", folder), timed("ours", folder)) for _ in range(arguments.repeats)]
    ratios = [b["seconds"] / a["seconds"] for a, b in runs]
    for label, index in (("DuckDB's md5 and sum", 0), ("survey and draw of 500", 1)):
        seconds = statistics.median(run[index]["seconds"] for run in runs)
        memory = max(run[index]["mib"] for run in runs)
        print(f"{label:24} {seconds:6.2f} s   peak {memory:5.0f} MiB")
    spread = f"min {min(ratios):.2f}, max {max(ratios):.2f}"
    print(f"ratio {statistics.median(ratios):.2f} ({spread}); target: at most 3, under 1 GiB")


if __name__ == "__main__":
    main()
