"""The steps of the Dockerfile, run one after the other in an empty folder: no builder of images is needed.

Paths of the image become paths below that folder, and the interpreter is the one that runs the test. What
this cannot show is the base image itself.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).resolve().parents[2]
IN_IMAGE = re.compile(r"(?<![\w.])/(opt|src|srv)(?=/|\b)")


@dataclass
class Stage:
    """One FROM of the file, with its steps in order."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        return [value for name, value in self.steps if name == instruction][-1]


def stages() -> dict[str, Stage]:
    with (ROOT / "infra" / "Dockerfile").open("rb") as file:
        parsed = DockerfileParser(fileobj=file).structure
    found: dict[str, Stage] = {}
    stage = None
    for step in parsed:
        if step["instruction"] == "FROM":
            base, _, name = step["value"].partition(" AS ")
            stage = found[name] = Stage(name, base)
        elif stage is not None and step["instruction"] != "COMMENT":
            stage.steps.append((step["instruction"], step["value"]))
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root folder of the build stage after its last step."""
    root = tmp_path_factory.mktemp("image")
    (root / "opt").mkdir()
    environment = {"PATH": f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}", "HOME": str(root)}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    work = root
    for instruction, value in stages()["build"].steps:
        if instruction == "ENV":
            environment |= dict(pair.split("=", 1) for pair in shlex.split(value))
            environment.pop("PIP_NO_CACHE_DIR", None)  # downloads made by other tests may be used again
        elif instruction == "WORKDIR":
            work = root / value.strip("/")
            work.mkdir(parents=True)
        elif instruction == "COPY":
            copy(value.split(), work)
        else:
            assert instruction == "RUN", instruction
            command = IN_IMAGE.sub(lambda found: f"{root}/{found[1]}", value)
            shell = ["/bin/sh", "-ec", command]
            done = subprocess.run(
                shell, cwd=work, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{value}\n{done.stdout}{done.stderr}"
    yield root
    shutil.rmtree(root)


def copy(words: list[str], work: Path) -> None:
    """As COPY does, of what `.dockerignore` lets through."""
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:].strip("/") for line in rules if line.startswith("!")}
    *sources, target = words
    for source in sources:
        within = {str(path) for path in (Path(source), *Path(source).parents)}
        assert within & let_through, f"{source} does not reach the builder"
        place = work / target / Path(source).name if target.endswith("/") else work / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)


def run(image: Path, environment: str, *command: str) -> subprocess.CompletedProcess[str]:
    program = image / "opt" / environment / "bin" / command[0]
    return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, cwd=image)


@pytest.mark.slow
def test_the_steps_make_environments_that_work(image: Path) -> None:
    done = run(image, "client", "python", "-c", "import calib.client, sys; sys.exit('numpy' in sys.modules)")
    assert done.returncode == 0, done.stderr
    assert run(image, "client", "python", "-c", "import numpy").returncode != 0
    for command in (("calib", "web", "--help"), ("prefect", "worker", "start", "--help")):
        assert run(image, "jobs", *command).returncode == 0, command
    assert run(image, "jobs", "python", "-c", "import psycopg, asyncpg, calib.web.app").returncode == 0
    assert run(image, "jobs", "python", "-m", "pip").returncode != 0, "pip stays in the image"


@pytest.mark.slow
def test_the_sizes_are_those_that_are_stated(image: Path) -> None:
    """Within a tenth: what each environment adds to the base image."""
    said = (ROOT / "infra" / "README.md").read_text()
    for name in ("client", "jobs"):
        files = (path for path in (image / "opt" / name).rglob("*") if not path.is_symlink())
        size = sum(path.lstat().st_size for path in files)
        stated = re.search(rf"`{name}`[^\n]*?([\d,]+) MB", said)
        assert stated, name
        assert size / 1e6 == pytest.approx(float(stated[1].replace(",", "")), rel=0.1), name


def test_every_image_runs_as_a_user_without_rights_and_says_how_it_is() -> None:
    found = stages()
    assert list(found) == ["build", "base", "client", "jobs", "web"]
    for name in ("client", "jobs", "web"):
        steps = dict(found[name].steps) if name != "web" else dict(found["jobs"].steps + found["web"].steps)
        assert steps["USER"] == "10001:10001", name
        words = json.loads(steps["HEALTHCHECK"].partition("CMD ")[2])
        assert compile(words[-1], "healthcheck", "exec"), name
        assert json.loads(steps["CMD"]), name
    assert "--require-hashes" in " ".join(value for _, value in found["build"].steps)


def test_the_user_is_made_without_a_shell(tmp_path: Path) -> None:
    (command,) = [value for name, value in stages()["base"].steps if name == "RUN"]
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group", "shadow", "gshadow"):
        (tmp_path / "etc" / name).write_text("")
    words = [useradd, "--prefix", str(tmp_path), *shlex.split(command)[1:]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if os.geteuid() != 0 and done.returncode != 0:
        pytest.skip("only root may add a user, even to a folder of its own")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "etc" / "passwd").read_text().startswith("calib:x:10001:10001:")
    assert "/usr/sbin/nologin" in (tmp_path / "etc" / "passwd").read_text()
