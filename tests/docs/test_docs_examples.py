"""The examples of the pages on mappings, routing and the gate run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from calib.cli.app import app

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["explanation/calibrators.md", "explanation/routing.md"])
def test_python_examples_run(page: str) -> None:
    names: dict[str, Any] = {}
    found = blocks(DOCS / page, "python")
    assert found
    for code in found:
        exec(compile(code, page, "exec"), names)  # noqa: S102
    if page.endswith("routing.md"):
        assert round(names["need"].independent, 4) == 0.9655
        assert names["whole"].contradicted == 0
        assert "3 steps" in names["found"].warning


def test_the_workflow_asks_what_the_command_line_understands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its step runs on two files and leaves the summary that the next one shows."""
    import typer.testing

    (text,) = blocks(DOCS / "how-to" / "gate.md", "yaml")
    steps = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    (line,) = [step["run"] for step in steps if step.get("run", "").startswith("calib ")]
    monkeypatch.chdir(tmp_path)
    for name in ("before", "after"):
        rows = "".join(f"q{i},0.{6 + i % 4},{int(i % 10 > 3)}\n" for i in range(400))
        Path(f"{name}.csv").write_text("question_id,confidence,correct\n" + rows)
    ran = typer.testing.CliRunner().invoke(app, shlex.split(line)[1:])
    assert ran.exit_code == 0, ran.output
    shown = next(step["run"] for step in steps if "GITHUB_STEP_SUMMARY" in step.get("run", ""))
    written = [path.name for path in tmp_path.glob("*.md")]
    assert written == ["calibration.md"]
    assert written[0] in shown
