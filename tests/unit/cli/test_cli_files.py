"""What users feed to `calib measure` and `calib gate`: read right, or refused with the place and why."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

LEVELS = (0.95, 0.97, 0.98, 0.99, 1.0)
PERCENT = (0, 1, 5, 20, 35, 50, 60, 70, 80, 85, 90, 95, 99, 100)


def write(path: Path, right: object, wrong: object, *, accuracy: float, n: int = 1000) -> Path:
    rng = random.Random(5)
    lines = [f"{rng.choice(LEVELS)},{right if rng.random() < accuracy else wrong}\n" for _ in range(n)]
    path.write_text("confidence,correct\n" + "".join(lines))
    return path


def test_one_vocabulary_decides_alike_in_both_files(tmp_path: Path, calib: Any) -> None:
    before = write(tmp_path / "before.csv", "correct", "incorrect", accuracy=0.9)
    after = write(tmp_path / "after.csv", "correct", "wrong", accuracy=0.6)
    ran = calib("gate", before, after, "--strict", "--json")
    assert ran.code == 1
    assert ran.json["state"] == "degraded"
    assert (round(ran.json["before"]["ece"], 2), round(ran.json["after"]["ece"], 2)) == (0.08, 0.38)
    assert ran.json["columns"] == {"confidence": "confidence", "correct": "correct"}
    assert ran.json["rejected"] == {}


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (1, -1, "'-1' and other cells"),
        (2, 1, "'2' and other cells"),
        ("correct", "bad", "'bad' and other cells"),
        ("True", "None", "'None' says neither right nor wrong"),
        ("yes", "", "an empty cell says neither right nor wrong"),
        ("pass", "N/A", "'N/A' says neither right nor wrong"),
    ],
)
def test_wrong_answers_in_an_unknown_word_are_refused(
    tmp_path: Path, calib: Any, right: object, wrong: object, said: str
) -> None:
    path = write(tmp_path / "log.csv", right, wrong, accuracy=0.6)
    for arguments in (("measure", path, "--no-picture"), ("gate", path, path)):
        ran = calib(*arguments)
        assert ran.code == 2
        assert said in ran.err
        assert "log.csv, line " in ran.err
        assert "column 'correct'" in ran.err
    ran = calib("measure", path, "--no-picture", "--allow-rejected", 0.7, "--json")
    assert ran.code == 0
    assert sum(ran.json["rejected"].values()) + ran.json["n"] == ran.json["rows"] == 1000


def test_few_unknown_words_beside_both_classes_are_counted(tmp_path: Path, calib: Any) -> None:
    path = write(tmp_path / "log.csv", 1, 0, accuracy=0.6)
    with path.open("a") as file:
        file.write("0.9,maybe\n" * 50)
    assert calib("measure", path, "--no-picture", "--json").json["rejected"] == {"not_an_answer": 50}
    assert calib("measure", path, "--no-picture", "--allow-rejected", 0.01).code == 2


def percent(path: Path, scale: float, sign: str = "") -> Path:
    rng = random.Random(3)
    rows = [(p := rng.choice(PERCENT), int(rng.random() < p / 100 * 0.8)) for _ in range(2000)]
    path.write_text("confidence,correct\n" + "".join(f"{p / scale:g}{sign},{o}\n" for p, o in rows))
    return path


@pytest.mark.parametrize(
    ("scale", "sign", "said", "option"),
    [
        (1, "", "looks like percent: 0 to 100; divide, or --scale 100", 100),
        (1, "%", "looks like percent: write 0.85 for 85%, or --scale 100", 100),
        (10, "", "looks like tenths: 0 to 10; divide, or --scale 10", 10),
    ],
)
def test_percent_and_tenths_are_refused_or_scaled(
    tmp_path: Path, calib: Any, scale: float, sign: str, said: str, option: int
) -> None:
    truth = calib("measure", percent(tmp_path / "share.csv", 100), "--no-picture", "--json").json
    path = percent(tmp_path / "log.csv", scale, sign)
    assert round(truth["ece"], 3) == 0.096
    ran = calib("measure", path, "--no-picture")
    assert ran.code == 2
    assert said in ran.err
    scaled = calib("measure", path, "--no-picture", "--scale", option, "--json").json
    assert (scaled["ece"], scaled["n"]) == (truth["ece"], 2000)


def test_a_scale_that_does_not_fit_is_refused(tmp_path: Path, calib: Any) -> None:
    share, whole = percent(tmp_path / "share.csv", 100), percent(tmp_path / "log.csv", 1)
    assert "leave --scale out" in calib("measure", share, "--no-picture", "--scale", 100).err
    mixed = tmp_path / "mixed.csv"
    mixed.write_text(whole.read_text() + share.read_text().partition("\n")[2])
    for options in ((), ("--scale", 100)):
        assert calib("measure", mixed, "--no-picture", *options).code == 2


def test_a_class_is_not_an_answer(tmp_path: Path, calib: Any) -> None:
    rng = random.Random(8)
    rows = []
    for i in range(1000):
        p = min(max(rng.betavariate(0.5, 1.5), 0.01), 0.99)
        rows.append((i, int(rng.random() < p), int(p >= 0.5), round(max(p, 1 - p), 3)))
    log = tmp_path / "log.csv"
    log.write_text("id,label,prediction,confidence\n" + "".join(f"{i},{a},{b},{c}\n" for i, a, b, c in rows))
    ran = calib("measure", log, "--no-picture")
    assert ran.code == 2
    assert "--prediction prediction" in ran.err
    assert "--correct label" in ran.err
    compared = calib("measure", log, "--no-picture", "--prediction", "prediction", "--json").json
    assert (round(compared["ece"], 2), compared["accuracy"]) == (0.0, 0.811)
    assert compared["columns"] == {"confidence": "confidence", "correct": "label", "prediction": "prediction"}
    said = calib("measure", log, "--no-picture", "--correct", "label", "--json").json
    assert said["columns"]["correct"] == "label"

    key = tmp_path / "key.csv"
    words = "ABCDE"
    key.write_text(
        "answer,correct,confidence\n"
        + "".join(f"{words[i % 5]},{words[i % 5 if b == a else (i + 1) % 5]},{c}\n" for i, a, b, c in rows)
    )
    ran = calib("measure", key, "--no-picture")
    assert ran.code == 2
    assert "--answer" in ran.err
    compared = calib("measure", key, "--no-picture", "--answer", "answer", "--json").json
    assert compared["accuracy"] == 0.811
    assert "both: one column" in calib("measure", key, "--answer", "answer", "--prediction", "answer").err


def test_columns_are_named_and_a_guess_is_said(tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "log.csv"
    path.write_text(" Score ,OUTCOME\n0.9,1\n0.2,0\n")
    ran = calib("measure", path, "--no-picture")
    assert "confidence ' Score ' (guessed), correct 'OUTCOME' (guessed)" in " ".join(ran.out.split("\n"))
    found = calib("measure", path, "--no-picture", "--json").json
    assert found["columns"] == {"confidence": " Score ", "correct": "OUTCOME"}
    assert found["guessed"] == ["confidence", "correct"]


def test_just_beyond_the_ends_is_the_end(tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "edge.csv"
    path.write_text(
        "confidence,correct\n1.0000000000000002,0\n1.0000001192092896,0\n-1.1102230246251565e-16,0\n0.9,1\n0.8,1\n"
    )
    found = calib("measure", path, "--no-picture", "--json").json
    assert (found["n"], found["rounded"], found["rejected"]) == (5, 3, {})
    assert found["bins"][-1]["n"] == 2 + 0  # 1.0 twice; 0.9 lies in the bin below
    path.write_text("confidence,correct\n1.00001,0\n" + "0.9,1\n0.9,0\n" * 20)
    assert calib("measure", path, "--no-picture", "--json").json["rejected"] == {"out_of_range": 1}


def as_csv(path: Path, delimiter: str = ",") -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["confidence", "correct"])
        writer.writerows(ROWS if delimiter == "," else [(str(c).replace(".", ","), o) for c, o in ROWS])


def as_gzip(path: Path) -> None:
    as_csv(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def as_zstd(path: Path) -> None:
    as_csv(path)
    path.write_bytes(zstd.compress(path.read_bytes()))


def as_utf16(path: Path) -> None:
    as_csv(path)
    path.write_bytes(path.read_text().encode("utf-16"))


def as_jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps({"confidence": c, "correct": bool(o)}) + "\n" for c, o in ROWS))


def as_decimals(path: Path) -> None:
    correct = pa.array([Decimal(o) for _, o in ROWS], pa.decimal128(3, 2))
    pq.write_table(pa.table({"confidence": [c for c, _ in ROWS], "correct": correct}), path)


def as_singles(path: Path) -> None:
    columns = {"confidence": pa.array([c for c, _ in ROWS], pa.float32()), "correct": [o for _, o in ROWS]}
    pq.write_table(pa.table(columns), path)


def as_workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["confidence", "correct"])
    for row in ROWS:
        sheet.append(row)
    book.save(path)


ROWS = [([0.3, 0.6, 0.7, 0.9][i % 4], int(i % 3 > 0)) for i in range(400)]
FORMS: dict[str, Callable[[Path], None]] = {
    "csv": as_csv,
    "tsv": lambda path: as_csv(path, "\t"),
    "semicolon": lambda path: as_csv(path, ";"),
    "gzip": as_gzip,
    "zstd": as_zstd,
    "utf-16": as_utf16,
    "jsonl": as_jsonl,
    "decimals": as_decimals,
    "singles": as_singles,
    "xlsx": as_workbook,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_bins(form: str, tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "log"
    FORMS[form](path)
    found = calib("measure", path, "--no-picture", "--json").json
    filled = [(part["lo"], part["hi"], part["n"]) for part in found["bins"] if part["n"]]
    assert filled == [(0.2, 0.3, 100), (0.5, 0.6, 100), (0.6, 0.7, 100), (0.8, 0.9, 100)]
    assert (found["rows"], found["accuracy"]) == (400, sum(o for _, o in ROWS) / 400)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["0.9,1", "0.8,0,v2"], "line 3: 3 cells where the first line names 2"),
        (["0.9,1", "confidence,correct,model", "0.8,0,v2"], "line 3: a second line of names"),
        (["0.9,1", "correct,confidence", "0,0.8"], "line 3: a second line of names, with other columns"),
        (["0.9,1", '"0.8,0', "0.7,1", "0.6,1"], "line 3: a quotation mark"),
        (["0.9,1", "0.8,\0", "0.7,1"], "line 3: a zero byte"),
    ],
)
def test_a_file_that_changes_on_the_way_is_refused_with_the_line(
    lines: list[str], said: str, tmp_path: Path, calib: Any
) -> None:
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["confidence,correct", *lines]) + "\n")
    ran = calib("measure", path, "--no-picture")
    assert ran.code == 2
    assert f"log.csv, {said}" in ran.err


def test_the_line_of_names_once_more_and_a_cut_line_are_counted(tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "log.csv"
    path.write_text("confidence,correct\n0.9,1\nconfidence,correct\n0.8,0\n0.7")
    found = calib("measure", path, "--no-picture", "--json").json
    assert found["rejected"] == {"cut_line": 1, "repeated_header": 1}
    assert (found["n"], found["rows"]) == (2, 4)


def test_a_column_twice_is_an_error_only_where_it_is_used(tmp_path: Path, calib: Any) -> None:
    path = tmp_path / "log.csv"
    path.write_text("note,confidence,note,correct\na,0.9,b,1\na,0.8,b,0\n")
    assert calib("measure", path, "--no-picture").code == 0
    path.write_text("confidence,confidence,correct\n0.9,0.1,1\n")
    assert "two columns called 'confidence'" in calib("measure", path, "--no-picture").err


@pytest.mark.slow
def test_thirteen_files_of_long_cells_with_line_breaks_are_read_in_full(tmp_path: Path, calib: Any) -> None:
    """4,000 questions with their passages: cells of 1 to 8 kB, whose lines look like rows."""
    for seed in range(13):
        rng = random.Random(seed)
        path = tmp_path / f"{seed}.csv"
        right = 0
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator=rng.choice(["\n", "\r\n"]))
            writer.writerow(["question", "confidence", "correct"])
            for i in range(4000):
                line = rng.choice(["x,0.9,1\n", 'He said "no, 0.5,0".\n', "\r\n\n", "passage ü\n"])
                cell = f"Q{i}\n" + line * (rng.randint(1000, 8000) // len(line))
                ok = int(rng.random() < 0.7)
                right += ok
                writer.writerow([cell, 0.7, ok])
        found = calib("measure", path, "--no-picture", "--json").json
        assert (found["rows"], found["n"], round(found["accuracy"] * 4000)) == (4000, 4000, right)
