"""Whatever a stream holds: every engine counts each row once, by the kind that a plain reading finds."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from stream_layouts import LAYOUTS, Rows, write_csv, write_jsonl, write_parquet, write_sqlite

from calib.measure import Strata
from calib.traffic import Columns, Draw, Interval, Survey, Traffic

pytestmark = pytest.mark.slow
EXAMPLES = max(6, int(os.environ.get("CALIB_FUZZ_FILES", "300")) // 50)
OCTOBER = Interval(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
COLUMNS = Columns(
    id="id", ts="ts", confidence="stated", scope={"model": "model"}, outcome="ok", context=("note",)
)
NAMES = ("id", "ts", "stated", "model", "note")
ONE = Strata(upper=(10_000,), kind="levels")

WORDS = {"1": True, "wrong": False, "None": None, "pending": None, "empty": None, "n/a": None, "dunno": "?"}
GOOD = [0.0, 0.3, 0.57, 0.95, 1.0]
STATED: dict[Any, str] = (
    dict.fromkeys(GOOD, "used")
    | dict.fromkeys([1.0000002, -1e-9], "rounded")
    | dict.fromkeys([1.5, 85.0, -0.2, float("inf")], "out_of_range")
    | {None: "missing"}
)
STATED_AS_TEXT = STATED | {
    " 0.3 ": "used",
    "": "missing",
    "high": "not_a_number",
    "85%": "not_a_number",
    "0,85": "not_a_number",
    "true": "not_a_number",
}
DAY = datetime(2026, 10, 5, 12, tzinfo=UTC)
TIMES: dict[Any, datetime | None] = {DAY: DAY, DAY + timedelta(days=60): DAY + timedelta(days=60), None: None}
TIMES_AS_TEXT: dict[Any, datetime | None] = {
    "2026-10-05T12:00:00Z": DAY,
    "2026/10/05 12:00:00,000": DAY,
    "2026-10-05 12:00:00 GMT": DAY,
    "1791201600": DAY,
    "1791201600000": DAY,
    "2026-12-05": datetime(2026, 12, 5, tzinfo=UTC),
    "05/10/2026": None,
    "yesterday": None,
    None: None,
}


def tables(text: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows whose columns are of one type each, or text."""
    stated = STATED_AS_TEXT if text else STATED | {float("nan"): "not_a_number"}
    ids: st.SearchStrategy[Any] = st.integers(0, 30) | st.none()
    row = st.fixed_dictionaries(
        {
            "id": ids.map(lambda i: f" p{i} " if i is not None and text else i),
            "ts": st.sampled_from(list(TIMES_AS_TEXT if text else TIMES)),
            "stated": st.sampled_from(list(stated)),
            "model": st.sampled_from(["a", "a", "a", "b", None]),
            "note": st.sampled_from(["x", "two\nlines", 'a "quoted", one', "é"]),
        }
    )
    return st.lists(row, min_size=1, max_size=40).map(_with_outcomes)


def _with_outcomes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    words = list(WORDS)
    said = [words[sum(map(ord, str(row["id"]))) % len(words)] for row in rows]
    return [{name: row[name] for name in NAMES} | {"ok": word} for row, word in zip(rows, said, strict=True)]


def plainly(rows: Rows) -> tuple[Counter[str], list[str]]:
    """How many rows of October are what, and the ids of those that count, by a reading of our own."""
    counts: Counter[str] = Counter()
    used = []
    for row in rows:
        at = (TIMES | TIMES_AS_TEXT)[row["ts"]]
        if at is not None and not OCTOBER.start <= at < OCTOBER.end:
            continue
        if row["model"] != "a":
            counts["out_of_scope"] += 1
        elif at is None:
            counts["bad_timestamp"] += 1
        elif row["id"] is None:
            counts["missing_id"] += 1
        else:
            stated = row["stated"]
            kind = "not_a_number" if stated != stated else STATED_AS_TEXT[stated]
            counts[kind] += 1
            if kind in ("used", "rounded"):
                used.append(str(row["id"]).strip())
    return counts, used


def read(traffic: Traffic) -> tuple[Survey, Draw]:
    survey = traffic.survey(OCTOBER)
    sizes = np.array([survey.population])
    drawn = traffic.draw(OCTOBER, strata=ONE, allocation=sizes, sizes=sizes, seed="s", period="2026-10")
    return survey, drawn


@given(rows=st.booleans().flatmap(tables))
@example(rows=_with_outcomes([{"id": None, "ts": None, "stated": None, "model": "a", "note": "x"}]))
@settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # to shrink an example takes minutes, for each takes a second
)
def test_every_layout_counts_each_row_by_its_kind(rows: list[dict[str, Any]]) -> None:
    counts, used = plainly(rows)
    words = {str(row["id"]).strip(): WORDS[row["ok"]] for row in rows if row["id"] is not None}
    for write in LAYOUTS:
        with TemporaryDirectory() as name:
            folder = Path(name)
            url = write(folder, rows)
            traffic = Traffic(url, columns=COLUMNS, scope={"model": "a"}, base=folder, stream="s")
            survey, drawn = read(traffic)
            said = write.__name__
            assert survey.population == len(used), said
            assert survey.rounded == counts["rounded"], said
            rejected = {kind: n for kind, n in counts.items() if kind not in ("used", "rounded")}
            assert survey.rejected == rejected, said
            assert sorted(row.id for row in drawn.rows) == sorted(set(used)), said
            assert int(drawn.duplicates.sum()) == len(used) - len(set(used)), said
            wanted = [*sorted({row.id for row in drawn.rows}), "nobody"]
            found = traffic.outcomes(wanted, OCTOBER)
            labels = {id_: label.correct for id_, label in found.labels.items()}
            assert labels == {id_: words[id_] for id_ in wanted[:-1] if words[id_] in (True, False)}, said
            assert list(found.not_an_answer) == [id_ for id_ in wanted[:-1] if words[id_] == "?"], said
            assert found.not_found == 1, said


def test_questions_with_passages_are_drawn_alike_from_every_layout(tmp_path: Path) -> None:
    """4,000 rows whose cells hold 1 to 8 kB with line breaks, marks and rows of tables: all are read."""
    rng = np.random.default_rng(4)
    passage = 'A table:\nid,stated,ok\n"x",0.9,1\r\n\r\nHe said "no, never"; then what?\n' * 120
    lengths = rng.integers(1_000, 8_000, 4_000)
    levels = rng.choice(GOOD, 4_000)
    rows = [
        {
            "id": f"q{i}",
            "ts": DAY + timedelta(seconds=i),
            "stated": float(levels[i]),
            "model": "a",
            "note": passage[: lengths[i]],
            "ok": int(rng.random() < levels[i]),
        }
        for i in range(4_000)
    ]
    drawn = []
    for write in (write_parquet, write_csv, write_jsonl, write_sqlite):
        url = write(tmp_path, rows)
        traffic = Traffic(url, columns=COLUMNS, scope={"model": "a"}, base=tmp_path, stream="s")
        survey = traffic.survey(OCTOBER)
        assert (survey.population, survey.rejected) == (4_000, {})
        hundred = np.array([100])
        draw = traffic.draw(
            OCTOBER, strata=ONE, allocation=hundred, sizes=np.array([4_000]), seed="s", period="2026-10"
        )
        drawn.append([(row.id, row.raw, row.context["note"]) for row in draw.rows])
        assert drawn[-1][0][2] == rows[int(drawn[-1][0][0][1:])]["note"]
    assert drawn == [drawn[0]] * 4
    from calib.tabular.labelled import read_labelled
    from calib.tabular.roles import Asked

    asked = Asked(confidence="stated", correct="ok")
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        read_in_full = read_labelled(tmp_path / name, asked)
        assert (len(read_in_full.sample.scores), read_in_full.rejected) == (4_000, {})
