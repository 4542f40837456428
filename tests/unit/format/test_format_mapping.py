"""The artefact: canonical bytes, checked on reading, evaluated alike everywhere."""

from __future__ import annotations

import json
from itertools import pairwise
from math import nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.errors import ArtifactError, InvalidInput
from calib.format import Beta, Curve, Identity, Logistic, Mapping, PiecewiseLinear, Temperature

GOLDEN = sorted((Path(__file__).resolve().parents[2] / "golden" / "mapping").glob("*.json"))
UNIT = st.floats(0, 1)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    kind = draw(st.sampled_from(["piecewise", "logistic", "beta", "temperature", "identity"]))
    number = st.floats(-20, 20)
    if kind == "piecewise":
        x = sorted(draw(st.sets(UNIT, min_size=1, max_size=8)))
        y = sorted(draw(st.lists(st.floats(0.001, 0.999), min_size=len(x), max_size=len(x))))
        return PiecewiseLinear(x=tuple(x), y=tuple(y))
    if kind == "logistic":
        return Logistic(a=draw(st.floats(0, 20)), b=draw(number))
    if kind == "beta":
        return Beta(a=draw(st.floats(0, 20)), b=draw(st.floats(0, 20)), c=draw(number))
    if kind == "temperature":
        return Temperature(t=draw(st.floats(0.05, 20)))
    return Identity()


def mapping(curve: Curve, **more: Any) -> Mapping:
    return Mapping(stream="a", method="test", default=curve, created_at="2026-11-03T00:00:00Z", **more)


@given(curves(), st.lists(UNIT, min_size=1, max_size=30))
def test_every_curve_stays_inside_and_never_decreases(curve: Curve, raw: list[float]) -> None:
    if isinstance(curve, PiecewiseLinear):  # where rounding could hurt: right beside the knots
        raw = [
            *raw,
            *curve.x,
            *(nextafter(x, 0) for x in curve.x),
            *(min(nextafter(x, 2), 1) for x in curve.x),
        ]
    values = [curve.apply(r) for r in sorted(raw)]
    assert all(0 < v < 1 for v in values)
    slack = 0.0 if isinstance(curve, PiecewiseLinear | Identity) else 1e-12
    assert all(b >= a - slack for a, b in pairwise(values))


def test_rounding_beside_a_knot_cannot_make_it_decrease() -> None:
    """Here (raw - x0) / (x1 - x0) rounds to 1 and y0 + (y1 - y0) to more than y1."""
    x, y = (0.04729179937175462, 0.5), (0.04976032621570646, 0.22639788615673043)
    curve, beside = PiecewiseLinear(x, y), nextafter(0.5, 0)
    assert y[0] + (y[1] - y[0]) * ((beside - x[0]) / (x[1] - x[0])) > y[1]
    assert curve.apply(beside) == y[1]
    assert curve.apply(np.array([beside])).tolist() == [y[1]]


def test_knots_closer_than_the_table_are_searched_for() -> None:
    x = (0.1, 0.1 + 1e-9, 0.5, 0.5 + 1e-9, 1.0)
    curve = PiecewiseLinear(x, (0.1, 0.2, 0.3, 0.4, 0.5))
    raw = np.array([0.0, *x, *(nextafter(v, 0) for v in x), 0.10000000049, 0.7])
    assert curve.apply(raw).tolist() == [curve.apply(r) for r in raw.tolist()]


@given(curves(), st.lists(UNIT, min_size=1, max_size=30))
def test_arrays_and_scalars_agree(curve: Curve, raw: list[float]) -> None:
    many = curve.apply(np.array(raw))
    one = [curve.apply(r) for r in raw]
    if isinstance(curve, PiecewiseLinear | Identity):
        assert many.tolist() == one
    else:
        np.testing.assert_allclose(many, one, atol=1e-12)


@given(curves())
def test_what_is_written_is_read_back(curve: Curve) -> None:
    first = mapping(curve, segments={"s": curve}, scope={"model": "gpt"}, evidence={"ä": [1, 2.5, None]})
    again = Mapping.from_bytes(first.to_bytes())
    assert again == first
    assert again.digest == first.digest
    assert again.to_bytes() == first.to_bytes()


def test_the_bytes_are_canonical() -> None:
    data = mapping(Identity()).to_bytes()
    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode()


def test_unknown_keys_are_ignored_and_the_digest_is_that_of_the_bytes() -> None:
    import hashlib

    values = json.loads(mapping(Identity()).to_bytes()) | {"invented": "later"}
    data = json.dumps(values).encode()
    found = Mapping.from_bytes(data)
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert found.to_bytes() == data


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_vectors(path: Path) -> None:
    golden = json.loads(path.read_text())
    found = Mapping.from_bytes(golden["file"].encode())
    assert found.digest == golden["digest"]
    for raw, segment, wanted in golden["vectors"]:
        values = [found.apply(raw, segment), float(found.apply(np.array([raw]), segment)[0])]
        if isinstance(found.curve(segment), PiecewiseLinear | Identity):
            assert values == [wanted, wanted]
        else:
            assert values == pytest.approx([wanted, wanted], abs=1e-12)
    for logits, wanted in golden.get("logits", []):
        assert isinstance(found.default, Temperature)
        assert found.default.of_logits(logits) == pytest.approx(wanted, abs=1e-12)


def test_there_are_golden_vectors_for_every_kind() -> None:
    kinds = {json.loads(json.loads(p.read_text())["file"])["default"]["kind"] for p in GOLDEN}
    assert kinds == {"piecewise_linear", "identity", "logistic", "beta", "temperature"}


GOOD = json.loads(mapping(PiecewiseLinear(x=(0.0, 1.0), y=(0.2, 0.8))).to_bytes())


def changed(**values: Any) -> bytes:
    return json.dumps(GOOD | values).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "one JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (changed(format="calibwatch.mapping/9"), "format"),
        (changed(default=None), "object with a kind"),
        (changed(default={"kind": "spline"}), "upgrade"),
        (changed(default={"kind": "piecewise_linear", "x": [0, 0.5, 0.5], "y": [0.1, 0.2, 0.3]}), "ascend"),
        (changed(default={"kind": "piecewise_linear", "x": [0, 1], "y": [0.3, 0.2]}), "descend"),
        (changed(default={"kind": "piecewise_linear", "x": [0, 1], "y": [0.0, 0.2]}), r"\(0, 1\)"),
        (changed(default={"kind": "piecewise_linear", "x": [0, 1], "y": [0.1]}), "as many"),
        (changed(default={"kind": "piecewise_linear", "x": [], "y": []}), "as many"),
        (changed(default={"kind": "piecewise_linear", "x": [0, True], "y": [0.1, 0.2]}), "number"),
        (changed(default={"kind": "logistic", "a": -1, "b": 0}), "must not decrease"),
        (changed(default={"kind": "temperature", "T": 0}), "T > 0"),
        (changed(stream="../etc"), "name a stream"),
        (changed(parent="abc"), "parent"),
        (changed(certificates={}), "certificates"),
        (b'{"format": NaN}', "NaN"),
        (changed(default={"kind": "logistic", "a": 1e999, "b": 0}).replace(b"Infinity", b"1e999"), "finite"),
        (b" " * (1 << 20) + b"{}", "refused"),
    ],
)
def test_what_is_no_mapping_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(ArtifactError, match=said):
        Mapping.from_bytes(data)


@pytest.mark.parametrize("raw", [-0.1, 1.1, float("nan"), float("inf"), np.array([0.5, np.nan])])
def test_what_is_no_confidence_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidInput):
        mapping(Identity()).apply(raw)


def test_a_segment_without_its_own_curve_uses_the_default() -> None:
    found = mapping(Identity(), segments={"a": PiecewiseLinear(x=(0.0,), y=(0.5,))})
    assert found.apply(0.9, "a") == 0.5
    assert found.apply(0.9, "b") == 0.9


@pytest.mark.parametrize("logits", [[1.0], [], [1.0, float("inf")], [float("nan"), 0.0]])
def test_what_is_no_logit_vector_is_refused(logits: list[float]) -> None:
    with pytest.raises(InvalidInput, match="logit vector"):
        Temperature(t=1.0).of_logits(logits)


def test_columns_of_other_libraries_are_arrays() -> None:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    curve = PiecewiseLinear(x=(0.0, 1.0), y=(0.1, 0.9))
    wanted = [curve.apply(0.25), curve.apply(1.0)]
    for column in (pd.Series([0.25, 1.0]), pl.Series([0.25, 1.0]), pa.chunked_array([[0.25], [1.0]])):
        assert curve.apply(column).tolist() == wanted  # type: ignore[arg-type]
    assert curve.apply(np.array([[0.25], [1.0]], dtype=np.float32)).tolist() == [[wanted[0]], [wanted[1]]]
    for column in (
        pd.Series([0.5, None]),
        pl.Series([0.5, None]),
        pa.array([0.5, None]),
        ["0.5"],
        [None],
        "0.5",
    ):
        with pytest.raises(InvalidInput):
            curve.apply(column)  # type: ignore[arg-type]


def test_certificates_that_are_malformed_certify_nothing() -> None:
    certificates: Any = (
        {"target": 0.95, "cut": 0.9},
        {"target": 0.9, "cut": 0.8},
        {"target": 0.9, "cut": None},
    )
    certificates += (
        {"target": "0.9", "cut": 0.1},
        {"cut": 0.1},
        {"target": 0.9, "cut": 1.1},
        {"target": True, "cut": 0.1},
    )
    assert mapping(Identity(), certificates=certificates).cuts == ((0.9, 0.8), (0.95, 0.9))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_mapping_or_an_artifact_error(data: bytes) -> None:
    with pytest.raises(ArtifactError):
        Mapping.from_bytes(data)
