"""Addresses of stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from calib.errors import InvalidInput
from calib.object_urls import folder_of, open_remote


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:mappings", "base/mappings"),
        ("file:/srv/mappings", "/srv/mappings"),
        ("file:///srv/mappings", "/srv/mappings"),
        ("file:../up", "base/../up"),
        ("s3://bucket/prefix", None),
        ("nonsense", None),
    ],
)
def test_folders(url: str, folder: str | None) -> None:
    assert folder_of(url, base=Path("base")) == (None if folder is None else Path(folder))


@pytest.mark.parametrize("url", ["file:", "file:///", "file://server/share"])
def test_folders_that_are_none(url: str) -> None:
    with pytest.raises(InvalidInput, match="file:FOLDER"):
        folder_of(url)


def test_a_path_is_no_url() -> None:
    with pytest.raises(InvalidInput, match="write 'file:mappings' for the folder"):
        folder_of(Path("mappings"))  # type: ignore[arg-type]


def test_settings_that_cannot_be_used_are_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "not base64!")
    with pytest.raises(InvalidInput, match="az://container"):
        open_remote("az://container/prefix")
