"""Settings are read whole, or refused with the line."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calib.errors import InvalidInput
from calib.settings import load

LEAST = '[streams.a]\ntraffic = "csv:x.csv"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "calib.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_sensible(tmp_path: Path) -> None:
    found = load(write(tmp_path, LEAST))
    stream = found.stream("a")
    assert (stream.labels, stream.period, stream.max_rise, stream.timezone) == (500, "month", 0.03, "UTC")
    assert found.database_url == f"sqlite:///{tmp_path.resolve()}/calib.db"


def test_the_environment_wins_and_keeps_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALIB_DATABASE", "postgresql+psycopg://db/x")
    monkeypatch.setenv("CALIB_SLACK__CHANNEL", "#other")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-very-secret")
    file = 'database = "sqlite:///of-the-file.db"\n[slack]\nchannel = "#of-the-file"\n' + LEAST
    found = load(write(tmp_path, file))
    assert found.database_url == "postgresql+psycopg://db/x"
    assert found.slack.channel == "#other"
    assert "very-secret" not in repr(found)
    assert found.slack_token is not None
    assert found.slack_token.get_secret_value() == "xoxb-very-secret"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("databse = 'x'\n" + LEAST, 1, "did you mean 'database'"),
        (LEAST + "labels = 5\n", 3, "greater than or equal to 20"),
        (LEAST + 'review = { kind = "outcomes" }\n', 3, 'add column = "correct"'),
        (LEAST + 'review = { kind = "files", column = "x" }\n', 3, "belong to"),
        (LEAST + 'columns = { mapping = "m" }\n', 1, "columns.served"),
        (LEAST + 'columns = { scope = { model = "m" } }\n', 1, "add it to scope"),
        (LEAST + "columns = { confidnce = 'c' }\n", 3, "did you mean 'confidence'"),
        (LEAST + "columns = { context = ['q'], drift = ['q'] }\n", 3, "texts never leave the database"),
        (LEAST + "columns = { drift = ['x', 'x'] }\n", 3, "drift names 'x' twice"),
        (LEAST + "columns = { drift = ['prediction_id'] }\n", 3, "columns.id and holds no distribution"),
        (LEAST + "columns = { drift = ['raw_confidence'] }\n", 3, "confidence and is compared anyway"),
        (LEAST + "columns = { trace = 't', drift = ['t'] }\n", 3, "columns.trace and holds no"),
        (LEAST + f"columns = {{ drift = {[f'c{i}' for i in range(21)]} }}\n", 3, "at most 20"),
        ('[streams.A]\ntraffic = "csv:x"\n', None, "cannot name a stream"),
        ("[streams.a]\nlabels = 500\n", 1, "traffic"),
        ('slack_token = "xoxb"\n' + LEAST, None, "not a setting of the file"),
        ("[streams.a\n", None, "is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int | None, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InvalidInput, match=said) as caught:
        load(path)
    if line is not None:
        assert f"calib.toml:{line}:" in str(caught.value)


def test_a_binary_file_and_a_folder_are_said(tmp_path: Path) -> None:
    (tmp_path / "calib.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="UTF-8"):
        load(tmp_path / "calib.toml")
    with pytest.raises(InvalidInput):
        load(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_settings_or_a_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calib.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(InvalidInput):
        load(path)


PROBE = '[probes.p]\nfile = "q.csv"\nendpoint = "https://h/v1"\nmodel = "m"\n'


def test_a_probe_has_sensible_defaults(tmp_path: Path) -> None:
    probe = load(write(tmp_path, PROBE)).probe("p")
    assert (probe.every, probe.match, probe.framings, probe.least_readable) == ("day", "text", 1, 0.9)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (PROBE + "framing = 2\n", 5, "did you mean 'framings'"),
        (PROBE + "framings = 8\n", 5, "less than or equal to 7"),
        (PROBE + 'request = { model = "x" }\n', 5, "request may not set 'model'"),
        (PROBE + 'api_key_env = "sk-very-secret"\n', 5, "pattern"),
        (PROBE + 'timezone = "Mars"\n', 5, "no time zone is called 'Mars'"),
        (PROBE.replace("https://h/v1", "h/v1"), 3, "https://HOST/v1"),
        (PROBE.replace("https://h/v1", "https://me:pw@h/v1"), 3, "api_key_env"),
        (PROBE.replace("[probes.p]", "[probes.P]"), None, "cannot name a probe"),
        (PROBE + LEAST.replace("streams.a", "streams.p"), None, "names a stream and a probe"),
    ],
)
def test_what_is_wrong_with_a_probe_is_said(tmp_path: Path, text: str, line: int | None, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InvalidInput, match=said) as caught:
        load(path)
    if line is not None:
        assert f"calib.toml:{line}:" in str(caught.value)
    assert "very-secret" not in str(caught.value)
    assert "me:pw" not in str(caught.value)


POSTGRESQL = 'database = "postgresql+psycopg://u@h/x"\n'


def test_a_schema_of_postgresql_is_read_and_overridden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "calib.toml"
    path.write_text(f'{POSTGRESQL}schema = "calib"\n')
    assert load(path).database_schema == "calib"
    monkeypatch.setenv("CALIB_SCHEMA", "other")
    assert load(path).database_schema == "other"
    monkeypatch.setenv("SCHEMA", "nothing of ours")
    assert load(path).database_schema == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{POSTGRESQL}schema = "Calib; drop"', r"calib.toml:2: schema: 'Calib; drop' cannot name a schema"),
        (f'{POSTGRESQL}schema = "pg_toast"', "cannot name a schema"),
        (f'{POSTGRESQL}schema = "information_schema"', "cannot name a schema"),
        (f'{POSTGRESQL}schema = "{"a" * 64}"', "cannot name a schema"),
        ('schema = "calib"', "schema belongs to PostgreSQL"),
        (f'{POSTGRESQL}database_schema = "calib"', "'database_schema' is not a setting"),
        (f'{POSTGRESQL}schemas = "calib"', "did you mean 'schema'"),
    ],
)
def test_a_schema_that_cannot_be_one_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "calib.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        load(path)


def test_all_labels_are_for_outcomes(tmp_path: Path) -> None:
    from calib.app import App
    from calib.policy import ALL_LABELS

    text = '[streams.s]\ntraffic = "csv:a.csv"\nlabels = {0}\nreview = {{ kind = {1} }}\n'
    config = tmp_path / "calib.toml"
    config.write_text(text.format('"all"', '"outcomes", column = "ok"'))
    assert App.open(config).watch("s").labels == ALL_LABELS
    for labels, review, drawn in (
        ("", '"outcomes", column = "ok"', ALL_LABELS),
        ("labels = 700", '"outcomes", column = "ok"', 700),
        ("", '"files"', 500),
    ):
        config.write_text(text.replace("labels = {0}", "{0}").format(labels, review))
        assert App.open(config).watch("s").labels == drawn
    for labels, review in (('"all"', '"files"'), ('"every"', '"outcomes", column = "ok"'), ("19", '"files"')):
        config.write_text(text.format(labels, review))
        with pytest.raises(InvalidInput, match="labels"):
            load(config)
