"""Prometheus on loopback, set up as dashboards/README.md says, reading one page of `calib web`."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from object_servers import free_port, running

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "dashboards" / "prometheus" / "calibwatch.rules.yaml"
PAGE = ROOT / "dashboards" / "README.md"


def program(name: str) -> str:
    """Where a program of Prometheus is."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is not installed: run `make infra-tools`, which installs it")
    return path


def asked(url: str) -> Any:
    """What the server answers."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def values(api: str, expression: str) -> list[dict[str, Any]]:
    """The present values of an expression, each with its labels."""
    answered: list[dict[str, Any]] = asked(f"{api}/query?query={quote(expression)}")["data"]["result"]
    return answered


@contextmanager
def scraping(address: str, *, token: str, scratch: Path) -> Iterator[str]:
    """The API of a server that reads the page below an address every second."""
    file, port = scratch / "token", free_port()
    file.write_text(token)
    settings = yaml.safe_load(re.findall(r"  ```yaml\n(.*?)  ```", PAGE.read_text(), re.DOTALL)[0])
    (job,) = settings["scrape_configs"]
    job |= {"scrape_interval": "1s", "authorization": {"credentials_file": str(file)}}
    job["static_configs"] = [{"targets": [address.removeprefix("http://")]}]
    settings |= {"rule_files": [str(RULES)], "global": {"evaluation_interval": "1s"}}
    config = scratch / "prometheus.yml"
    config.write_text(yaml.safe_dump(settings))
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={scratch / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, port, scratch=scratch):
        yield f"http://127.0.0.1:{port}/api/v1"
