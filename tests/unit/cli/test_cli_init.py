"""`calib init`: what it writes, what it keeps, and when it writes nothing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from conftest import World, month_of_traffic

from calib.init import flows_folder, steps
from calib.init.folder import _stream_name
from calib.init.steps import program
from calib.settings import load

TODAY = ("2026-08", "2026-09", "2026-10")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def content(folder: Path) -> dict[str, bytes]:
    """All files but the database's, which has its own journal."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".db" not in path.name
    }


def test_an_empty_folder_gets_everything_and_a_second_time_nothing(
    empty: Path, calib: Callable[..., Any]
) -> None:
    made = calib("init", "--json").json
    flows = {f"flows/{path.name}" for path in flows_folder().glob("*.py")}
    assert (
        set(made["written"])
        == {"calib.toml", "prefect.yaml", "automations.yaml", "crontab", ".gitignore"} | flows
    )
    assert made["kept"] == []
    for name in flows:
        assert (empty / name).read_text() == (flows_folder() / Path(name).name).read_text()
    with sqlite3.connect(empty / "calib.db") as database:
        assert database.execute("SELECT count(*) FROM windows").fetchone() == (0,)
    before = content(empty)
    again = calib("init", "--json").json
    assert (again["written"], set(again["kept"])) == ([], set(made["written"]))
    assert again["differs"] == []
    assert content(empty) == before


@pytest.mark.parametrize("name", ["calib.toml", "flows/relay.py", "prefect.yaml", "crontab", ".gitignore"])
def test_a_file_that_was_changed_is_kept_and_said(empty: Path, calib: Callable[..., Any], name: str) -> None:
    calib("init")
    with (empty / name).open("a") as file:
        file.write("\n# my own line\n")
    before = content(empty)
    ran = calib("init")
    assert ran.code == 0
    assert content(empty) == before
    assert f"kept     {name}" in ran.out
    assert ("not what this version writes" in ran.out) == (name != "calib.toml")


@pytest.mark.parametrize("name", ["prefect.yaml", "flows/relay.py"])
def test_beside_another_projects_flows_nothing_is_written(
    empty: Path, calib: Callable[..., Any], name: str
) -> None:
    (empty / name).parent.mkdir(exist_ok=True)
    (empty / name).write_text("name: mine\n")
    before = content(empty)
    ran = calib("init")
    assert ran.code == 2
    assert "another project" in ran.err
    assert content(empty) == before
    assert not (empty / "calib.db").exists()


@pytest.mark.parametrize("name", ["calib.toml", "flows", "crontab"])
def test_what_is_in_the_way_is_refused_before_anything_is_written(
    empty: Path, calib: Callable[..., Any], name: str
) -> None:
    if name == "flows":
        (empty / name).write_text("a file")
    elif name == "crontab":
        (empty / name).mkdir()
    else:
        (empty / name).symlink_to("nowhere")
    before = names(empty)
    ran = calib("init")
    assert ran.code == 2
    assert "is in the way" in ran.err
    assert names(empty) == before
    assert calib("init", empty / "calib.py" / "x").code == 0  # elsewhere it works
    (empty / "a-file").write_text("")
    assert calib("init", "a-file").code == 2


def test_settings_that_cannot_be_read_are_said_first(empty: Path, calib: Callable[..., Any]) -> None:
    (empty / "calib.toml").write_text("labels = many")
    ran = calib("init")
    assert ran.code == 2
    assert "calib.toml" in ran.err
    assert names(empty) == ["calib.toml"]


@pytest.mark.parametrize(
    "url",
    [
        "parquet:traffic/*.parquet",
        "gone.csv",
        "csv:gone.csv",
        "sqlite:gone.db#rows",
        "duckdb:gone.db#rows",
        "nonsense",
        "nonsense:x",
        "parquet:broken.parquet",
        "postgresql://me:hunter2@127.0.0.1:1/logs#rows",
        "quux://me:hunter2@127.0.0.1:1/logs#rows",
    ],
)
def test_traffic_that_cannot_be_read_is_exit_2_and_nothing_is_written(
    empty: Path, calib: Callable[..., Any], url: str
) -> None:
    (empty / "broken.parquet").write_text("this is not Parquet")
    ran = calib("init", "work", "--traffic", url)
    assert ran.code == 2
    assert "--traffic" in ran.err
    assert "hunter2" not in ran.out + ran.err
    assert names(empty) == ["broken.parquet"]


def write_traffic(folder: Path, kind: str) -> str:
    """Three months in a file of this kind below `folder`; its URL as seen from there."""
    import pyarrow as pa

    table = pa.concat_tables([month_of_traffic(period) for period in TODAY])
    (folder / "logs").mkdir()
    if kind == "parquet":
        pq.write_table(table, folder / "logs" / "a.parquet")
        return "parquet:logs/*.parquet"
    if kind in ("csv", "bare"):
        pyarrow.csv.write_csv(table, folder / "logs" / "a.csv")
        return "csv:logs/*.csv" if kind == "csv" else "logs/a.csv"
    connection = sqlite3.connect(folder / "logs" / "a.db")
    names = table.column_names
    connection.execute(f"CREATE TABLE replies ({', '.join(names)})")
    marks = ", ".join("?" * len(names))
    rows = [tuple(str(row[name]) for name in names) for row in table.to_pylist()]
    connection.executemany(f"INSERT INTO replies VALUES ({marks})", rows)  # noqa: S608
    connection.commit()
    connection.close()
    return "sqlite:logs/a.db#replies"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "csv", "bare", "sqlite"])
@pytest.mark.parametrize("place", [".", "work", "../elsewhere/deep"])
def test_the_traffic_is_found_from_wherever_the_folder_is(
    empty: Path, calib: Callable[..., Any], kind: str, place: str
) -> None:
    url = write_traffic(empty, kind)
    made = calib("init", place, "--traffic", url, "--json").json
    stream = load(empty / place / "calib.toml").stream(made["stream"])
    assert (stream.columns.id, stream.columns.confidence) == ("prediction_id", "raw_confidence")
    assert (stream.review.kind, stream.review.column) == ("outcomes", "correct")
    assert made["columns"] == {"id": "prediction_id", "ts": "ts", "confidence": "raw_confidence"}
    assert made["not_found"] == []
    checked = calib("check", "--config", empty / place / "calib.toml")
    assert checked.code == 0, checked.out


@pytest.mark.parametrize("at", [True, False])
def test_the_time_of_the_outcomes_is_guessed_said_and_written(
    empty: Path, calib: Callable[..., Any], at: bool
) -> None:
    extra = (",label_ts", ",2026-10-03") if at else ("", "")
    rows = "".join(f"p{i},2026-10-0{i},0.4,1{extra[1]}\n" for i in range(1, 4))
    (empty / "log.csv").write_text(f"id,ts,confidence,correct{extra[0]}\n{rows}")
    ran = calib("init", "--traffic", "log.csv")
    said = (
        "review.at = label_ts (when each outcome was known)" if at else "review.at: no column looks like it"
    )
    assert said in ran.out
    (stream,) = load(empty / "calib.toml").streams.values()
    assert (stream.review.column, stream.review.at) == ("correct", "label_ts" if at else None)


def test_a_column_that_is_not_found_is_said(empty: Path, calib: Callable[..., Any]) -> None:
    (empty / "log.csv").write_text("key,when,sureness\na,2026-10-01,0.4\n")
    ran = calib("init", "--traffic", "log.csv")
    assert ran.code == 0
    assert "columns.confidence: no column looks like it" in ran.out
    assert "columns.ts: no column looks like it" in ran.out
    assert "columns.id = key" in ran.out


def typed(command: str, folder: Path) -> str:
    """Type a command in a folder, without any setting of this test run."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CALIB", "PREFECT"))}
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["outcomes", "files"])
def test_the_steps_that_are_printed_work_as_typed(empty: Path, calib: Callable[..., Any], kind: str) -> None:
    url = write_traffic(empty, "parquet")
    if kind == "files":
        table = pq.read_table(empty / "logs" / "a.parquet")
        pq.write_table(table.drop_columns(["correct"]), empty / "logs" / "a.parquet")
    made = calib("init", "my work", "--traffic", url, "--json").json
    steps = made["next"]["try"]
    assert steps[0] == f"cd {shlex.quote(str(empty / 'my work'))}"
    said = ""
    for step in steps[1:]:
        if "labels import" in step:
            sheet = empty / "my work" / "todo.csv"
            lines = sheet.read_text().splitlines()
            sheet.write_text("\n".join([lines[0], *(line + "correct" for line in lines[1:])]) + "\n")
        said = typed(f"{steps[0]}; {step}", empty)
    assert "2026-10" in said


def test_what_the_environment_sets_is_named_because_jobs_do_not_inherit_it(
    empty: Path, calib: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CALIB_DATABASE", "CALIB_SCHEMA", "CALIB_STORE"):
        monkeypatch.delenv(name, raising=False)
    assert "The environment sets" not in calib("init", "plain").out
    monkeypatch.setenv("CALIB_DATABASE", f"sqlite:///{empty}/elsewhere.db")
    said = calib("init", "set").out
    assert "The environment sets CALIB_DATABASE. Set it for the Prefect worker and in the installed" in said
    monkeypatch.delenv("CALIB_DATABASE")
    monkeypatch.setenv("CALIB_STORE", "file:elsewhere")
    assert "The environment sets CALIB_STORE." in calib("init", "stored").out
    head = (empty / "set" / "crontab").read_text().partition("SHELL=")[0]
    assert {"SLACK_BOT_TOKEN", "CALIB_DATABASE"} <= set(re.findall(r"[A-Z_]{9,}", head))


@pytest.mark.slow
def test_the_crontab_runs_with_crons_own_environment(world: World, calib: Callable[..., Any]) -> None:
    """Each line alone, in a shell that knows only what the file says; a broken stream stops nothing else."""
    folder = world.folder / "with 100% space"
    calib("init", folder)
    shutil.copytree(world.folder / "traffic", folder / "traffic")
    stream = world.config.read_text()
    (folder / "calib.toml").write_text(
        stream.replace("triage", "a-broken").replace("raw_confidence", "gone") + stream
    )
    variables, commands = {"HOME": "/", "LOGNAME": "nobody"}, []
    for line in (folder / "crontab").read_text().splitlines():
        if line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if equals and name.isidentifier():
                variables[name] = value
            else:
                commands.append(line.split(maxsplit=5)[5])
    assert [command.split()[:2] for command in commands] == [
        ["calib", verb] for verb in ("sample", "evaluate", "relay", "probe", "watchdog", "erase")
    ]
    for command in commands:
        assert "%" not in command
        assert "&&" not in command
        subprocess.run([variables["SHELL"], "-c", command], env=variables, cwd="/", check=False)
    log = (folder / "calib.log").read_text()
    assert "gone" in log
    assert "delivered" in log
    assert not shutil.which("calib", path="/usr/bin:/bin"), "this test would not see a missing PATH"
    assert variables["PATH"].split(":")[0] == str(Path(sys.executable).parent)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("parquet:traffic/*.parquet", "traffic"),
        ("csv:logs/Support Triage.csv", "support-triage"),
        ("postgresql://db/x#public.replies", "replies"),
        ("parquet:*.parquet", "my-stream"),
        ("csv:../é.csv", "my-stream"),
    ],
)
def test_a_stream_gets_a_name_that_settings_take(url: str, name: str) -> None:
    assert _stream_name(url) == name


def test_a_program_is_called_by_its_name_only_where_that_finds_the_one_beside_this_python() -> None:
    beside = Path(sys.executable).parent / "calib"
    assert program("calib", which=lambda _: str(beside)) == "calib"
    assert program("calib", which=lambda _: None) == shlex.quote(str(beside))
    assert program("calib", which=lambda _: "/bin/sh") == shlex.quote(str(beside))
    assert program("not-installed", which=lambda _: None) == f"{shlex.quote(sys.executable)} -m not-installed"


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/deployment.md"])
def test_the_documents_show_the_commands_that_are_printed(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "program", lambda name: name)
    here = Path()
    text = (Path(__file__).resolve().parents[3] / page).read_text()
    commands = [step.command for step in steps.schedule_it(folder=here, cwd=here)]
    assert len(commands) == 5
    for command in commands:
        assert f"$ {command}" in text
