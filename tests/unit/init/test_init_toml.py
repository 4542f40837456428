"""A new calib.toml explains every key, and loads as it is and with every line uncommented."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from calib.errors import InvalidInput
from calib.init.toml import NOT_IN_THE_FILE, settings_text, toml_value
from calib.probe_settings import ProbeSettings
from calib.settings import Notify, Settings, Slack, Web, load
from calib.stream_settings import ColumnSettings, Review, Stream

STREAM = {"traffic": "csv:log.csv", "review": {"kind": "outcomes", "column": "correct"}}
MODELS: list[tuple[type[BaseModel], str]] = [
    (Settings, ""),
    (Slack, "slack"),
    (Web, "web"),
    (Notify, "notify"),
    (Stream, "streams.my-stream"),
    (ColumnSettings, "streams.my-stream.columns"),
    (Review, "streams.my-stream.review"),
    (ProbeSettings, "probes.my-probe"),
]


def uncommented(text: str) -> str:
    return re.sub(r"^#(?=[\[a-z])", "", text, flags=re.MULTILINE)


def table(text: str, path: str) -> dict[str, Any]:
    found = tomllib.loads(text)
    for part in filter(None, path.split(".")):
        found = found[part]
    return found


@pytest.mark.parametrize(("model", "path"), MODELS, ids=lambda part: getattr(part, "__name__", ""))
def test_every_key_is_there_explained_and_at_its_default(model: type[BaseModel], path: str) -> None:
    text = settings_text({})
    written = table(uncommented(text), path)
    for name, field in model.model_fields.items():
        if name in NOT_IN_THE_FILE:
            continue
        name = field.serialization_alias or name
        assert name in written, f"{path}.{name} is missing"
        if isinstance(written[name], dict) and name not in ("where", "scope", "request"):
            continue  # a table of its own
        assert field.description, f"{path}.{name} is not explained"
        assert re.search(rf"^# .*\n#{name} = ", text, re.MULTILINE), f"{path}.{name} has no comment above it"
        if not field.is_required() and field.default not in (None, {}, ()):
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            assert written[name] == default


def test_the_models_above_are_all_that_there_are() -> None:
    """A new table of settings gets its place in the test."""

    def below(model: type[BaseModel]) -> set[type[BaseModel]]:
        found = {model}
        for field in model.model_fields.values():
            for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    found |= below(part)
        return found

    assert {model for model, _ in MODELS} == below(Settings)


def test_it_loads_as_it_is_and_sets_nothing_but_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "calib.toml"
    path.write_text(settings_text({}))
    assert load(path).model_dump(exclude={"folder"}) == Settings().model_dump(exclude={"folder"})
    path.write_text(settings_text({"a": STREAM}))
    stream = Stream(traffic="csv:log.csv", review=Review(kind="outcomes", column="correct"))
    assert load(path).streams == {"a": stream}
    assert load(path).probes == {}


OF_ONE_KIND = {  # keys of `review` that only one kind takes
    "outcomes": ("source", "id", "column", "at"),
    "label-studio": ("url", "project", "channel"),
}


@pytest.mark.parametrize("kind", sorted(OF_ONE_KIND))
def test_it_loads_with_every_line_uncommented(tmp_path: Path, kind: str) -> None:
    """But for the keys that belong to another kind of review, which are refused."""
    path = tmp_path / "calib.toml"
    text = uncommented(settings_text({})).replace('kind = "builtin"', f'kind = "{kind}"')
    text = text.replace("sqlite:///calib.db", "postgresql+psycopg://db/x")  # `schema` is for that alone
    head, review, rest = re.split(r"(?<=\[streams\.my-stream\.review\]\n)((?:.+\n)+)", text)
    path.write_text(head + review + rest)
    with pytest.raises(InvalidInput, match="belong to kind"):
        load(path)
    for other, keys in OF_ONE_KIND.items():
        if other != kind:
            review = re.sub(rf"^(?:{'|'.join(keys)}) = .*\n", "", review, flags=re.MULTILINE)
    path.write_text(head + review + rest)
    assert set(load(path).streams) == {"my-stream"}
    assert set(load(path).probes) == {"my-probe"}


texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    texts | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=8,
)


@given(values)
def test_a_value_is_read_as_it_was(value: Any) -> None:
    assert tomllib.loads(f"key = {toml_value(value)}")["key"] == value
