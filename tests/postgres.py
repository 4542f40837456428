"""PostgreSQL on loopback: one server for a test run, a fresh database for each test that asks."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from object_servers import free_port, running
from planted import DATABASE_PASSWORD

PASSWORD = DATABASE_PASSWORD  # of the server's one user; written into a URL with `quote`
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off", "max_connections=60")
OPTIONS = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
# PostgreSQL does not start as root: become the package's user, then the program itself.
AS_USER = """
import os, pwd, sys
user = pwd.getpwnam(sys.argv[1])
os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid); os.chdir("/")
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Postgres:
    """A running server; `folder` is where its data are."""

    port: int
    folder: Path

    def url(self, database: str = "postgres", *, password: str = PASSWORD) -> str:
        """The address of a database as `calib.toml` wants it."""
        return f"postgresql+psycopg://calib:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        """Run a statement outside any transaction, as the server's owner."""
        with self.connect(database) as connection:
            connection.execute(statement.encode())

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection past the code under test."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="calib",
            password=PASSWORD,
            dbname=database,
            connect_timeout=30,
            autocommit=True,
        )

    @contextmanager
    def database(self, *, template: str = "template0") -> Iterator[str]:
        """The name of a new database, dropped when this is left, whoever is still connected.

        It is empty, or a copy of another one, whose connections are ended for that.
        """
        name = f"test_{uuid.uuid4().hex[:12]}"
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname"
        self.execute(f"{ended} = '{template}'")
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server with nothing in it; it ends with the test run, however that ends."""
    folder = Path(tempfile.mkdtemp(prefix="calibwatch-postgresql-"))
    try:
        data = folder / "data"
        password = folder / "password"
        password.write_text(PASSWORD)
        _give_to_owner(folder, password)
        started = subprocess.run(
            [*_program("initdb"), "-D", data, "-U", "calib", "--pwfile", password, *OPTIONS],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if started.returncode != 0:
            pytest.fail(f"initdb failed: {started.stderr.strip()[-500:]}")
        with _server(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def standby(primary: Postgres) -> Iterator[Postgres]:
    """A standby of a server: it holds what that holds, and can be read only."""
    folder = Path(tempfile.mkdtemp(prefix="calibwatch-postgresql-"))
    try:
        _give_to_owner(folder)
        address = f"host=127.0.0.1 port={primary.port} user=calib"
        subprocess.run(
            [
                *_program("pg_basebackup"),
                "-D",
                folder / "data",
                "-d",
                address,
                "-R",
                "--no-sync",
                "-c",
                "fast",
            ],
            env=os.environ | {"PGPASSWORD": PASSWORD},
            capture_output=True,
            timeout=120,
            check=True,
        )
        with _server(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(folder: Path) -> Iterator[Postgres]:
    """The server over the data in a folder."""
    port = free_port()
    options = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *FAST]
    command = [*_program("postgres"), "-D", str(folder / "data")]
    for option in options:
        command += ["-c", option]
    with running(command, port, stop=signal.SIGINT, scratch=folder):  # SIGINT: do not wait for clients
        server = Postgres(port, folder)
        _wait_until_ready(server)
        yield server


def _wait_until_ready(server: Postgres) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            server.connect().close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL does not accept connections: {error}")
            time.sleep(0.1)


def _program(name: str) -> list[str]:
    """The command for a program of PostgreSQL, run as an ordinary user."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    places = [path / name for path in reversed(folders)] + [Path(p) for p in [shutil.which(name)] if p]
    program = next((path for path in places if path.is_file()), None)
    if program is None:
        pytest.fail(f"PostgreSQL's {name} is not installed: run `make postgresql`, which installs it")
    if os.geteuid() != 0:
        return [str(program)]
    return [sys.executable, "-c", AS_USER, _owner(), str(program)]


def _owner() -> str:
    """Whom the server runs as: PostgreSQL's own user where the tests run as root."""
    if os.geteuid() != 0:
        return getpass.getuser()
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.fail("there is no user `postgres` to run PostgreSQL as: run `make postgresql`, which makes it")


def _give_to_owner(*paths: Path) -> None:
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, _owner())
