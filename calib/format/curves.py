"""The functions that a mapping file can hold: non-decreasing, from [0, 1] into the open interval (0, 1).

Every implementation of the format must evaluate them alike (docs/mapping-format.md). The scalar path is
plain Python; an array takes the same steps in numpy, which is imported only then.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from calib.errors import ArtifactError, InvalidInput
from calib.format.given import doubles
from calib.json_object import Json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from calib.format.curve_arrays import Lines

    Floats = npt.NDArray[np.float64]

EDGE = 1e-6  # raw confidences are kept this far from 0 and 1 before a logit or a logarithm is taken
T = TypeVar("T")


class Curve:
    """What all kinds share: checked input, scalars in and out, arrays in and out."""

    __slots__ = ()
    kind: ClassVar[str]

    @overload
    def apply(self, raw: float) -> float: ...
    @overload
    def apply(self, raw: Floats) -> Floats: ...
    def apply(self, raw: Any) -> Any:
        """The calibrated confidence of `raw` in [0, 1]: a float for a float, an array for an array.

        Raises `InvalidInput` for NaN and for values outside [0, 1]: nothing is clamped or guessed.
        """
        if isinstance(raw, (float, int)):
            if not 0.0 <= raw <= 1.0:
                raise InvalidInput(f"{raw!r} is not a confidence: it must be a number from 0 to 1")
            return self.scalar(float(raw))
        values = floats(raw)
        if values.size and not (values.min() >= 0.0 and values.max() <= 1.0):  # NaN fails both
            raise InvalidInput("the array holds values that are not confidences: NaN or outside [0, 1]")
        result = self._array(values)
        return float(result) if values.ndim == 0 else result

    def to_json(self) -> Json:
        """As the mapping file writes it."""
        raise NotImplementedError

    def scalar(self, raw: float) -> float:
        """`apply` for a float that is known to lie in [0, 1]: nothing is checked."""
        raise NotImplementedError

    def _array(self, raw: Floats) -> Floats:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Identity(Curve):
    """The raw confidence itself, kept inside [1e-6, 1 − 1e-6].

    >>> Identity().apply(0.7)
    0.7
    """

    kind: ClassVar[str] = "identity"

    def to_json(self) -> Json:
        return {"kind": self.kind}

    def scalar(self, raw: float) -> float:
        return _inside(raw)

    def _array(self, raw: Floats) -> Floats:
        return _clip(raw)


@dataclass(frozen=True, slots=True)
class PiecewiseLinear(Curve):
    """Straight lines between knots, level outside them: isotonic regression and its relatives.

    `x` ascends strictly within [0, 1]; `y` never descends and lies strictly within (0, 1).

    >>> PiecewiseLinear(x=(0.0, 0.5, 1.0), y=(0.1, 0.4, 0.9)).apply(0.75)
    0.65
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    _lines: list[Lines] = field(default_factory=list, init=False, repr=False, compare=False)
    kind: ClassVar[str] = "piecewise_linear"

    def __post_init__(self) -> None:
        x, y = self.x, self.y
        if not x or len(x) != len(y):
            raise ArtifactError(
                f"piecewise_linear needs as many x as y, at least one; it has {len(x)} and {len(y)}"
            )
        if not all(map(math.isfinite, (*x, *y))):
            raise ArtifactError("piecewise_linear holds a value that is not finite")
        if x[0] < 0 or x[-1] > 1 or any(a >= b for a, b in pairwise(x)):
            raise ArtifactError("the x of piecewise_linear must ascend strictly within [0, 1]")
        if y[0] <= 0 or y[-1] >= 1 or any(a > b for a, b in pairwise(y)):
            raise ArtifactError("the y of piecewise_linear must not descend and must lie inside (0, 1)")

    def to_json(self) -> Json:
        return {"kind": self.kind, "x": list(self.x), "y": list(self.y)}

    def scalar(self, raw: float) -> float:
        x, y = self.x, self.y
        right = bisect_right(x, raw)
        if 0 < right < len(x):
            x0, y0, y1 = x[right - 1], y[right - 1], y[right]
            value = y0 + (y1 - y0) * ((raw - x0) / (x[right] - x0))
            return value if value < y1 else y1  # y0 + (y1 - y0) can round to more than y1
        return y[right and -1]

    def _array(self, raw: Floats) -> Floats:
        if not self._lines:  # a race computes them twice, and alike
            from calib.format.curve_arrays import Lines

            self._lines.append(Lines(self.x, self.y))
        return self._lines[0](raw)


class _Sigmoid(Curve):
    """1 / (1 + exp(-z)) of a score z, kept inside [1e-6, 1 − 1e-6] as the other kinds are."""

    __slots__ = ()

    def _z(self, raw: Any, log: Any) -> Any:
        raise NotImplementedError

    def scalar(self, raw: float) -> float:
        return _inside(_expit(self._z(_inside(raw), math.log)))

    def _array(self, raw: Floats) -> Floats:
        import numpy as np

        z = self._z(_clip(raw), np.log)
        small = np.exp(-np.abs(z))
        return _clip(np.where(z >= 0, 1.0 / (1.0 + small), small / (1.0 + small)))


@dataclass(frozen=True, slots=True)
class Logistic(_Sigmoid):
    """Platt scaling on the raw confidence's logit: expit(a·logit(raw) + b), a ≥ 0 (Platt 1999)."""

    a: float
    b: float
    kind: ClassVar[str] = "logistic"

    def __post_init__(self) -> None:
        _check(self.kind, {"a": self.a, "b": self.b}, positive=("a",))

    def to_json(self) -> Json:
        return {"kind": self.kind, "a": self.a, "b": self.b}

    def _z(self, raw: Any, log: Any) -> Any:
        return self.a * (log(raw) - log(1.0 - raw)) + self.b


@dataclass(frozen=True, slots=True)
class Beta(_Sigmoid):
    """Beta calibration: expit(a·ln raw − b·ln(1 − raw) + c), a and b ≥ 0 (Kull et al. 2017)."""

    a: float
    b: float
    c: float
    kind: ClassVar[str] = "beta"

    def __post_init__(self) -> None:
        _check(self.kind, {"a": self.a, "b": self.b, "c": self.c}, positive=("a", "b"))

    def to_json(self) -> Json:
        return {"kind": self.kind, "a": self.a, "b": self.b, "c": self.c}

    def _z(self, raw: Any, log: Any) -> Any:
        return self.a * log(raw) - self.b * log(1.0 - raw) + self.c


@dataclass(frozen=True, slots=True)
class Temperature(_Sigmoid):
    """Temperature scaling of a binary confidence: expit(logit(raw) / T), T > 0 (Guo et al. 2017)."""

    t: float
    kind: ClassVar[str] = "temperature"

    def __post_init__(self) -> None:
        _check(self.kind, {"T": self.t}, positive=())
        if self.t <= 0:
            raise ArtifactError(f"temperature needs T > 0, not {self.t}")

    def to_json(self) -> Json:
        return {"kind": self.kind, "T": self.t}

    def of_logits(self, logits: Sequence[float]) -> float:
        """The calibrated confidence of the likeliest of k ≥ 2 classes, where the system has their logits.

        max softmax(logits / T) (Guo et al. 2017, eq. 9), kept inside [1e-6, 1 − 1e-6]. Raises `InvalidInput`
        for fewer than two and for what is not finite.

        >>> round(Temperature(t=2.0).of_logits([2.0, 0.0]), 4) == round(1 / (1 + math.exp(-1.0)), 4)
        True
        """
        if len(logits) < 2 or not all(map(math.isfinite, logits)):
            raise InvalidInput("a logit vector has at least two entries, all of them finite")
        top = max(logits)
        return _inside(1.0 / math.fsum(math.exp((z - top) / self.t) for z in logits))

    def _z(self, raw: Any, log: Any) -> Any:
        return (log(raw) - log(1.0 - raw)) / self.t


def floats(raw: Any) -> Floats:
    """An array, a column or a sequence of numbers as doubles.

    A 32-bit float is its shortest decimal. Raises `InvalidInput` for text, dates, booleans and whatever else
    is not a number: nothing is guessed.
    """
    import numpy as np

    try:
        values = np.asanyarray(raw) if isinstance(raw, np.ma.MaskedArray) else np.asarray(raw)
        if values.dtype.kind not in "fiuO":
            raise InvalidInput(f"confidences are numbers from 0 to 1, not {values.dtype}")
        return doubles(values)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"confidences are numbers from 0 to 1: {error}") from None


def curve_from_json(values: Any) -> Curve:
    """Read one curve; `ArtifactError` says what is wrong with it. Unknown keys are ignored."""
    if not isinstance(values, dict):
        raise ArtifactError("a curve must be an object with a kind")
    kind = values.get("kind")
    if kind == "identity":
        return Identity()
    if kind == "piecewise_linear":
        return PiecewiseLinear(x=_numbers(values, "x"), y=_numbers(values, "y"))
    if kind == "logistic":
        return Logistic(a=_number(values, "a"), b=_number(values, "b"))
    if kind == "beta":
        return Beta(a=_number(values, "a"), b=_number(values, "b"), c=_number(values, "c"))
    if kind == "temperature":
        return Temperature(t=_number(values, "T"))
    raise ArtifactError(f"{kind!r} is a kind of curve that this version does not know: upgrade calibwatch")


def _number(values: Json, key: str) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ArtifactError(f"the curve's {key} must be a number, not {value!r:.40}")
    return float(value)


def _numbers(values: Json, key: str) -> tuple[float, ...]:
    numbers = values.get(key)
    if not isinstance(numbers, list):
        raise ArtifactError(f"the curve's {key} must be a list of numbers")
    return tuple(_number({key: number}, key) for number in numbers)


def _check(kind: str, values: dict[str, float], *, positive: tuple[str, ...]) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise ArtifactError(f"{kind} needs a finite {name}, not {value}")
        if name in positive and value < 0:
            raise ArtifactError(f"{kind} needs {name} ≥ 0, for it must not decrease; it is {value}")


def _inside(value: float) -> float:
    return min(max(value, EDGE), 1.0 - EDGE)


def _clip(values: Floats) -> Floats:
    import numpy as np

    return np.clip(values, EDGE, 1.0 - EDGE)


def _expit(z: float) -> float:
    small = math.exp(-abs(z))
    return 1.0 / (1.0 + small) if z >= 0 else small / (1.0 + small)
