"""Servers that the contract suites share: started once, when the first test asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from object_servers import Server, azure, cache_folder, s3


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    """S3 on loopback."""
    with s3() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Server]:
    """Azure on loopback; skipped, saying so, where Node is missing."""
    with azure(cache_folder()) as server:
        yield server
