"""Object stores on loopback: S3 by moto and by SeaweedFS, Azure by Azurite; each ends with the test run."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

AZURITE = "3.35.0"
# Azurite's one account, the same on every machine, as its manual prints it
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


# moto looks whether a key is there, then writes it; a real store lets nobody in between the two. Under load
# two publishers won one race.
MOTO = """
import sys, threading
from moto import server
one_at_a_time, answer = threading.Lock(), server.DomainDispatcherApplication.__call__
def call(self, environ, start_response):
    with one_at_a_time:
        return answer(self, environ, start_response)
server.DomainDispatcherApplication.__call__ = call
server.main(sys.argv[1:])
"""


@dataclass(frozen=True)
class Server:
    """A running server: what `open_store` needs in its environment, and a new place in it for each test."""

    root: str
    environment: dict[str, str]

    def url(self) -> str:
        return f"{self.root}/{uuid.uuid4().hex[:12]}"


@contextmanager
def s3() -> Iterator[Server]:
    """moto's S3 with one bucket."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-c", MOTO, "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port):
        endpoint = f"http://127.0.0.1:{port}"
        ask = urllib.request.Request(f"{endpoint}/mappings", method="PUT")
        urllib.request.urlopen(ask, timeout=30).close()
        yield Server(
            "s3://mappings",
            {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ALLOW_HTTP": "true",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": "us-east-1",
            },
        )


@contextmanager
def seaweedfs() -> Iterator[Server]:
    """SeaweedFS, a real S3 server, with one bucket: one process, which keeps its data until it ends."""
    scratch = Path(tempfile.mkdtemp(prefix="seaweedfs-"))
    ports = {name: free_port_pair() for name in ("master", "volume", "filer", "s3")}
    key = {"accessKey": "test", "secretKey": "test-secret"}
    identities = [{"name": "test", "credentials": [key], "actions": ["Admin", "Read", "List", "Write"]}]
    for name in ("writer", "reader"):  # who may do what a bucket's policy says, and nothing else
        own = {"accessKey": name, "secretKey": f"{name}-secret"}
        identities.append({"name": name, "credentials": [own], "actions": []})
    (scratch / "s3.json").write_text(json.dumps({"identities": identities}))
    command = [
        str(Path(sys.executable).with_name("weed")),
        *("server", "-s3", f"-dir={scratch}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-{name}.port={port}" for name, port in ports.items()),
        *("-master.volumeSizeLimitMB=64", "-volume.max=20", "-master.telemetry=false"),
        *(f"-s3.config={scratch / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
    ]
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": key["accessKey"],
        "AWS_SECRET_ACCESS_KEY": key["secretKey"],
        "AWS_REGION": "us-east-1",
    }
    # it takes half a minute to end in order, and there is nothing in it that has to last
    with running(command, ports["s3"], stop=signal.SIGKILL, scratch=scratch):
        make_bucket(environment, "mappings")
        yield Server("s3://mappings", environment)


def s3_client(environment: dict[str, str]) -> Any:
    """Amazon's own client, for what obstore cannot do."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )


def make_bucket(environment: dict[str, str], name: str) -> None:
    """Asked again until the parts of the server have found each other."""
    import botocore.exceptions

    client = s3_client(environment)
    deadline = time.monotonic() + 120
    while True:
        try:
            if name not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
                client.create_bucket(Bucket=name)
            client.put_object(Bucket=name, Key="ready", Body=b"1")
            client.delete_object(Bucket=name, Key="ready")
        except (botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def free_port_pair() -> int:
    """A port that is free with the one 10,000 above it, at which SeaweedFS listens too."""
    for port in random.Random().sample(range(20_000, 50_000), 200):
        try:
            for each in (port, port + 10_000):
                with socket.socket() as asked:
                    asked.bind(("127.0.0.1", each))
        except OSError:
            continue
        return port
    pytest.fail("no pair of free ports")


@contextmanager
def azure(cache: Path) -> Iterator[Server]:
    """Azurite with one container; installed into `cache` the first time, and kept there."""
    program = azurite(cache)
    port = free_port()
    command = [*program, "--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with running(command, port):
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        create_container(endpoint, "mappings")
        yield Server(
            "az://mappings",
            {
                "AZURE_STORAGE_ENDPOINT": endpoint,
                "AZURE_ALLOW_HTTP": "true",
                "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            },
        )


def azurite(cache: Path) -> list[str]:
    """The command that starts Azurite's blob service; the test is skipped, saying so, without Node or npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Azure was not tried: there is no Node here to run Azurite with")
    folder = cache / f"azurite-{AZURITE}"
    script = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not script.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        making = cache / f"azurite-{os.getpid()}"
        install = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
        done = subprocess.run(
            [*install, "--prefix", str(making), f"azurite@{AZURITE}"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(making, ignore_errors=True)
            pytest.skip(f"Azure was not tried: npm cannot install Azurite: {done.stderr.strip()[-200:]}")
        try:
            making.rename(folder)
        except OSError:  # another test run was faster
            shutil.rmtree(making, ignore_errors=True)
    return [node, str(script)]


def cache_folder() -> Path:
    """Where servers for tests are installed: `CALIB_TEST_CACHE`, or below the user's own cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "calibwatch-tests"
    return Path(os.environ.get("CALIB_TEST_CACHE", default))


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


WATCHED = """
import os, shutil, subprocess, sys, threading
stop, scratch, *command = sys.argv[1:]
child = subprocess.Popen(command, stdin=subprocess.DEVNULL)

def stop_with_the_test_run():
    sys.stdin.buffer.read()
    child.send_signal(int(stop))
    try: child.wait(10)
    except subprocess.TimeoutExpired: child.kill()

threading.Thread(target=stop_with_the_test_run, daemon=True).start()
code = child.wait()
if scratch: shutil.rmtree(scratch, ignore_errors=True)
os._exit(code or 1)
"""


@contextmanager
def running(
    command: list[str], port: int, *, stop: signal.Signals = signal.SIGTERM, scratch: Path | None = None
) -> Iterator[None]:
    """The program, from when it listens until this is left, or until the test run itself is killed.

    `stop` is the signal that ends it, `scratch` a folder that is removed after its end.
    """
    watched = [sys.executable, "-c", WATCHED, str(int(stop)), str(scratch or ""), *command]
    null, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(watched, stdin=pipe, stdout=null, stderr=null) as process:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{command} does not listen: exit code {process.poll()}")
                time.sleep(0.1)
        yield  # Popen closes the pipe when it is left, and the program ends with it


def create_container(endpoint: str, name: str) -> None:
    """What obstore cannot do: one request, signed as Azure's Shared Key wants it."""
    date, version = formatdate(usegmt=True), "2021-08-06"
    headers = f"x-ms-date:{date}\nx-ms-version:{version}\n"
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + headers + resource
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    ask = urllib.request.Request(
        f"{endpoint}/{name}?restype=container",
        method="PUT",
        headers={
            "x-ms-date": date,
            "x-ms-version": version,
            "Content-Length": "0",
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
        },
    )
    urllib.request.urlopen(ask, timeout=30).close()
