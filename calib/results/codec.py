"""Between the result types and JSON: one way to write, one to read, one to describe.

A field of a type is a key of its object; one whose key is a word of Python ends with an underscore there
(`from_`), in a type that takes `KEYS` as its `__pydantic_config__`. Reading ignores keys that a type does not
know and fills in those that an older version did not write, from the fields' defaults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from calib.errors import InvalidInput
from calib.json_object import Json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["KEYS", "from_json", "json_schema", "key_of", "to_json"]

T = TypeVar("T")


def key_of(field: str) -> str:
    """The key of a field.

    >>> key_of("from_"), key_of("to")
    ('from', 'to')
    """
    return field.removesuffix("_")


KEYS = {"alias_generator": key_of}  # for `__pydantic_config__` of a dataclass, which needs no pydantic


def to_json(value: object) -> Json:
    """A frozen dataclass as a JSON object: tuples become lists, dataclasses objects."""
    plain: Json = _plain(value)
    return plain


def from_json(kind: type[T], values: Mapping[str, Any], *, what: str) -> T:
    """The object that `to_json` wrote, of the same or an older version, as its type.

    Raises `InvalidInput` that names `what` and the keys, never the values, where it does not fit.
    """
    from pydantic import ValidationError

    try:
        value: T = _adapter(kind).validate_python(values if _is_text(values) else _encodable(values))
        return value
    except ValidationError as error:
        keys = sorted({".".join(str(part) for part in problem["loc"]) for problem in error.errors()})
        raise InvalidInput(
            f"{what} cannot be read: {', '.join(keys[:5])} do not fit. It was written by another version of "
            "calibwatch, or changed by hand; install the version that wrote it, or restore it from a backup"
        ) from None


def json_schema(kind: type[Any]) -> Json:
    """The JSON Schema (2020-12) of what `to_json` writes of a type: all its keys are always there."""
    schema: Json = _adapter(kind).json_schema(mode="serialization")
    for part in (schema, *schema.get("$defs", {}).values()):
        if "properties" in part:
            part["required"] = list(part["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


_adapters: dict[type[Any], TypeAdapter[Any]] = {}  # making one takes longer than using it


def _is_text(values: Mapping[str, Any]) -> bool:
    """Whether UTF-8 can hold all of it, asked of C: a stored result has thousands of parts."""
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except (UnicodeEncodeError, TypeError, ValueError):
        return False
    return True


def _encodable(value: Any) -> Any:
    """The value without lone surrogates, which JSON can spell and no UTF-8 text can hold."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, int | float):  # most parts; asking for `Mapping` is slow
        return value
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(part) for part in value]
    return value


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {key_of(field.name): _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value
