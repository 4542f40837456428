"""`calib reviewers`, and how `calib web` refuses to start."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from in_process import Ran

Calib = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, calib: Calib) -> Calib:
    """`calib` in a folder with two streams."""
    config = tmp_path / "calib.toml"
    config.write_text('[streams.a]\ntraffic = "csv:*.csv"\n[streams.b]\ntraffic = "csv:*.csv"\n')
    return lambda *words: calib(*words, "--config", config)


@pytest.fixture
def serves(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`calib web` makes its pages, serves them to nobody and ends; what it opened in a browser."""
    opened: list[str] = []

    def serve(make: Callable[[int], object], listening: socket.socket) -> None:
        with listening:
            make(listening.getsockname()[1])

    monkeypatch.setattr("calib.web.server.serve", serve)
    monkeypatch.setattr("webbrowser.open", opened.append)
    return opened


def test_reviewers_are_added_listed_and_revoked(run: Calib) -> None:
    added = run("reviewers", "add", "ada", "--role", "admin", "--json").json
    assert added["link"].startswith("http://127.0.0.1:8010/sign-in?token=")
    assert len(added["link"].partition("token=")[2]) >= 43
    assert (added["name"], added["role"], added["streams"]) == ("ada", "admin", None)
    assert run("reviewers", "add", "bob", "--stream", "b", "--stream", "a", "--json").json["streams"] == [
        "a",
        "b",
    ]
    again = run("reviewers", "link", "ada", "--json").json
    assert again["link"] != added["link"]
    assert (added["withdrawn"], again["withdrawn"]) == (0, 1)
    assert "An earlier link of ada that had not been used can no longer be used." in " ".join(
        run("reviewers", "link", "ada").out.split()
    )
    revoked = run("reviewers", "revoke", "bob", "--json").json
    listed = run("reviewers", "list", "--json").json["reviewers"]
    assert [(one["name"], one["role"], one["revoked_at"]) for one in listed] == [
        ("ada", "admin", None),
        ("bob", "reviewer", revoked["revoked_at"]),
    ]
    text = run("reviewers", "list").out
    assert "bob" in text
    assert "a, b" in text
    assert "revoked 20" in text


def test_reviewers_in_words(run: Calib) -> None:
    assert "calib reviewers add NAME --role admin" in run("reviewers", "list").out
    text = run("reviewers", "add", "ada").out
    assert "this link works once" in text
    assert "set `url` under [web]" in " ".join(text.split())
    assert "asks everybody to sign in" in text
    assert "asks everybody" not in run("reviewers", "add", "bob").out
    assert "their labels stay" in run("reviewers", "revoke", "bob").out
    assert "last reviewer" in run("reviewers", "revoke", "ada").out
    assert run("reviewers", "add", "ada").code == 0, "a revoked one is let in again"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "ada"), "there is a reviewer 'ada' already"),
        (("add", "eve", "--stream", "c"), "calib.toml has no stream 'c'"),
        (("add", " "), "cannot be a reviewer's name"),
        (("link", "adda"), "did you mean 'ada'?"),
        (("revoke", "zoe"), "`calib reviewers list` names them"),
    ],
)
def test_what_cannot_be_done_is_said(run: Calib, words: tuple[str, ...], message: str) -> None:
    run("reviewers", "add", "ada")
    ran = run("reviewers", *words)
    assert ran.code == 2
    assert message in ran.err
    assert len(run("reviewers", "list", "--json").json["reviewers"]) == 1


def test_a_role_that_there_is_not_is_refused(run: Calib) -> None:
    assert run("reviewers", "add", "ada", "--role", "owner").code == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "calib.example"])  # noqa: S104
def test_no_other_address_without_a_reviewer(run: Calib, serves: list[str], host: str) -> None:
    ran = run("web", "--host", host, "--json")
    assert ran.code == 2
    assert "calib reviewers add NAME --role admin" in ran.json["error"]["message"]


def test_the_proxys_options_belong_together(run: Calib, serves: list[str]) -> None:
    ran = run("web", "--proxy-header", "X-User")
    assert ran.code == 2
    assert "add --proxy-from CIDR" in ran.err


def test_a_port_that_is_in_use_is_said(run: Calib) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("web", "--port", port)
    assert ran.code == 2
    assert f"127.0.0.1:{port} cannot be served" in ran.err
    assert "another --port" in ran.err


def test_an_address_of_another_machine_is_said(run: Calib) -> None:
    run("reviewers", "add", "ada")
    ran = run("web", "--host", "192.0.2.1")
    assert ran.code == 2
    assert "192.0.2.1" in ran.err


def test_guidelines_that_are_missing_are_said_at_the_start(
    tmp_path: Path, run: Calib, serves: list[str]
) -> None:
    (tmp_path / "calib.toml").write_text('[streams.a]\ntraffic = "csv:*.csv"\nguidelines = "no.md"\n')
    ran = run("web")
    assert ran.code == 2
    assert "no.md are not there: write the file" in ran.err


def test_without_reviewers_the_address_has_a_token(run: Calib, serves: list[str]) -> None:
    ran = run("web", "--port", "0", "--json", "--open")
    assert (ran.code, ran.json["reviewers"]) == (0, 0)
    address, _, token = ran.json["url"].partition("/start?token=")
    assert address.startswith("http://127.0.0.1:")
    assert address != "http://127.0.0.1:0"
    assert len(token) >= 43
    assert serves == [ran.json["url"]]
    text = run("web", "--port", "0").out
    assert "calib reviewers add NAME --role admin" in text
    assert token not in text, "another token for each process"


def test_with_reviewers_the_address_is_that_of_the_settings(
    tmp_path: Path, run: Calib, serves: list[str]
) -> None:
    run("reviewers", "add", "ada", "--role", "admin")
    assert run("web", "--port", "0", "--json").json["url"].count("/") == 2, "no token"
    config = tmp_path / "calib.toml"
    config.write_text('[web]\nurl = "https://calib.example"\n' + config.read_text())
    ran = run("web", "--port", "0", "--host", "0.0.0.0")  # noqa: S104
    assert ran.code == 0
    assert "https://calib.example\n" in ran.out
    assert "1 reviewer may sign in" in ran.out
    assert run("reviewers", "link", "ada", "--json").json["link"].startswith("https://calib.example/sign-in?")
    assert serves == []
