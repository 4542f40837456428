"""Which column of a file is what, where names are alike, nested, or may mean two things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calib.errors import InvalidInput
from calib.tabular.labelled import read_labelled
from calib.tabular.roles import Asked

ROWS = [(0.9, 1), (0.8, 0), (0.7, 1), (0.6, 0)]


def table(folder: Path, names: str, *columns: int) -> Path:
    """A CSV file of these names, whose columns hold the confidence (0) or the answer (1)."""
    rows = (",".join(str(row[i]) for i in columns) for row in ROWS)
    (folder / "log.csv").write_text("\n".join([names, *rows]) + "\n")
    return folder / "log.csv"


def lines(folder: Path, objects: list[dict[str, Any]]) -> Path:
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in objects))
    return folder / "log.jsonl"


@pytest.mark.parametrize(
    "name",
    ["prediction", "Predicted Class", "y_pred", "y-hat", "predictedLabel", "model_output", "pred_label_2"],
)
def test_a_label_beside_what_the_model_said_is_not_taken_for_an_answer(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="may be the true class"):
        read_labelled(table(tmp_path, f"label,{name},confidence", 1, 1, 0))
    found = read_labelled(tmp_path / "log.csv", Asked(prediction=name))
    assert found.sample.correct.tolist() == [1, 1, 1, 1]
    assert read_labelled(tmp_path / "log.csv", Asked(correct="label")).sample.correct.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    "name", ["prediction_id", "prediction_time", "Predicted Probability", "pred_score", "unpredictable"]
)
def test_names_of_other_things_of_a_prediction_are_no_classes(tmp_path: Path, name: str) -> None:
    assert len(read_labelled(table(tmp_path, f"label,{name},confidence", 1, 1, 0)).sample) == 4


@pytest.mark.parametrize("name", ["true_label", "Ground Truth", "y_true"])
def test_a_label_beside_the_truth_may_be_what_the_model_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="may be the class that the model said"):
        read_labelled(table(tmp_path, f"label,{name},confidence", 1, 1, 0))
    asked = Asked(prediction="label", correct=name)
    assert read_labelled(tmp_path / "log.csv", asked).sample.correct.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("names", "role", "exact"),
    [
        ("confidence,correct,Correct", "correct", "Correct"),
        ("confidence,CORRECT,correct ", "correct", "CORRECT"),
        ("confidence,outcome,label", "correct", "label"),
    ],
)
def test_of_two_columns_of_equal_right_none_is_taken_unasked(
    tmp_path: Path, names: str, role: str, exact: str
) -> None:
    with pytest.raises(InvalidInput, match=f"say which it is with --{role} NAME"):
        read_labelled(table(tmp_path, names, 0, 1, 1))
    found = read_labelled(tmp_path / "log.csv", Asked(**{role: exact}))
    assert found.roles.columns[role] == exact


def test_a_score_beside_a_probability_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'score', 'probability': say which it is with --confidence"):
        read_labelled(table(tmp_path, "score,probability,correct", 0, 0, 1))
    assert len(read_labelled(table(tmp_path, "score,confidence,correct", 0, 0, 1)).sample) == 4


def test_keys_of_json_lines_in_several_cases_are_one_column(tmp_path: Path) -> None:
    keys = ["confidence", "Confidence", "CONFIDENCE", "confidence"]
    path = lines(tmp_path, [{key: c, "correct": ok} for key, (c, ok) in zip(keys, ROWS, strict=True)])
    assert read_labelled(path).sample.scores.tolist() == [0.9, 0.8, 0.7, 0.6]


def test_keys_of_json_lines_that_one_row_has_in_two_cases_stay_two_columns(tmp_path: Path) -> None:
    path = lines(tmp_path, [{"confidence": c, "Confidence": 0.1, "correct": ok} for c, ok in ROWS])
    with pytest.raises(InvalidInput, match="say which it is with --confidence NAME"):
        read_labelled(path)
    assert read_labelled(path, Asked(confidence="confidence")).sample.scores.tolist() == [0.9, 0.8, 0.7, 0.6]


def test_fields_inside_of_columns_are_read_from_parquet_as_from_json_lines(tmp_path: Path) -> None:
    rows = [{"m": {"score": {"p": c}, "tag": "x"}, "r": {"ok": bool(ok)}} for c, ok in ROWS]
    asked = Asked(confidence="m.score.p", correct="r.ok", segment="m.tag")
    pq.write_table(pa.Table.from_pylist([*rows, {"m": None, "r": None}]), tmp_path / "log.parquet")
    parquet = read_labelled(tmp_path / "log.parquet", asked)
    assert parquet.sample.scores.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert parquet.sample.correct.tolist() == [1, 0, 1, 0]
    assert parquet.rejected == {"missing": 1}
    json_lines = read_labelled(lines(tmp_path, rows), asked)
    assert json_lines.sample.scores.tolist() == parquet.sample.scores.tolist()
    assert set(json_lines.sample.segments) == set(parquet.sample.segments) == {"x"}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("a|confidence|correct\nx|0.9|1\n", "separates the names: separate cells by commas"),
        ("sep=;\nconfidence;correct\n0.9;1\n", "'sep=;' speaks to Excel: delete this line"),
    ],
)
def test_what_hides_the_names_is_said(tmp_path: Path, text: str, cause: str) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(InvalidInput, match=cause):
        read_labelled(tmp_path / "log.csv")


def test_a_line_of_names_with_the_mark_of_the_encoding_in_mid_file_is_a_repeated_header(
    tmp_path: Path,
) -> None:
    rows = "confidence,correct\n0.9,1\n0.8,0\n"
    (tmp_path / "log.csv").write_text(rows + "\ufeff" + rows)
    assert read_labelled(tmp_path / "log.csv").rejected == {"repeated_header": 1}
    (tmp_path / "log.csv").write_text(rows + "\ufeffconfidence,label\n0.9,1\n")
    with pytest.raises(InvalidInput, match="line 4: a second line of names"):
        read_labelled(tmp_path / "log.csv")


def test_right_answers_alone_beside_unsure_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("confidence,correct\n" + "0.9,yes\n0.8,unsure\n" * 9)
    with pytest.raises(InvalidInput, match="only right ones are left beside 9 like it"):
        read_labelled(tmp_path / "log.csv")
