"""The JSON documents that mappings and entries are stored as: written canonically, read strictly."""

from __future__ import annotations

import json

from calib.errors import ArtifactError
from calib.json_object import Json

LARGEST = 1 << 20  # bytes of one stored object


def canonical(values: Json) -> bytes:
    """Canonical JSON; `ArtifactError` where a value cannot be written."""
    try:
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError, UnicodeEncodeError) as error:
        raise ArtifactError(f"this cannot be written as JSON: {error}") from None


def parse(data: bytes, expected: str) -> Json:
    """Read one JSON object of the expected format; `ArtifactError` with the reason."""
    if len(data) > LARGEST:
        raise ArtifactError(f"the file has {len(data)} bytes; more than {LARGEST} are refused")

    def refuse(constant: str) -> float:
        raise ArtifactError(f"the file holds {constant}, which is not a number")

    try:
        values = json.loads(data.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"the file is not JSON in UTF-8: {error}") from None
    if not isinstance(values, dict):
        raise ArtifactError("the file must hold one JSON object")
    if values.get("format") != expected:
        raise ArtifactError(f"the format is {values.get('format')!r:.60}; this version reads {expected!r}")
    return values
