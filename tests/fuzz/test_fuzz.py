"""The fuzz targets run for a bounded time; where atheris is not installed they are skipped, and say so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from table_seeds import seeds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS = 5
FILE_SECONDS = 30


@pytest.mark.slow
def test_no_file_breaks_the_readers(tmp_path: Path) -> None:
    pytest.importorskip(
        "atheris", reason="atheris is not installed (it has wheels for Linux on x86-64 alone)"
    )
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, content in seeds().items():
        (corpus / name).write_bytes(content)
    command = [sys.executable, str(HERE / "fuzz_tabular.py"), str(corpus)]
    command += [f"-max_total_time={FILE_SECONDS}", "-timeout=30", "-max_len=4096", "-rss_limit_mb=4096"]
    command += [f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr


@pytest.mark.slow
def test_no_reply_breaks_the_readers(tmp_path: Path) -> None:
    pytest.importorskip(
        "atheris", reason="atheris is not installed (it has wheels for Linux on x86-64 alone)"
    )
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    replies = (ROOT / "tests" / "golden" / "elicit" / "replies.jsonl").read_bytes().splitlines()
    for i, line in enumerate(replies):
        (corpus / f"{i}").write_bytes(line)
    command = [sys.executable, str(HERE / "fuzz_elicit.py"), str(corpus), f"-dict={HERE / 'elicit.dict'}"]
    command += [f"-max_total_time={SECONDS}", "-timeout=5", "-max_len=4096", "-rss_limit_mb=2048"]
    command += [f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr
