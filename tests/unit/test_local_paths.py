"""`~` is home wherever a path of this machine is named; nothing is dropped of a URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.client import MappingClient
from calib.client.fetch import open_fetcher
from calib.connections import probe_of
from calib.errors import InvalidInput
from calib.local_paths import local_path
from calib.object_urls import CLOUDS, folder_of, open_remote
from calib.settings import Settings, load
from calib.store import open_store
from calib.traffic.connect import table_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and another working folder, in which no `~` may appear."""
    made, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    made.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.chdir(elsewhere)
    return made


def in_store(home: Path) -> None:
    open_store("file:~/m").create("a", b"1")
    assert (home / "m" / "a").read_bytes() == b"1"


def in_client(home: Path) -> None:
    (home / "m").mkdir()
    (home / "m" / "a").write_bytes(b"1")
    assert open_fetcher("file:~/m").get("a") == b"1"


def in_cache(home: Path) -> None:
    client = MappingClient("file:~/m", stream="s", cache="~/cache", refresh=3600)
    client.close()
    assert client._cache is not None
    assert client._cache._folder == home / "cache" / "s" / "production"


def in_traffic(home: Path) -> None:
    pq.write_table(pa.table({"id": ["a"]}), home / "t.parquet")
    assert (
        table_of("parquet:~/*.parquet", base=Path("/nowhere"), stream="s", columns=("id",)).count().execute()
    )
    with pytest.raises(InvalidInput, match=f"the file {home}/none.duckdb does not exist"):
        table_of("duckdb:~/none.duckdb#t", base=Path("/nowhere"), stream="s", columns=("id",))


def in_database(home: Path) -> None:
    assert Settings(database="sqlite:///~/c.db").database_url == f"sqlite:///{home}/c.db"
    assert Settings(database="sqlite:///c.db", folder=Path("/srv")).database_url == "sqlite:////srv/c.db"


def in_probe(home: Path) -> None:
    (home / "calib.toml").write_text(
        '[probes.p]\nfile = "~/q.csv"\nendpoint = "https://model.example/v1"\nmodel = "m"\n'
    )
    with pytest.raises(InvalidInput, match=f"{home}/q.csv"):
        probe_of("p", load(home / "calib.toml"))


@pytest.mark.parametrize(
    "use", [in_store, in_client, in_cache, in_traffic, in_database, in_probe], ids=lambda use: use.__name__
)
def test_a_tilde_is_home(home: Path, use: Callable[[Path], None]) -> None:
    use(home)
    assert list(Path().iterdir()) == []


def test_the_home_of_nobody_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"~nobody-of-this-name in .* is not a home folder"):
        local_path("~nobody-of-this-name/m")


@given(st.text(st.characters(codec="ascii", exclude_characters="~\0", exclude_categories=["Cc"]), min_size=1))
def test_any_other_path_is_taken_as_it_is(text: str) -> None:
    assert local_path(text, base=Path("/srv")) == Path("/srv") / text
    if text.strip("/") and not text.startswith("/"):
        assert folder_of(f"file:{text}", base=Path("/srv")) == Path("/srv") / text


@pytest.mark.parametrize("scheme", CLOUDS)
@pytest.mark.parametrize("rest", ["b/team#1", "b#1/x", "b/team?1", "b/a#b?c", "b/x#"])
@pytest.mark.parametrize("opens", [open_store, open_fetcher, open_remote], ids=lambda opens: opens.__name__)
def test_a_mark_that_would_end_the_url_is_refused(
    scheme: str, rest: str, opens: Callable[[str], Any]
) -> None:
    with pytest.raises(InvalidInput, match=r"ends the path, and what follows would be dropped; name a place"):
        opens(f"{scheme}://{rest}")


def test_the_environment_does_not_move_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "calib.toml"
    config.write_text("")
    for name in ("CALIB_FOLDER", "calib_folder", "CALIB_SLACK_TOKEN"):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("CALIB_STORE", "file:other")
    settings = load(config)
    assert (settings.folder, settings.store) == (tmp_path, "file:other")
    assert settings.database_url == f"sqlite:///{tmp_path}/calib.db"
    assert settings.slack_token is None
