"""Drift for Evidently: our weighted metric, and the columns that the settings name, in the workspace."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import TEXT, World
from watched_streams import open_one

from calib.app import App
from calib.cycle import evaluate_open
from calib.errors import InvalidInput
from calib.measure.drift import Column, drift

with warnings.catch_warnings():
    # evidently 0.7.23 imports what numpy has moved, and pydantic's old names
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently import Report
    from evidently.tests import lt

    from calib.evidently_metrics import ColumnDrift, NotCompared

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 6, 3, 6, tzinfo=UTC)
HOSTILE = "<a href='//x.example'>y</a>"
PERIODS = ("2026-02", "2026-03", "2026-04")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:evidently"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning:evidently"),
]


def frame(moved: float, seed: int = 0, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    shares = [0.5 - moved, 0.3 + moved, 0.2]
    return pd.DataFrame(
        {
            "country": rng.choice(["AT", "DE", HOSTILE], n, p=shares),
            "tokens": rng.lognormal(5 + moved, 1, n),
            "stands_for": rng.choice([1.0, 3.0], n),
            "stratum": rng.integers(0, 3, n),
        }
    )


def value(metric: Any, now: pd.DataFrame, before: pd.DataFrame) -> Any:
    (found,) = Report([metric]).run(now, before).dict()["metrics"]
    return found["value"]


@pytest.mark.parametrize("column", ["country", "tokens"])
def test_the_metric_is_our_distance_with_weights_and_strata(column: str) -> None:
    now, before = frame(0.3), frame(0.0, seed=1)
    parts = [
        Column(part[column].to_numpy(dtype=object if column == "country" else float), w, s)
        for part in (now, before)
        for w, s in [(part["stands_for"].to_numpy(), part["stratum"].to_numpy(dtype=np.int64))]
    ]
    expected = drift(*parts, rng=np.random.default_rng(0))
    named = {"column": column, "weight": "stands_for", "strata": "stratum"}
    assert value(ColumnDrift(**named), now, before) == pytest.approx(expected.distance)
    assert value(ColumnDrift(**named, show="chance"), now, before) == pytest.approx(expected.chance)
    assert value(ColumnDrift(column=column), now, before) != pytest.approx(expected.distance, rel=1e-3)


def test_conditions_decide_and_missing_values_are_shares_by_weight() -> None:
    before = frame(0.0, seed=1)
    metrics = [ColumnDrift(column="tokens"), ColumnDrift(column="tokens", tests=[lt(10)])]
    for moved, status in ((0.3, "FAIL"), (0.0, "SUCCESS")):
        tests = Report(metrics, include_tests=True).run(frame(moved), before).dict()["tests"]
        assert [test["status"] for test in tests] == [status, "SUCCESS"]
    now = pd.DataFrame({"tokens": [1.0, None, 2.0], "stands_for": [1.0, 2.0, 1.0]})
    missing = ColumnDrift(column="tokens", weight="stands_for", show="missing")
    assert value(missing, now, before) == 0.5
    assert "50.0%" in Report([missing]).run(now, before).get_html_str(as_iframe=False)


def test_what_a_category_says_is_text_in_the_picture() -> None:
    page = Report([ColumnDrift(column="country")]).run(frame(0.3), frame(0.0, seed=1))
    assert HOSTILE not in page.get_html_str(as_iframe=False)
    assert "&lt;a href" in page.get_html_str(as_iframe=False)


@pytest.mark.parametrize(
    ("metric", "now", "says"),
    [
        (
            ColumnDrift(column="gone"),
            frame(0),
            r"the current data have no column 'gone'.*ColumnDrift\(column",
        ),
        (ColumnDrift(column="tokens", weight="gone"), frame(0), "no column 'gone'"),
        (ColumnDrift(column="tokens", weight="stands_for"), frame(0).assign(stands_for=-1.0), "not negative"),
        (ColumnDrift(column="tokens"), frame(0).assign(tokens=np.nan), "'tokens' cannot be compared"),
        (
            ColumnDrift(column="country"),
            frame(0).assign(country=[f"{TEXT} {i}" for i in range(400)]),
            "neither numbers nor short words",
        ),
    ],
)
def test_data_that_do_not_fit_are_named(metric: Any, now: pd.DataFrame, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        Report([metric]).run(now, frame(0.0, seed=1)).dict()
    assert TEXT not in str(caught.value)
    with pytest.raises(InvalidInput, match="second data set"):
        Report([metric]).run(frame(0)).dict()


def test_a_columns_name_does_not_end_the_script_of_the_page() -> None:
    hostile = "tokens</script><script>alert(1)</script>"
    now, before = (frame(0.3, seed).rename(columns={"tokens": hostile}) for seed in (0, 1))
    metrics = [ColumnDrift(column=hostile), ColumnDrift(column=hostile, show="missing")]
    page = Report(metrics, include_tests=True).run(now, before).get_html_str(as_iframe=False)
    assert page.count("tokens< /script>") >= len(metrics)
    assert "tokens</script" not in page
    with pytest.raises(ValueError, match="wieght"):
        ColumnDrift(column=hostile, wieght="stands_for")


def test_notes_are_text() -> None:
    report = Report([NotCompared(notes=["<b>a</b>: why", "b: why"])]).run(frame(0))
    assert report.dict()["metrics"][0]["value"] == 2
    assert "<b>a" not in report.get_html_str(as_iframe=False)


def test_notes_hold_no_link_and_no_picture() -> None:
    notes = ["[x](javascript:alert(3))", "![](//x.example/y.png)", "input_tokens: *why* `a|b` \\"]
    page = Report([NotCompared(notes=notes)]).run(frame(0)).get_html_str(as_iframe=False)
    for line in (r"- \[x\](javascript", r"- !\[\](//x.example", r"- input\_tokens: \*why\* \`a\|b\` \\"):
        assert json.dumps(line)[1:-1] in page


@pytest.fixture(scope="module")
def script() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        patch.syspath_prepend(str(ROOT / "dashboards"))
        yield importlib.import_module("evidently_workspace")


def named(world: World, *columns: str) -> None:
    """Let the settings name these drift columns."""
    text = re.sub(r", drift = \[.*?\]", "", world.config.read_text())
    drift_ = f", drift = {json.dumps(list(columns))}" if columns else ""
    world.config.write_text(text.replace('context = ["question"]', f'context = ["question"]{drift_}'))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three closed periods; in the last one countries and tokens are others."""
    world = World(tmp_path_factory.mktemp("drift"))
    for period in PERIODS:
        table, rng = world.write(period), np.random.default_rng(int(period[-2:]))
        n, last = len(table), period == PERIODS[-1]
        country = rng.choice(["AT", "DE", HOSTILE], n, p=[0.2, 0.7, 0.1] if last else [0.7, 0.2, 0.1])
        tokens = [None if rng.random() < 0.1 else int(t) for t in rng.lognormal(7 if last else 5, 1, n)]
        for name, values in (
            ("country", pa.array(country)),
            ("tokens", pa.array(tokens)),
            ("user", pa.array([f"user-{period}-{i}" for i in range(n)])),
        ):
            table = table.append_column(name, values)
        pq.write_table(table, world.folder / "traffic" / f"{period}.parquet")
    world.settings()
    app = world.open(NOW)
    for period in PERIODS:
        open_one(app, "triage", period)
        evaluate_open(app.watch("triage"), app.ports("triage"))
    return world


def run(script: Any, world: World, folder: Path, *more: str) -> int:
    return int(script.main(["--config", str(world.config), "--workspace", str(folder), *more]))


def runs_in(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The stored runs by name."""
    stored: dict[str, list[dict[str, Any]]] = {}
    for file in folder.glob("*/snapshots/*.json"):
        read = json.loads(file.read_text())
        stored.setdefault(read["name"], []).append(read)
    return stored


def shown(stored: dict[str, Any]) -> dict[tuple[str, str], float]:
    """By column and what is shown of it the values of `ColumnDrift`."""
    found = {}
    for result in stored["metric_results"].values():
        params = result["metric_value_location"]["metric"]["params"]
        if params["type"].endswith("ColumnDrift"):
            found[params["column"], params.get("show", "distance")] = result["value"]
    return found


@pytest.mark.slow
def test_the_named_columns_are_compared_once_with_the_weights_of_the_draw(
    script: Any, made: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "work space"
    named(made, "country")
    assert run(script, made, folder) == 0
    assert capsys.readouterr().out.partition("\n")[0].endswith(": 7 runs of 1 stream")
    stored = runs_in(folder)
    names = {f"{p} numbers" for p in PERIODS}
    names |= {f"{p} {what}" for p in PERIODS[1:] for what in ("drift", "drift of columns")}
    assert set(stored) == names
    quiet, loud = (shown(stored[f"{period} drift of columns"][0]) for period in PERIODS[1:])
    assert quiet["country", "distance"] < quiet["country", "chance"] < 0.3
    assert loud["country", "distance"] > 2 * loud["country", "chance"]
    confidence = shown(stored["2026-04 drift"][0])
    assert confidence["raw confidence", "distance"] < 0.1
    assert {column for column, _ in confidence} == {"raw confidence", "served confidence"}
    assert "every prediction was counted by this value" in json.dumps(stored["2026-04 drift"][0]["widgets"])

    named(made, "country", "tokens", "user")  # a column that is added later is compared alone
    assert run(script, made, folder) == 0
    said = capsys.readouterr()
    assert said.out.partition("\n")[0].endswith(": 2 runs of 1 stream")
    command = shlex.split(said.out.splitlines()[-1].removeprefix("Next: DO_NOT_TRACK=1 "))
    assert Path(command[0]).name == "evidently"
    assert Path(command[command.index("--workspace") + 1]) == folder
    added = runs_in(folder)["2026-04 drift of columns"]
    later = next(each for each in added if "tokens" in each["metadata"]["drift of columns"])
    assert {column for column, _ in shown(later)} == {"tokens"}
    assert re.search(r"user: ([\d,]+) different values in \1 rows", json.dumps(later["widgets"]))
    assert run(script, made, folder) == 0
    assert capsys.readouterr().out.partition("\n")[0].endswith(": 0 runs of 1 stream")

    everything = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    for text in (TEXT, "user-2026", "question 1"):
        assert text.encode() not in everything, "text of people and ids leave the database for no page"


@pytest.mark.slow
def test_the_distance_is_that_of_the_population_not_of_the_sample(script: Any, made: World) -> None:
    """Against the whole traffic: rows of rare strata were drawn more often, and count for less."""
    del script
    named(made, "country")
    runs = importlib.import_module("evidently_runs").StreamRuns(made.open(NOW), "triage")
    window = runs.evaluated()[-1]
    drawn = runs._with_columns([window])
    weights = drawn["calibwatch weight"].to_numpy()
    assert weights.sum() == pytest.approx(len(drawn))
    whole = pq.read_table(made.folder / "traffic" / "2026-04.parquet")["raw_confidence"].to_numpy()
    levels = runs._rows(window)["raw confidence"].to_numpy()
    assert np.average(levels, weights=weights) == pytest.approx(whole.mean(), abs=1e-9)
    assert abs(levels.mean() - whole.mean()) > 0.005
    held = dict(
        zip(
            *(
                pq.read_table(made.folder / "traffic" / "2026-04.parquet")[name].to_pylist()
                for name in ("prediction_id", "country")
            ),
            strict=True,
        )
    )
    assert drawn["country"].tolist() == [held[id_] for id_ in drawn.index]


@pytest.mark.slow
def test_traffic_that_is_gone_keeps_no_other_run_back(
    script: Any, made: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named(made, "country")
    traffic, folder = made.folder / "traffic", tmp_path / "workspace"
    away = made.folder / "away"
    away.mkdir()
    try:
        (traffic / "2026-02.parquet").rename(away / "2026-02.parquet")
        assert run(script, made, folder) == 0
        said = capsys.readouterr()
        assert "triage 2026-03: columns.drift was not compared: the traffic holds none" in said.err
        stored = runs_in(folder)
        assert "2026-03 drift" in stored
        assert "2026-03 drift of columns" not in stored
        (late,) = stored["2026-04 drift of columns"]
        assert re.search(r"[\d,]+ of [\d,]+ rows of the baseline's samples are not", json.dumps(late))

        traffic.rename(made.folder / "elsewhere")
        assert run(script, made, tmp_path / "another") == 2
        said = capsys.readouterr()
        assert said.out.partition("\n")[0].endswith(": 5 runs of 1 stream")
        assert said.err.count("triage: ") == 1
        assert "no file matches" in said.err
    finally:
        if not traffic.exists():
            (made.folder / "elsewhere").rename(traffic)
        (away / "2026-02.parquet").rename(traffic / "2026-02.parquet")
    assert run(script, made, tmp_path / "another") == 0
    assert capsys.readouterr().out.partition("\n")[0].endswith(": 2 runs of 1 stream"), (
        "the next call adds what failed"
    )


def test_what_cannot_be_done_is_said_in_a_line(
    script: Any, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "workspace"
    for arguments, code, says in (
        (["--config", str(tmp_path / "none.toml")], 2, "none.toml"),
        (["--config", str(world.config), "--stream", "triaje"], 2, "did you mean 'triage'"),
        (["--config", str(world.config)], 2, "there is no database yet: `calib run STREAM"),
    ):
        assert script.main([*arguments, "--workspace", str(folder)]) == code
        assert says in capsys.readouterr().err
        assert not folder.exists()
    App.open(world.config).engine.dispose()
    assert run(script, world, folder) == 0
    assert "no period has been evaluated yet" in capsys.readouterr().out
    assert run(script, world, world.config) == 2
    assert "cannot be used" in capsys.readouterr().err
    (project,) = [path.parent for path in folder.glob("*/metadata.json")]
    (project / "snapshots").mkdir()
    (project / "snapshots" / "01a22304-ac3c-7a88-b747-2455592a1195.json").write_text('{"name": "cut')
    assert run(script, world, folder) == 2
    assert "is no run of Evidently" in capsys.readouterr().err


def test_a_database_that_is_down_is_another_exit_code(
    script: Any, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.settings(head='database = "postgresql+psycopg://me:secret@127.0.0.1:1/x"')
    assert run(script, world, tmp_path / "workspace") == 4
    said = capsys.readouterr()
    assert "secret" not in said.err
    assert said.out == ""
    assert not (tmp_path / "workspace").exists()


def test_without_evidently_the_script_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "evidently.py").write_text("raise ModuleNotFoundError('No module named evidently')")
    done = subprocess.run(
        [sys.executable, ROOT / "dashboards" / "evidently_workspace.py", "--help"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'calibwatch[evidently]'" in done.stderr
    assert "Traceback" not in done.stderr
