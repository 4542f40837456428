"""The wheel in empty environments: what each extra brings, and what a command says where it is missing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calib.cli.extras import JOBS, MEASURE, missing_extra

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 350 * 2**20  # bytes that [measure] may take, as installed: without the bytecode that Python adds
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    """The distributions in requirements, without the project itself."""
    found = {canonical(re.split(r"[\[<>=!~; ]", each)[0]) for each in requirements}
    return found - {"calibwatch"}


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing but the wheel and what it asked for."""

    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def run(self, *arguments: Any, cwd: Path) -> subprocess.CompletedProcess[str]:
        """A program of the environment, with none of this process's own paths."""
        command = [str(self.bin / arguments[0]), *map(str, arguments[1:])]
        clean = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(cwd),
            "DO_NOT_TRACK": "1",
            "LANG": "C.UTF-8",
        }
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=clean, timeout=300)

    def installed(self) -> set[str]:
        return {path.name.split("-")[0].lower() for path in self.packages.glob("*.dist-info")}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


Make = Callable[[str], Environment]


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes an environment with an extra, or "" for none, at the versions of the lock."""
    made: dict[str, Environment] = {}

    def make(extra: str) -> Environment:
        if extra not in made:
            folder = tmp_path_factory.mktemp(f"with-{extra or 'nothing'}")
            made[extra] = Environment(folder / "env")
            # A constraint with a hash would ask for one of the wheel too.
            lines = (ROOT / "requirements" / "dev.txt").read_text().splitlines()
            pins = [line.rstrip(" \\") for line in lines if re.match(r"[A-Za-z0-9]", line)]
            (folder / "pins.txt").write_text("\n".join(pins))
            what = [
                f"calibwatch{f'[{extra}]' if extra else ''} @ {wheel.as_uri()}",
                "-c",
                folder / "pins.txt",
            ]
            python = made[extra].bin / "python"
            if uv := shutil.which("uv"):
                venv.create(made[extra].folder, with_pip=False)
                install = [uv, "pip", "install", "--quiet", "--python", python, *what]
            else:
                venv.create(made[extra].folder, with_pip=True)
                quiet = ("--quiet", "--no-compile", "--disable-pip-version-check")
                install = [python, "-m", "pip", "install", *quiet, *what]
            done = subprocess.run([str(word) for word in install], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        return made[extra]

    return make


def labelled(folder: Path) -> tuple[Path, Path]:
    """The same 400 labelled rows as CSV and as Parquet."""
    rng = np.random.default_rng(0)
    stated = np.round(rng.uniform(0.3, 1, 400), 2)
    right = (rng.random(400) < stated - 0.1).astype(int)
    right = right[np.arange(400) // 2 * 2]  # one answer for each chain
    table = pa.table({"trace": [f"t{i // 2}" for i in range(400)], "confidence": stated, "correct": right})
    pq.write_table(table, folder / "log.parquet")
    rows = [f"{t},{p},{c}" for t, p, c in zip(*(column.to_pylist() for column in table.columns), strict=True)]
    (folder / "log.csv").write_text("\n".join(["trace,confidence,correct", *rows]))
    return folder / "log.csv", folder / "log.parquet"


@pytest.mark.slow
def test_the_bare_wheel_brings_the_client_and_names_the_extra_of_each_command(
    environment: Make, tmp_path: Path
) -> None:
    bare = environment("")
    assert {"calibwatch", "obstore"} <= bare.installed()
    assert not {"numpy", "typer", "pydantic", "rich"} & bare.installed()
    code = "import sys; from calib.client import MappingClient; print('numpy' in sys.modules)"
    assert bare.run("python", "-c", code, cwd=tmp_path).stdout == "False\n"
    for arguments, extra in (
        ((), "measure"),
        (("--help",), "measure"),
        (("measure", "log.csv"), "measure"),
        (("gate", "a.csv", "b.csv"), "measure"),
        (("chain", "steps.csv"), "measure"),
        (("plan", "support-triage"), "jobs"),
        (("run", "s", "--period", "2026-10"), "jobs"),
        (("mapping", "list", "s"), "jobs"),
        (("relay",), "jobs"),
        (("demo",), "jobs"),
    ):
        said = f"pip install 'calibwatch[{extra}]' is needed for this command"
        for program in (("calib",), ("python", "-m", "calib")):
            done = bare.run(*program, *arguments, cwd=tmp_path)
            assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{said}\n")
        done = bare.run("calib", *arguments, "--json", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (2, f"{said}\n")
        assert json.loads(done.stdout)["error"] == {"kind": "MissingExtra", "message": said, "exit_code": 2}


@pytest.mark.slow
def test_measure_is_small_and_measures_files(environment: Make, tmp_path: Path) -> None:
    small = environment("measure")
    assert not {"pandas", "pyarrow", "pydantic", "sqlalchemy", "prefect"} & small.installed()
    files = [path for path in small.packages.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    size = sum(path.stat().st_size for path in files)
    print(f"[measure] is {size / 2**20:.0f} MiB in {len(small.installed())} packages")
    assert size < LIMIT
    csv, parquet = labelled(tmp_path)
    for file in (csv, parquet):
        for arguments in (
            ("measure", file, "--baseline", file, "--json"),
            ("gate", file, file, "--json"),
            ("chain", file, "--json"),
            ("plan", file, "--labels", "100", "--rise", "0.2", "--json"),
        ):
            done = small.run("calib", *arguments, cwd=tmp_path)
            assert done.returncode == 0, (arguments, done.stderr)
            assert json.loads(done.stdout)
    assert (tmp_path / "log-reliability.png").stat().st_size > 10_000
    assert small.run("calib", "measure", csv, "--no-picture", cwd=tmp_path).stdout.startswith(str(csv))
    assert small.run("calib", "run", "--help", cwd=tmp_path).returncode == 0
    done = small.run("calib", "run", "s", "--period", "2026-10", cwd=tmp_path)
    said = "pip install 'calibwatch[jobs]' is needed for this command\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


@pytest.mark.slow
def test_jobs_brings_every_command(environment: Make, tmp_path: Path) -> None:
    jobs = environment("jobs")
    assert not {"evidently", "plotly", "statsmodels", "nltk"} & jobs.installed()
    for arguments in (("--help",), ("demo", "--help"), ("mapping", "--help")):
        assert jobs.run("calib", *arguments, cwd=tmp_path).returncode == 0
    (tmp_path / "calib.toml").write_text("")
    done = jobs.run("calib", "check", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"]
    labelled(tmp_path)
    assert jobs.run("calib", "measure", "log.csv", "--no-picture", cwd=tmp_path).returncode == 0


def test_the_table_of_modules_is_that_of_the_extras() -> None:
    """Each module that a command is refused for comes with the extra that the refusal names."""
    distributions = packages_distributions()
    of = {module: set(map(canonical, distributions[module])) for module in JOBS}
    assert all(of[module] & names(EXTRAS["measure"]) for module in MEASURE)
    assert all(of[module] & names(EXTRAS["measure"] + EXTRAS["jobs"]) for module in JOBS)
    known = set().union(*of.values())
    # The others are parts of what is looked for, data, or of Python itself from 3.14 on.
    assert names(EXTRAS["measure"]) - known <= {"backports-zstd"}
    assert names(EXTRAS["jobs"]) - known <= {"tzdata"}


def test_the_extras_hold_what_they_are_for() -> None:
    assert names(PROJECT["dependencies"]) == {"obstore"}
    assert not {"pandas", "pyarrow", "pydantic"} & names(EXTRAS["measure"])
    assert "calibwatch[measure]" in EXTRAS["jobs"]
    assert "evidently" not in names(EXTRAS["jobs"])
    assert {"evidently", "pandas"} == names(EXTRAS["evidently"])


def test_the_locks_name_no_index_and_hold_no_more_than_they_should() -> None:
    texts = {path.stem: path.read_text() for path in (ROOT / "requirements").glob("*.txt")}
    assert set(texts) == {"client", "measure", "jobs", "postgres", "dev"}
    for text in texts.values():
        assert "://" not in text
        assert "--index" not in text
    pinned = {
        name: dict(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", text, re.M | re.I))
        for name, text in texts.items()
    }
    assert not {"pandas", "pyarrow", "pydantic", "sqlalchemy"} & set(pinned["measure"])
    assert not {"evidently"} & (set(pinned["jobs"]) | set(pinned["postgres"]))
    assert set(pinned["client"]) == {"obstore", "typing-extensions"}
    assert "psycopg" in pinned["postgres"]
    for name in ("client", "measure", "jobs", "postgres"):
        both = set(pinned[name]) & set(pinned["dev"])
        assert {each: pinned[name][each] for each in both} == {each: pinned["dev"][each] for each in both}


@pytest.mark.parametrize(
    "arguments", [(), ("measure", "x"), ("run", "s"), ("plan", __file__), ("--version",)]
)
def test_nothing_is_missing_here(arguments: tuple[str, ...]) -> None:
    assert missing_extra(arguments) is None
