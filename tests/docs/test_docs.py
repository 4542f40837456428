"""What the documents show works."""

from __future__ import annotations

import json
import random
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from conftest import World

from calib.probe_settings import ProbeSettings
from calib.settings import SECRETS, Notify, Settings, Slack, Web, load
from calib.stream_settings import ColumnSettings, Review, Stream

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


GROUPS = {"folder", *SECRETS, "database_schema"}  # of the fields: not in the file
GROUPS |= {"streams", "columns", "review", "slack", "web", "notify", "probes"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_that_are_shown_load(page: Path, tmp_path: Path) -> None:
    for i, text in enumerate(blocks(page, "toml")):
        path = tmp_path / f"{i}.toml"
        path.write_text(text)
        assert load(path).model_fields_set - {"folder"}


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "settings.md").read_text()
    models = (Settings, Slack, Web, Notify, Stream, ColumnSettings, Review, ProbeSettings)
    for name in {name for model in models for name in model.model_fields} - GROUPS:
        assert re.search(rf"`([a-z.]+\.)?{name}`", text), (
            f"docs/reference/settings.md does not explain {name}"
        )


def test_every_command_that_is_shown_exists() -> None:
    from calib.cli.app import command as calib

    command: Any = calib()
    for page in PAGES:
        for line in re.findall(r"(?:^\$ |`)calib ([a-z][a-z -]*)", page.read_text(), re.MULTILINE):
            words = line.split()
            assert words[0] in command.commands, f"{page.name}: calib {line}"
            group = command.commands[words[0]]
            if hasattr(group, "commands") and len(words) > 1:
                assert words[1].split("/")[0] in group.commands, f"{page.name}: calib {line}"


def test_every_command_line_that_is_shown_is_one_that_calib_takes() -> None:
    """Its options and arguments, as they stand in the pages; what is typed after `$ calib`."""
    from calib.cli.app import command as calib

    lines = [
        (page.name, line)
        for page in PAGES
        for text in blocks(page, "console")
        for line in re.findall(r"^\$ calib (.+)$", text, re.MULTILINE)
    ]
    assert len(lines) > 50
    for page_name, line in lines:
        words = shlex.split(line, comments=True)
        command: Any = calib()
        while hasattr(command, "commands") and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), f"{page_name}: calib {line}"
        try:
            command.make_context(command.name, words)
        except Exception as error:  # noqa: BLE001  the parser's own errors are private to typer
            pytest.fail(f"{page_name}: calib {line}: {error}")


@pytest.mark.slow
def test_the_client_as_the_readme_shows_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snippet runs as it stands against a store that the cycle filled."""
    from calib import cycle
    from calib.period import Period

    world.config.write_text(
        world.config.read_text().replace("[streams.triage]", "[streams.support-triage]")
        + 'scope = { model = "gpt-4o", prompt = "triage-v7" }\n'
    )
    opened = world.open()
    watch, ports = opened.watch("support-triage"), opened.ports("support-triage")
    period = Period.parse("2026-01", "month")
    cycle.advance(cycle.open_window(watch, ports, period, channel="production"), ports)
    monkeypatch.chdir(world.folder)
    names: dict[str, Any] = {}
    (code,) = blocks(ROOT / "README.md", "python")
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102
    client = names["client"]
    client.refresh_now()
    assert 0.6 < client.calibrate(0.93).value < 0.93
    assert client.status().state in ("FRESH", "STALE")
    client.close()


@pytest.mark.slow
def test_the_elicitation_page_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code asks a model over HTTP; `calib measure` shows what five framings gain where luck decides."""
    from probes import write_questions
    from typer.testing import CliRunner

    from calib.cli.app import app
    from calib.testing.model import KEY, FakeModel

    def answer(prompt: str) -> str:
        one = int(re.findall(r"What is (\d+) \+", prompt)[0])
        hard = one % 5 < 2  # the model guesses, another way in each framing, and sounds sure all the same
        luck = random.Random(prompt)
        off = luck.randint(1, 9) if hard and luck.random() < 0.5 else 0
        return f"Answer: {2 * one + 3 + off}\nConfidence: {luck.choice([0.9, 0.95])}"

    def measured(name: str) -> dict[str, Any]:
        ran = CliRunner().invoke(app, ["measure", name, "--json", "--no-picture"])
        assert ran.exit_code == 0
        return json.loads(ran.stdout)

    write_questions(tmp_path / "questions.csv", 120)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with FakeModel(answer) as model:
        monkeypatch.setenv("MODEL_URL", model.url)
        monkeypatch.setenv("MODEL_KEY", KEY)
        for code in blocks(ROOT / "docs" / "how-to" / "elicitation.md", "python"):
            exec(compile(code, "elicitation.md", "exec"), names)  # noqa: S102
        assert len(model.requests) == 120 * 5
        names["client"].close()
    single, many = measured("single.csv"), measured("aggregated.csv")
    assert many["auroc_low"] > single["auroc_high"]
    assert many["brier"] < single["brier"]
    assert many["accuracy"] >= single["accuracy"]


def test_the_changelog_names_every_verb() -> None:
    from calib.cli.app import app

    text = (ROOT / "CHANGELOG.md").read_text()
    for command in app.registered_commands:
        assert f"{command.name}" in text


def test_every_alert_is_explained() -> None:
    from calib.alerts.kinds import KINDS

    explained = re.findall(
        r"^\| `([a-z_]+)` \|", (ROOT / "docs" / "how-to" / "alerts.md").read_text(), re.MULTILINE
    )
    assert sorted(explained) == sorted(KINDS)
