"""The mapping: an immutable artefact from raw to calibrated confidence, named by the digest of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeGuard, overload

from calib.errors import ArtifactError
from calib.format.curves import Curve, curve_from_json
from calib.format.document import canonical, parse
from calib.format.given import segment_name
from calib.format.keys import DIGEST, NAME
from calib.json_object import Json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FORMAT = "calibwatch.mapping/1"


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """One fitted mapping with its scope, its evidence and its certificates.

    >>> from calib.format import PiecewiseLinear
    >>> curve = PiecewiseLinear(x=(0.0, 1.0), y=(0.2, 0.8))
    >>> mapping = Mapping(stream="a", method="isotonic", default=curve, created_at="2026-11-03T00:00:00Z")
    >>> mapping.apply(0.5)
    0.5
    >>> Mapping.from_bytes(mapping.to_bytes()) == mapping
    True
    """

    stream: str
    method: str
    default: Curve
    created_at: str
    scope: Dict[str, str] = field(default_factory=dict)
    segments: Dict[str, Curve] = field(default_factory=dict)
    certificates: tuple[Json, ...] = ()
    evidence: Dict[str, Any] = field(default_factory=dict)
    parent: str | None = None
    producer: str = "calibwatch"

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.stream):
            raise ArtifactError(f"{self.stream!r:.80} cannot name a stream")
        if self.parent is not None and not DIGEST.fullmatch(self.parent):
            raise ArtifactError("parent must be the digest of a mapping or null")
        object.__setattr__(self, "certificates", tuple(self.certificates))

    @overload
    def apply(self, raw: float, segment: str | None = None) -> float: ...
    @overload
    def apply(self, raw: npt.NDArray[np.float64], segment: str | None = None) -> npt.NDArray[np.float64]: ...
    def apply(self, raw: Any, segment: str | None = None) -> Any:
        """The calibrated confidence of `raw` in [0, 1]; a segment without its own curve uses the default.

        Raises `InvalidInput` for NaN and for values outside [0, 1].
        """
        return self.curve(segment).apply(raw)

    def curve(self, segment: str | None = None) -> Curve:
        """The curve for a segment."""
        if segment is None:
            return self.default
        name = segment_name(segment)
        return self.segments.get(segment) or self.segments.get(name, self.default)

    @cached_property
    def curve_digest(self) -> str:
        """SHA-256 of the curves alone, in hex: the same for two mappings that calibrate alike."""
        curves = {name: curve.to_json() for name, curve in self.segments.items()}
        return hashlib.sha256(canonical({"default": self.default.to_json(), "segments": curves})).hexdigest()

    @cached_property
    def cuts(self) -> tuple[tuple[float, float], ...]:
        """The certificates as (target, cut), ascending; one that is malformed certifies nothing."""
        return _cuts(self.certificates)

    @cached_property
    def segment_cuts(self) -> dict[str, tuple[tuple[float, float], ...]]:
        """The same for the segments that have certificates of their own."""
        stated = self.evidence.get("segment_certificates")
        if not isinstance(stated, dict):
            return {}
        return {name: _cuts(own) for name, own in stated.items() if isinstance(own, list)}

    def to_bytes(self) -> bytes:
        """The bytes it was read from; a new one's are canonical: JSON in UTF-8, keys sorted, no spaces."""
        return self._bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hex: the mapping's name."""
        return self._digest

    @cached_property
    def _bytes(self) -> bytes:
        return canonical(
            {
                "format": FORMAT,
                "stream": self.stream,
                "scope": dict(self.scope),
                "method": self.method,
                "default": self.default.to_json(),
                "segments": {name: curve.to_json() for name, curve in self.segments.items()},
                "certificates": list(self.certificates),
                "evidence": dict(self.evidence),
                "created_at": self.created_at,
                "parent": self.parent,
                "producer": self.producer,
            }
        )

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self._bytes).hexdigest()

    @classmethod
    def from_bytes(cls, data: bytes) -> Mapping:
        """Read and check a mapping file.

        Unknown keys are ignored. Raises `ArtifactError` with the reason for more than 1 MiB, for what is not
        JSON, holds NaN or infinity, is of another format, or holds a curve that is not a valid mapping.
        """
        values = parse(data, FORMAT)
        try:
            mapping = cls(
                stream=_text(values, "stream"),
                scope=_texts(values, "scope"),
                method=_text(values, "method"),
                default=curve_from_json(values.get("default")),
                segments={
                    name: curve_from_json(curve) for name, curve in _object(values, "segments").items()
                },
                certificates=tuple(_objects(values, "certificates")),
                evidence=_object(values, "evidence"),
                created_at=_text(values, "created_at"),
                parent=None if values.get("parent") is None else _text(values, "parent"),
                producer=_text(values, "producer", default="unknown"),
            )
        except (RecursionError, OverflowError) as error:
            raise ArtifactError(f"the mapping file cannot be read: {error}") from None
        mapping.__dict__["_bytes"] = bytes(data)
        return mapping


def _cuts(certificates: Iterable[Any]) -> tuple[tuple[float, float], ...]:
    stated = [certificate for certificate in certificates if isinstance(certificate, dict)]
    pairs = [(certificate.get("target"), certificate.get("cut")) for certificate in stated]
    return tuple(
        sorted(
            (float(target), float(cut))
            for target, cut in pairs
            if _is_number(target) and _is_number(cut) and 0 < target < 1 and 0 <= cut <= 1
        )
    )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(values: Json, key: str, *, default: str | None = None) -> str:
    value = values.get(key, default)
    if not isinstance(value, str):
        raise ArtifactError(f"{key} must be text, not {value!r:.40}")
    return value


def _object(values: Json, key: str) -> Json:
    value = values.get(key, {})
    if not isinstance(value, dict):
        raise ArtifactError(f"{key} must be an object, not {value!r:.40}")
    return value


def _texts(values: Json, key: str) -> dict[str, str]:
    texts = _object(values, key)
    return {name: _text(texts, name) for name in texts}


def _objects(values: Json, key: str) -> list[Json]:
    value = values.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ArtifactError(f"{key} must be a list of objects")
    return value
