"""Makes the fixtures of `tests/upgrade`: a deployment as calibwatch 0.1.0 leaves it. Run once, by hand:

    python tests/golden/upgrade/make.py

Needs git, uv, and the programs of PostgreSQL (`initdb`, `postgres`, `pg_dump`); takes about two minutes.
The wheel of 0.1.0 is built from the commit `COMMIT` of this repository and installed, with the lock of that
commit, into an environment of its own. There `write.py` writes the same deployment twice: with SQLite, and
with PostgreSQL. What is kept beside this file:

- `deployment.tar.xz`: the folder with settings, traffic, SQLite database, store, client cache and a sheet of
  labels that is filled in to the half.
- `postgres.sql.xz`: the other database, in plain SQL.
- `expected.json.xz`: what 0.1.0 reports of this deployment, and how 0.1.0 itself goes on from there.
- `client-0.1.0.zip`: the modules of 0.1.0 that its serving client is made of; Python imports from it.
"""

from __future__ import annotations

import io
import lzma
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
COMMIT = "c766ffd"  # the last one before 0.2.0 was begun; its version is 0.1.0
CLIENT = tuple(
    f"calib/{module}"
    for module in ("__init__.", "channel.", "curves.", "errors.", "lines.", "mapping.", "remote.", "client/")
)
PACKED = 1_780_000_000  # seconds: the time of each file in the archives, so that their bytes stay the same


def old_environment(work: Path) -> tuple[Path, Path]:
    """The wheel of 0.1.0, and the Python of an environment in which it is installed."""
    source, environment = work / "source", work / "environment"
    source.mkdir()
    archive = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(source, filter="data")
    python = environment / "bin" / "python"
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, environment], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", python]
    lock = source / "requirements" / "jobs.txt"
    subprocess.run([*install, "--no-deps", "--require-hashes", "-r", lock], check=True)
    build = ["uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--python", python]
    subprocess.run([*build, source, "-o", work / "dist"], check=True)
    (wheel,) = (work / "dist").glob("calibwatch-0.1.0-*.whl")
    subprocess.run([*install, "--no-deps", wheel], check=True)
    subprocess.run([*install, "psycopg[binary]>=3.2"], check=True)
    return wheel, python


def write(python: Path, folder: Path, **environment: str) -> None:
    """Let 0.1.0 write its deployment."""
    folder.mkdir(parents=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CALIB_", "SLACK_"))}
    kept |= {"LOGNAME": "maria", "TZ": "UTC"} | environment
    subprocess.run([python, HERE / "write.py", folder], check=True, env=kept, cwd=folder)


def pack(folder: Path, to: Path) -> None:
    """The folder as a compressed archive without the names, rights and times of this machine."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = PACKED
        entry.mode = 0o755 if entry.isdir() else 0o644
        return entry

    with tarfile.open(to, "w:xz", preset=9) as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(folder)), recursive=False, filter=plain)


def pack_client(wheel: Path, to: Path) -> None:
    """The client's modules of the wheel, and nothing else of it."""
    with zipfile.ZipFile(wheel) as given, zipfile.ZipFile(to, "w", compresslevel=9) as kept:
        for name in sorted(given.namelist()):
            if name.startswith(CLIENT) and name.endswith(".py"):
                entry = zipfile.ZipInfo(name, date_time=(2026, 6, 3, 6, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                kept.writestr(entry, given.read(name))


def program(name: str) -> Path:
    """A program of PostgreSQL, from the PATH or from where Debian keeps it."""
    on_path = shutil.which(name)
    places = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not places:
        raise SystemExit(f"{name} of PostgreSQL is not installed: apt-get install postgresql")
    return places[-1]


@contextmanager
def postgres(work: Path) -> Iterator[int]:
    """A PostgreSQL server on a free port of this machine alone; it refuses to run as root."""
    user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    folder = work / "postgres"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    data = folder / "data"
    subprocess.run(
        [program("initdb"), "-D", data, "-U", "calib", "-A", "trust", "-E", "UTF8", "--locale=C"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **user,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-p", str(port)]
    server = subprocess.Popen(
        [program("postgres"), "-D", data, *options], stderr=subprocess.DEVNULL, cwd=folder, **user
    )
    try:
        deadline = time.monotonic() + 120
        ready = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(ready, check=False).returncode:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("PostgreSQL does not start")
            time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait()


def dump(port: int) -> str:
    """The database in plain SQL that any driver can run: rows as INSERT, no owner, no settings of psql."""
    where = ["-h", "127.0.0.1", "-p", str(port), "-U", "calib", "postgres"]
    how = ["--inserts", "--rows-per-insert=200", "--no-owner", "--no-privileges"]
    text = subprocess.run(
        [program("pg_dump"), *how, *where], check=True, capture_output=True, text=True
    ).stdout
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("\\"))


def main() -> None:
    """Make all fixtures anew."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        work.chmod(0o755)  # the server of PostgreSQL runs as another user
        wheel, python = old_environment(work)
        pack_client(wheel, HERE / "client-0.1.0.zip")
        write(python, work / "sqlite" / "deployment")
        pack(work / "sqlite" / "deployment", HERE / "deployment.tar.xz")
        expected = (work / "sqlite" / "expected.json").read_bytes()
        (HERE / "expected.json.xz").write_bytes(lzma.compress(expected, preset=9))
        with postgres(work) as port:
            url = f"postgresql+psycopg://calib@127.0.0.1:{port}/postgres"
            write(python, work / "postgresql" / "deployment", CALIB_DATABASE=url)
            (HERE / "postgres.sql.xz").write_bytes(lzma.compress(dump(port).encode(), preset=9))


if __name__ == "__main__":
    main()
