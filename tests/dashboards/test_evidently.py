"""Evidently: our metrics give our numbers, the workspace is filled once, and its own pages show it."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import browser
from dashboard_fleet import Filled
from object_servers import free_port

from calib.cycle import summary
from calib.cycle.comparison import compare_samples
from calib.db import windows
from calib.errors import InvalidInput
from calib.measure import measure
from calib.measure.sample import Sample

with warnings.catch_warnings():
    # evidently 0.7.23 imports what numpy has moved, and pydantic's old names
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently import DataDefinition, Dataset, Report
    from evidently.tests import lt

    from calib.evidently_metrics import (
        ECE,
        WINDOW,
        Brier,
        CalibrationChange,
        ReliabilityDiagram,
        WindowNumber,
    )

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
LEVELS = np.array([0.5, 0.7, 0.9, 0.95])
PATIENCE = 180
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:evidently")


def rows(too_high: float, *, n: int = 600, seed: int = 0) -> pd.DataFrame:
    """Labelled rows with weights; a tenth of them has no answer."""
    rng = np.random.default_rng(seed)
    raw = rng.choice(LEVELS, n)
    right = (rng.random(n) < raw - too_high).astype(float)
    right[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame({"said": raw, "right": right, "stands_for": rng.choice([1.0, 3.0], n)})


def sample(frame: pd.DataFrame) -> Sample:
    known = frame.dropna()
    return Sample(*(known[name].to_numpy() for name in ("said", "right", "stands_for")))


NAMES = {"confidence": "said", "correct": "right", "weight": "stands_for"}


def values(report: Any) -> dict[str, Any]:
    return {m["metric_name"].partition("(")[0]: m["value"] for m in report.dict()["metrics"]}


def test_the_metrics_are_our_numbers_with_weights() -> None:
    now, before = rows(0.3), rows(0.05, seed=1)
    metrics = [ECE(**NAMES), Brier(**NAMES), ReliabilityDiagram(**NAMES)]
    found = values(Report(metrics).run(now, before))
    own = sample(now)
    measured = measure(own.scores, own.correct, weights=own.weights)
    assert found["ECE"] == measured.ece.estimate
    assert found["ECE"] != measure(own.scores, own.correct).ece.estimate
    assert found["Brier"] == measured.brier.value
    accuracy = list(found["ReliabilityDiagram"]["accuracy"].values())
    assert accuracy == [bin_.accuracy for bin_ in measured.bins if bin_.n]
    for end in ("low", "high"):
        assert values(Report([ECE(**NAMES, end=end)]).run(now))["ECE"] == getattr(measured.ece, end)


def test_the_change_is_that_of_our_test() -> None:
    now, before = rows(0.3), rows(0.05, seed=1)
    change = compare_samples(sample(now).normalised(), sample(before).normalised(), alpha=0.05, max_rise=0.03)
    assert change.state == "degraded"
    for show in ("p", "rise", "minimum_detectable_rise"):
        found = values(Report([CalibrationChange(**NAMES, show=show)]).run(now, before))
        assert found["CalibrationChange"] == getattr(change, show)
    html = Report([CalibrationChange(**NAMES)]).run(now, before).get_html_str(as_iframe=False)
    assert f"{change.rise:.3f}" in html


@pytest.mark.parametrize(("too_high", "status"), [(0.3, "FAIL"), (0.05, "SUCCESS")])
def test_conditions_decide(too_high: float, status: str) -> None:
    metrics = [
        ECE(**NAMES, tests=[lt(0.15)]),
        ECE(**NAMES, end="low", tests=[lt(0.1)]),
        CalibrationChange(**NAMES),
    ]
    report = Report(metrics, include_tests=True).run(rows(too_high), rows(0.05, seed=1))
    assert [test["status"] for test in report.dict()["tests"]] == [status] * 3


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize(
    ("frame", "metric", "says"),
    [
        (rows(0), ECE(confidence="gone", correct="right"), "no column 'gone'"),
        (rows(0).assign(said=93.0), ECE(**NAMES), r"'said' must hold numbers in \[0, 1\].*first holds 93$"),
        (rows(0).assign(said=np.nan), ECE(**NAMES), "'said' must hold numbers .*first holds nan$"),
        (rows(0).assign(right=2), ECE(**NAMES), "'right' must hold 0 or 1: 600 of 600 .*first holds 2$"),
        (rows(0).assign(said="much"), ECE(**NAMES), "the column 'said' must hold numbers$"),
        (rows(0).assign(right=np.nan), ECE(**NAMES), "no row has an answer"),
        (rows(0), CalibrationChange(**NAMES), "second data set"),
    ],
)
def test_data_that_do_not_fit_are_named(frame: pd.DataFrame, metric: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Report([metric]).run(frame).dict()


@pytest.mark.parametrize("metric", [ECE, Brier, ReliabilityDiagram, CalibrationChange])
def test_a_setting_with_a_typing_error_is_not_ignored(metric: Any) -> None:
    with pytest.raises(ValueError, match="wieght"):
        metric(wieght="stands_for")


def test_a_columns_name_does_not_end_the_script_of_the_page() -> None:
    hostile = "said</script><script>alert(1)</script><!--"
    named = NAMES | {"confidence": hostile}
    metrics = [ECE(**named), Brier(**named), ReliabilityDiagram(**named), CalibrationChange(**named)]
    now, before = (rows(0.1, seed=seed).rename(columns={"said": hostile}) for seed in (0, 1))
    page = Report(metrics, include_tests=True).run(now, before).get_html_str(as_iframe=False)
    assert page.count("said< /script>") >= len(metrics)
    assert "said</script" not in page
    assert "alert(1)</script" not in page


@pytest.mark.parametrize(("p", "shown"), [(0.0004, "< 0.001"), (0.0, "0.000"), (0.0126, "0.013")])
def test_a_small_p_is_not_shown_as_zero(p: float, shown: str) -> None:
    stored = {WINDOW: Dataset.from_pandas(pd.DataFrame({"p": [p]}), data_definition=DataDefinition())}
    report = Report([WindowNumber(number="p")]).run(rows(0), additional_data=stored)
    assert f'"value": "{shown}"' in report.get_html_str(as_iframe=False)


def test_without_evidently_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "evidently"]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("calib.evidently_metrics")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "evidently", None)
    with pytest.raises(ImportError, match=r"pip install 'calibwatch\[evidently\]'"):
        importlib.import_module("calib.evidently_metrics")


@pytest.fixture(scope="module")
def script() -> Any:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        patch.syspath_prepend(str(ROOT / "dashboards"))
        yield importlib.import_module("evidently_workspace")


@pytest.fixture(scope="module")
def workspace(script: Any, filled: Filled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the script makes of the periods that the product measured."""
    folder = tmp_path_factory.mktemp("evidently") / "workspace"
    assert script.main(["--config", str(filled.world.config), "--workspace", str(folder)]) == 0
    return folder


@pytest.mark.slow
def test_each_period_is_a_run_once_with_the_numbers_of_its_window(
    script: Any, filled: Filled, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from evidently.ui.workspace import Workspace

    opened = Workspace(str(workspace))
    (project,) = [project for project in opened.list_projects() if project.name == "triage"]
    runs = [opened.get_run(project.id, id_) for id_ in opened.list_runs(project.id)]
    assert sorted(run.name for run in runs) == ["2026-02 numbers", "2026-03 drift", "2026-03 numbers"]
    app = filled.app
    for run in runs:
        if not run.name.endswith("numbers"):
            continue
        with app.engine.connect() as conn:
            window = windows.find(conn, "triage", run.name.split()[0])
        assert window is not None
        assert run.timestamp == window.ends_at
        result = summary(window, app.ports("triage"))
        shown = {}
        for value in run.metric_results.values():
            params = value.metric_value_location.metric.params
            if params["type"].endswith("WindowNumber"):
                shown[params["number"]] = value.value
        assert result.pictures is not None
        assert result.pictures.threshold is not None
        expected = {
            "raw_ece": result.raw.ece,
            "served_ece": result.served.ece,
            "served_ece_low": result.served.low,
            "served_ece_high": result.served.high,
            "accuracy": result.raw.accuracy,
            "threshold_share": result.pictures.threshold.served.share,
            "p": result.change.p,
            "minimum_detectable_rise": result.change.minimum_detectable_rise,
        }
        assert shown == {name: value for name, value in expected.items() if value is not None}
    capsys.readouterr()
    script.main(["--config", str(filled.world.config), "--workspace", str(workspace)])
    assert capsys.readouterr().out.partition("\n")[0].endswith(": 0 runs of 3 streams")
    assert len(opened.list_runs(project.id)) == 3
    assert len(opened.list_projects()) == 3


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            found = condition()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.5)
    pytest.fail(f"{what} did not happen within {PATIENCE} s")


@pytest.mark.slow
def test_evidentlys_own_pages_show_the_periods(workspace: Path, tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    words = ["ui", "--host", "127.0.0.1", "--port", str(port), "--workspace", str(workspace)]
    with (tmp_path / "evidently.log").open("w") as log:
        server = subprocess.Popen(
            [Path(sys.executable).parent / "evidently", *words],
            env=os.environ | {"DO_NOT_TRACK": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:

        def projects() -> Any:
            with urllib.request.urlopen(f"{address}/api/projects", timeout=30) as answer:
                return json.load(answer)

        (triage,) = [p for p in until(projects, "a start of `evidently ui`") if p["name"] == "triage"]
        with browser() as chromium:
            page = f"{address}/projects/{triage['id']}"
            chromium.open(page, width=1400)

            def shown() -> str:
                return str(chromium.run("return document.body.innerText"))

            until(lambda: "Change test" in shown() and "served ECE high" in shown(), "the dashboard")
            assert "No data" not in shown()
            chromium.open(f"{page}/reports", width=1400)
            until(lambda: "2026-03 numbers" in shown(), "the list of runs")
            (run,) = [
                path.stem
                for path in (workspace / triage["id"] / "snapshots").iterdir()
                if '"2026-03 numbers"' in path.read_text()
            ]
            chromium.open(f"{page}/reports/{run}", width=1400)
            until(lambda: "Reliability: served" in shown(), "the report of a period")
            assert len(chromium.picture()) > 20_000
            assert {url.split("/")[2] for url in chromium.requests()} == {f"127.0.0.1:{port}"}
    finally:
        server.terminate()
        server.wait(60)


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "dashboards" / "README.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "evidently" in block]
    names: dict[str, Any] = {}
    exec(compile(code, "dashboards/README.md", "exec"), names)  # noqa: S102
    assert "Change of calibration" in (tmp_path / "november.html").read_text(encoding="utf-8")
    found = names["report"].run(names["november"], names["october"]).dict()
    assert [test["status"] for test in found["tests"]] == ["FAIL", "FAIL"]
    described = set(re.findall(r"^\| `(\w+)` \| ", page.partition("### In your own")[2], re.MULTILINE))
    assert described == {"ECE", "Brier", "ReliabilityDiagram", "ColumnDrift", "CalibrationChange"}


def test_raw_and_served_are_not_mixed_up(script: Any) -> None:
    from alert_results import result

    found = result("degraded", schema=2)
    numbers = importlib.import_module("evidently_runs").numbers(found)
    assert (numbers["raw_ece"], numbers["served_ece"]) == (found.raw.ece, found.served.ece)
    assert numbers["raw_ece"] != numbers["served_ece"]
    assert (numbers["served_ece_low"], numbers["served_ece_high"]) == (found.served.low, found.served.high)
    assert "threshold_share" not in numbers
