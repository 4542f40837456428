"""A file of confidences and answers: usable rows, and the others by kind."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calib.errors import InvalidInput
from calib.tabular.labelled import Reading, read_labelled
from calib.tabular.roles import Asked


def written(folder: Path, text: str) -> Path:
    path = folder / "log.csv"
    path.write_text(text)
    return path


def test_every_row_is_used_or_counted(tmp_path: Path) -> None:
    answers = ["1", "0", "yes", "INCORRECT", "unsure", "", "perhaps", "1", "1", "1", "1"]
    scores = ["0.9", "0.5", " 0.7", "1", "0.9", "0.9", "0.9", "85%", "1.5", "inf", ""]
    lines = [f"{s},{a},{'x' if i else ''}" for i, (s, a) in enumerate(zip(scores, answers, strict=True))]
    found = read_labelled(
        written(tmp_path, "\n".join(["confidence,correct,segment", *lines])), None, Reading(allow_rejected=1)
    )
    assert found.sample.scores.tolist() == [0.9, 0.5, 0.7, 1.0]
    assert found.sample.correct.tolist() == [1, 0, 1, 0]
    assert found.rejected == {
        "unsure": 1, "unlabelled": 1, "not_an_answer": 1, "not_a_number": 1, "out_of_range": 2, "missing": 1,
    }  # fmt: skip
    assert found.rows == len(found.sample.scores) + sum(found.rejected.values())
    assert found.sample.segments.tolist()[1:] == ["x"] * 3


def test_weights_are_numbers_that_are_not_negative(tmp_path: Path) -> None:
    path = written(tmp_path, "score,label,weight\n.5,1,2\n.5,1,-1\n.5,1,\n.5,1,x\n.5,0,0\n.5,0,inf\n")
    found = read_labelled(path, None, Reading(allow_rejected=1))
    assert found.sample.weights.tolist() == [2]
    assert found.rejected == {"bad_weight": 3, "missing_weight": 1, "zero_weight": 1}


def test_a_row_without_weight_is_counted_as_left_out(tmp_path: Path) -> None:
    """Beside 1e308 the weight 1e-300 is nothing at all."""
    path = written(tmp_path, "score,label,weight\n.5,1,1e308\n.5,0,1e308\n.5,0,1e-300\n.5,1,-0.0\n")
    found = read_labelled(path)
    assert (len(found.sample), found.rejected) == (2, {"zero_weight": 2})
    with pytest.raises(InvalidInput, match=r"no row can be used \(2 zero weight\).*'weight' numbers above 0"):
        read_labelled(written(tmp_path, "score,label,weight\n.5,1,0\n.5,0,0\n"))


@pytest.mark.parametrize("weight", ["1.0000", "1000", "0,001", "1.5", "12.34", "1234.567"])
@pytest.mark.parametrize("confidence", ["0,5", "0.5"])
def test_a_weight_that_is_no_thousand_is_read(tmp_path: Path, weight: str, confidence: str) -> None:
    path = written(tmp_path, f"confidence;correct;weight\n{confidence};1;{weight}\n0,5;0;1\n")
    assert read_labelled(path).sample.weights.tolist() == [float(weight.replace(",", ".")), 1]


def test_weights_with_three_digits_are_read_where_the_point_is_the_decimal(tmp_path: Path) -> None:
    path = written(tmp_path, "confidence;correct;weight\n0.5;1;1.250\n0.5;0;0.125\n")
    assert read_labelled(path).sample.weights.tolist() == [1.25, 0.125]


def test_a_segment_may_be_called_na(tmp_path: Path) -> None:
    found = read_labelled(written(tmp_path, "confidence,correct,segment\n0.5,1,NA\n0.5,1,null\n0.5,1,\n"))
    assert found.sample.segments.tolist()[:2] == ["NA", "null"]


def test_parquet_and_csv_agree(tmp_path: Path) -> None:
    table = pa.table({"p": [0.5, float("nan"), None, 2.0], "ok": [True, False, True, True]})
    pq.write_table(table, tmp_path / "log.parquet")
    csv = written(tmp_path, "p,ok\n0.5,true\nnan,false\n,true\n2.0,true\n")
    for path in (tmp_path / "log.parquet", csv):
        found = read_labelled(path, Asked(confidence="p", correct="ok"), Reading(allow_rejected=1))
        assert found.rejected == {"not_a_number": 1, "missing": 1, "out_of_range": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "none of the columns confidence.*--confidence"),
        ("confidence,b\n1,2\n", "none of the columns correct.*--correct"),
        ("confidence,correct\n85%,1\n", r"log\.csv, line 2, column .confidence.: .85%. .*percent.*0\.85"),
        ("confidence,correct\n", "no row can be used"),
        ("confidence,correct\n9.5,1\n0,0\n", "tenths: 0 to 10; divide, or --scale 10"),
        ("confidence,correct\n95,1\n0.5,0\n", "percent: 0 to 100; divide, or --scale 100"),
        ("confidence,correct\n950,1\n70,0\n", "per mille: 0 to 1000; divide, or --scale 1000"),
        ("confidence,correct\n5,1\n1,0\n3,0\n", "ratings: .* from 0 to 1 .* tenths, --scale 10"),
        ("confidence,correct\n4.5,1\n1,0\n3,0\n", "tenths: 0 to 10"),
        ('confidence,correct\n"0,9",1\n"0,8",0\n', "decimal comma, .* semicolons or tabs"),
        (
            "confidence;correct;weight\n0,9;1;900\n0,8;0;1.000\n",
            "line 3, column .weight.: .1.000. .* thousands",
        ),
        ("confidence\tcorrect\tweight\n0.9\t1\t0,5\n1\t0\t12.345.678\n", "line 3, .* thousands"),
        ("confidence,correct\n1001,1\n1,0\n", "confidences: write numbers from 0 to 1"),
        ("confidence,correct\n-0.5,1\n2,0\n", "confidences: write numbers from 0 to 1"),
        ("confidence,correct\n0.5,1\n0.5,1,2,3\n", "line 3: 4 cells where the first line names 2"),
    ],
)
def test_a_file_that_is_of_no_use_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_labelled(written(tmp_path, text))


@pytest.mark.parametrize("empty", ["", "nan", "  "])
@pytest.mark.parametrize(("named", "fine"), [(19, True), (18, False)])
def test_rows_that_name_no_question_do_not_decide(tmp_path: Path, empty: str, named: int, fine: bool) -> None:
    rows = "".join(f"{i},0.5,{i % 2}\n" for i in range(named)) + f"{empty},0.5,1\n"
    path = written(tmp_path, f"id,confidence,correct\n{rows}")
    if fine:
        assert read_labelled(path, Asked(paired_by="id")).questions.tolist().count(None) == 1
        return
    with pytest.raises(InvalidInput, match=r"line 20, column 'id': .* 1 of 19, name no question"):
        read_labelled(path, Asked(paired_by="id"))


def test_a_named_column_that_is_missing_is_said_with_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, "confidence,correct\n0.5,1\n")
    with pytest.raises(InvalidInput, match="no column 'confidense'; did you mean 'confidence'"):
        read_labelled(path, Asked(confidence="confidense"))
    with pytest.raises(InvalidInput, match="is not a file"):
        read_labelled(tmp_path)
