"""Small files of every form, to begin from."""

from __future__ import annotations

import gzip
import io

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

TEXT = 'confidence,correct,answer\n0.9,1,"a ""b"", c"\n0.5,wrong,"x\ny"\n85%,N/A,\n'


def seeds() -> dict[str, bytes]:
    """From a name to the bytes of a file."""
    parquet, workbook = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table({"confidence": [0.9, 0.5], "correct": [True, None]}), parquet)
    book = openpyxl.Workbook()
    book.active.append(["confidence", "correct"])
    book.active.append([0.9, 1])
    book.save(workbook)
    lines = b'{"confidence": 0.9, "correct": true, "a": {"b": 1}}\n{"confidence": NaN, "correct": 0}\n'
    return {
        "csv": TEXT.encode(),
        "semicolon": TEXT.replace(",", ";").replace(".", ",").encode(),
        "mixed": TEXT.replace("\n", "\r\n", 2).encode(),
        "utf16": TEXT.encode("utf-16"),
        "gzip": gzip.compress(TEXT.encode()),
        "zstd": zstd.compress(TEXT.encode()),
        "jsonl": lines,
        "cut": TEXT.encode()[:-8],
        "parquet": parquet.getvalue(),
        "xlsx": workbook.getvalue(),
    }
