"""Single parts of a stored window result, for who reads many results and of each only this part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from calib.results.codec import from_json
from calib.results.window import NoCut, ProvenCut, SegmentResult


@dataclass(frozen=True, slots=True, kw_only=True)
class _Certificates:
    certificates: tuple[ProvenCut | NoCut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segments:
    segments: dict[str, SegmentResult] = field(default_factory=dict)


def certificates_in(result: Mapping[str, Any]) -> tuple[ProvenCut | NoCut, ...]:
    """The certificates of a stored result, as `WindowResult.from_json` reads them, with the same errors."""
    return from_json(_Certificates, _only(result, "certificates"), what=_name(result)).certificates


def changed_segments_in(result: Mapping[str, Any]) -> tuple[str, ...]:
    """The segments of a stored result whose change is confirmed: `WindowResult.changed_segments`."""
    segments = from_json(_Segments, _only(result, "segments"), what=_name(result)).segments
    return tuple(name for name, part in segments.items() if part.change is not None and part.change.confirmed)


def _only(result: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {key: result[key]} if key in result else {}


def _name(result: Mapping[str, Any]) -> str:
    return f"the stored result of {result.get('stream')} {result.get('period')}"
