"""Writing calib.toml: every key of the settings with its meaning, those at their default commented out."""

from __future__ import annotations

import json
import textwrap
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from calib.settings import SECRETS, Settings

WIDTH = 100
NOT_IN_THE_FILE = ("folder", *SECRETS)
HEAD = """\
# The settings of calibwatch. A line that begins with "#" and a letter is a setting at its default, or an
# example where there is no default: take the "#" away to use it. Relative paths start at this folder.
# Top-level keys can also be set in the environment: CALIB_DATABASE, CALIB_STORE.

"""


def settings_text(streams: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of a calib.toml; `streams` holds for each stream the keys that it sets.

    Without a stream an example of one is there, commented out.
    """
    tables = _tables(Settings, (), {"streams": dict(streams)}, live=True)
    return HEAD + "".join(tables)


def _tables(model: type[BaseModel], path: tuple[str, ...], values: Any, *, live: bool) -> Iterator[str]:
    """The table of `model` at `path`, then the tables below it."""
    if path:
        yield f"\n{'' if live else '#'}[{'.'.join(path)}]\n"
    below = []
    for name, field in model.model_fields.items():
        if name in NOT_IN_THE_FILE:
            continue
        inner, is_named = _model_of(field.annotation)
        if inner is None:
            yield _setting(
                field.serialization_alias or name, field, values.get(name, PydanticUndefined), live=live
            )
        elif is_named:
            examples: dict[str, Any] = {f"my-{name.removesuffix('s')}": {}}
            below += [
                (inner, (*path, name, key), inner_values, live and bool(values.get(name)))
                for key, inner_values in (values.get(name) or examples).items()
            ]
        else:
            below.append((inner, (*path, name), values.get(name, {}), live))
    for inner, inner_path, inner_values, inner_live in below:
        yield from _tables(inner, inner_path, inner_values, live=inner_live)


def _setting(name: str, field: FieldInfo, value: Any, *, live: bool) -> str:
    """The meaning of one key, then the key itself."""
    words = str(field.description)
    if get_origin(field.annotation) is Literal:
        words += f" One of {', '.join(map(str, get_args(field.annotation)))}."
    is_set = live and value is not PydanticUndefined
    shown = value if is_set else _default(field)
    if shown is None:
        raise ValueError(f"the key {name} has neither a default nor an example")
    if field.is_required():
        words += " It must be set."
    elif field.default in (None, {}, ()):
        words += " No default."
    elif is_set:
        words += f" Default: {toml_value(field.default)}."
    comment = textwrap.wrap(words, WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
    return "\n".join([*comment, f"{'' if is_set else '#'}{name} = {toml_value(shown)}"]) + "\n"


def _default(field: FieldInfo) -> Any:
    """The default, or the example where that says nothing."""
    has_default = not field.is_required() and field.default not in (None, {}, ())
    return field.default if has_default else (field.examples or [None])[0]


def _model_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that a key holds, if any, and whether it holds many by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    if get_origin(annotation) is dict:
        inner, _ = _model_of(get_args(annotation)[1])
        return inner, inner is not None
    if get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            inner, is_named = _model_of(part)
            if inner is not None:
                return inner, is_named
    return None, False


def toml_value(value: Any) -> str:
    """A value as TOML writes it.

    >>> toml_value({"a": "x", "b": (1, 0.5)})
    '{ a = "x", b = [1, 0.5] }'
    """
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_toml_key(key)} = {toml_value(item)}" for key, item in value.items()) + " }"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, str):
        # A JSON string is a TOML string, but for one character that TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _toml_key(key: str) -> str:
    plain = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if plain else toml_value(key)
