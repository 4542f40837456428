"""Traffic in object stores: the same rows as in local files, and requests for what a window needs alone."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from conftest import month_of_traffic
from in_process import run_calib
from object_servers import Server

from calib.errors import InvalidInput, SourceError
from calib.measure import strata_of_cells
from calib.object_urls import open_remote
from calib.sampling import allocate
from calib.tabular import object_files
from calib.traffic import Columns, Draw, Interval, Survey, Traffic

pytestmark = pytest.mark.slow

COLUMNS = Columns(id="prediction_id", ts="ts", confidence="raw_confidence", context=("question",))
MARCH = Interval(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


@pytest.fixture(params=["seaweedfs", "azure"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty prefix in a bucket of each server, which is found through the environment."""
    return _place(request.getfixturevalue(f"{request.param}_server"), monkeypatch)


@pytest.fixture
def bucket(seaweedfs_server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty prefix in a bucket of SeaweedFS."""
    return _place(seaweedfs_server, monkeypatch)


def _place(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server.url()


@pytest.fixture
def ranges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Every range of an object that is asked for: its key, from and to before."""
    asked: list[tuple[str, int, int]] = []
    read_range = object_files.read_range

    def counted(store: Any, file: Any, start: int, end: int) -> bytes:
        asked.append((file.key, start, end))
        return read_range(store, file, start, end)

    monkeypatch.setattr(object_files, "read_range", counted)
    return asked


def as_parquet(table: pa.Table, rows: int = 500) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=rows)
    return out.getvalue()


def as_csv(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pyarrow.csv.write_csv(table, out)
    return out.getvalue()


def as_dialect(table: pa.Table) -> bytes:
    """Semicolons, decimal commas and UTF-16: a dialect that is recognised by reading the file."""
    names = table.column_names
    lines = [";".join(names)]
    for row in table.to_pylist():
        cells = {
            **row,
            "ts": row["ts"].isoformat(),
            "raw_confidence": str(row["raw_confidence"]).replace(".", ","),
        }
        lines.append(";".join(f'"{cells[name]}"' for name in names))
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode("utf-16-le")


def as_jsonl(table: pa.Table) -> bytes:
    rows = ({**row, "ts": row["ts"].isoformat()} for row in table.to_pylist())
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


FORMS: dict[str, tuple[str, Callable[[pa.Table], bytes]]] = {
    "parquet": ("parquet", as_parquet),
    "csv": ("csv", as_csv),
    "dialect": ("csv", as_dialect),
    "jsonl": ("jsonl", as_jsonl),
}


def months(*numbers: int, n: int = 1200) -> dict[int, pa.Table]:
    tables = {}
    for number in numbers:
        table = month_of_traffic(f"2026-{number:02d}", n=n)
        raw = table["raw_confidence"].to_numpy().copy()
        raw[::40] = 1.5
        tables[number] = table.set_column(2, "raw_confidence", pa.array(raw))
    return tables


def put(place: str, key: str, data: bytes) -> None:
    obstore.put(open_remote(place), key, data)


def read(traffic: Traffic, interval: Interval = MARCH) -> tuple[Survey, Draw]:
    survey = traffic.survey(interval)
    cells, counts, _ = survey.by_cell()
    strata = strata_of_cells(cells, counts, distinct=survey.distinct)
    sizes = np.bincount(strata.assign_cells(cells), counts, len(strata)).astype(np.int64)
    drawn = traffic.draw(
        interval,
        strata=strata,
        allocation=allocate(sizes / sizes.sum(), None, 100, sizes=sizes),
        sizes=sizes,
        seed="s",
        period="p",
    )
    return survey, drawn


def test_every_form_gives_the_sample_that_local_files_give(place: str, tmp_path: Path) -> None:
    tables = months(2, 3, 4)
    pq.write_table(pa.concat_tables(tables.values()), tmp_path / "all.parquet")
    local = Traffic("parquet:*.parquet", columns=COLUMNS, base=tmp_path, stream="s")
    survey, drawn = read(local)
    assert survey.rejected == {"out_of_range": 30}
    for name, (kind, write) in FORMS.items():
        for number, table in tables.items():
            put(place, f"{name}/deep/m {number}+é%41.data", write(table))
        put(place, f"{name}/deep/.hidden.data", b"no rows")
        put(place, f"{name}/other.txt", b"no rows")
        there = Traffic(f"{kind}:{place}/{name}/**/*.data", columns=COLUMNS, stream="s")
        stored_survey, stored_draw = read(there)
        assert (stored_survey.population, stored_survey.rejected) == (survey.population, survey.rejected), (
            name
        )
        assert [(r.id, r.order, r.stratum, r.ts, r.context) for r in stored_draw.rows] == [
            (r.id, r.order, r.stratum, r.ts, r.context) for r in drawn.rows
        ], name


@pytest.mark.parametrize("layout", ["year={0:%Y}/month={0:%m}", "period={0:%Y-%m}", "dt={0:%Y%m%d}"])
def test_partitions_of_other_times_are_never_asked_for(
    layout: str, bucket: str, ranges: list[tuple[str, int, int]], tmp_path: Path
) -> None:
    tables, keys = months(1, 2, 3, 4, 5, 6, n=300), {}
    for number, table in tables.items():
        name = f"{layout.format(datetime(2026, number, 14, tzinfo=UTC))}/part-0.parquet"
        put(bucket, name, as_parquet(table))
        keys[number] = f"{bucket.rpartition('/')[2]}/{name}"
    traffic = Traffic(f"parquet:{bucket}/**/*.parquet", columns=COLUMNS, stream="s", late=timedelta(hours=24))
    near = (
        (3,) if layout.startswith("dt") else (2, 3, 4)
    )  # a month beside may hold a row in another time zone
    assert traffic.survey(MARCH).population == 300 - 8
    assert {key for key, _, _ in ranges} == {keys[number] for number in near}
    ranges.clear()
    june = Interval(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    assert traffic.survey(june).population == 300 - 8
    assert {key for key, _, _ in ranges} == {keys[number] for number in (near[0] + 3, 6)}
    year_later = Interval(datetime(2027, 6, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC))
    assert traffic.survey(year_later).population == 0  # and not an error


def test_only_the_columns_that_are_asked_for_leave_the_store(
    bucket: str, ranges: list[tuple[str, int, int]]
) -> None:
    table = months(3, n=4000)[3]
    noise = np.random.default_rng(0).integers(0, 256, (4000, 5000), dtype=np.uint8)
    table = table.append_column("blob", pa.array([row.tobytes() for row in noise], pa.binary()))
    data = as_parquet(table, rows=1000)
    put(bucket, "a.parquet", data)
    Traffic(f"parquet:{bucket}/a.parquet", columns=COLUMNS, stream="s").survey(MARCH)
    assert len(data) > 20_000_000
    assert 0 < sum(end - start for _, start, end in ranges) < len(data) / 2
    assert len(ranges) < 30


def test_a_partition_key_is_a_column(bucket: str) -> None:
    for model in ("large", "small"):
        put(bucket, f"model={model}/a.parquet", as_parquet(months(3)[3]))
    traffic = Traffic(f"parquet:{bucket}/*/a.parquet", columns=COLUMNS, where={"model": "small"}, stream="s")
    assert traffic.survey(MARCH).population == 1200 - 30


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_what_is_gone_or_replaced_in_the_middle_is_an_error(kind: str, bucket: str) -> None:
    write = FORMS[kind][1]
    tables = months(2, 3)
    for number, table in tables.items():
        put(bucket, f"{number}.{kind}", write(table))
    url = f"{kind}:{bucket}/*.{kind}"
    stored = object_files.list_stored(f"{bucket}/*.{kind}")
    put(bucket, f"3.{kind}", write(tables[2]))
    with pytest.raises(SourceError, match="was replaced while it was read; run it again"):
        object_files.read_range(stored.store, stored.files[1], 0, 10)
    traffic = Traffic(url, columns=COLUMNS, stream="s")
    traffic._table(MARCH)
    if kind == "parquet":  # a text was copied whole
        put(bucket, f"3.{kind}", write(tables[3]))
        with pytest.raises(SourceError, match="was replaced while it was read; run it again") as caught:
            traffic.survey(MARCH)
        assert "Traceback" not in str(caught.value)
        obstore.delete(open_remote(bucket), f"3.{kind}")
        with pytest.raises(SourceError, match="cannot be read"):
            traffic.survey(MARCH)


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("parquet:{0}/none/*.parquet", InvalidInput, "no file matches"),
        ("csv:{0}/*.parquet", InvalidInput, "a.parquet cannot be read"),
        ("jsonl:{0}/broken.csv", InvalidInput, r"broken.csv, line 3"),
        ("parquet:{0}/broken.csv", InvalidInput, "broken.csv cannot be read"),
        ("parquet:s3://there-is-no-such-bucket/*.parquet", SourceError, "cannot be listed"),
        ("parquet:{0}/a**b/*.parquet", InvalidInput, "stands alone"),
        ("parquet:s3://mappings", InvalidInput, "names no objects"),
        ("parquet:https://host/a.parquet", InvalidInput, "files cannot be listed at https"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_object(url: str, error: Any, said: str, bucket: str) -> None:
    put(bucket, "a.parquet", b"PAR1\0 and then no table")
    put(
        bucket,
        "broken.csv",
        b"prediction_id,ts,raw_confidence,question\n1,2026-03-01,0.5,a\n2,3\n4,2026-03-02,1,b\n",
    )
    with pytest.raises(error, match=said) as caught:
        Traffic(url.format(bucket), columns=COLUMNS, stream="s").survey(MARCH)
    assert "s: traffic" in str(caught.value)
    assert tempfile.gettempdir() not in str(caught.value)


def test_a_whole_run_on_it(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Traffic and store in one bucket: check, then the month from the sample to the published mapping."""
    for number in (2, 3):
        put(
            bucket,
            f"traffic/period=2026-{number:02d}/a.parquet",
            as_parquet(month_of_traffic(f"2026-{number:02d}")),
        )
    config = tmp_path / "calib.toml"
    config.write_text(
        f"""store = "{bucket}/store"
[streams.triage]
traffic = "parquet:{bucket}/traffic/*/*.parquet"
columns = {{ id = "prediction_id", ts = "ts", confidence = "raw_confidence" }}
review = {{ kind = "outcomes", column = "correct" }}
labels = 300
"""
    )

    def calib(*words: str) -> Any:
        ran = run_calib(monkeypatch, capsys, *words, "--config", config, "--json")
        assert ran.code == 0, ran.err
        return ran.json

    assert calib("check")["ok"] is True
    result = calib("run", "triage", "--period", "2026-02")
    assert (result["state"], result["population"]) == ("closed", 1500)
    assert result["refit"]["published"] is True
    assert calib("run", "triage", "--period", "2026-03")["state"] == "closed"
    assert calib("mapping", "verify", "triage")["ok"] is True
