"""Values as callers hand them in, by the rules that files are read by. Standard library; numpy for arrays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from calib.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

# A decimal of so many digits after the point is the shortest one of each float in [0, 1] that it gives.
DIGITS = {2: 3, 4: 7}  # by the bytes of a float
BLANKS = " \t\n\r\v\f"
POINT_ZERO = re.compile(r"-?[0-9]{1,15}\.0")


def doubles(values: npt.NDArray[Any]) -> Floats:
    """Numbers as doubles, with NaN for what is masked. A 32-bit or 16-bit float is its shortest decimal.

    >>> import numpy as np
    >>> doubles(np.array([0.3, 0.95], dtype=np.float32)).tolist()
    [0.3, 0.95]
    """
    import numpy as np

    column: Floats = np.ma.getdata(values).astype(np.float64, copy=False)
    digits = DIGITS.get(values.dtype.itemsize) if values.dtype.kind == "f" else None
    if digits is not None:
        short = np.round(column, digits)
        column = np.where(short.astype(values.dtype) == np.ma.getdata(values), short, column)
    if isinstance(values, np.ma.MaskedArray):
        column = np.where(np.ma.getmaskarray(values), np.nan, column)
    return column


def segment_name(given: Any) -> str:
    """A segment as a mapping names it: 5, 5.0 and `5.0` are one, and blanks around it do not count.

    Raises `InvalidInput` for a list, an array or whatever else holds several.

    >>> segment_name(5), segment_name(5.0), segment_name(" 5.0 "), segment_name(True)
    ('5', '5', '5', 'true')
    """
    if given.__hash__ is None:
        raise InvalidInput(f"segment is the name of one segment, not a {type(given).__name__}")
    text = str(given).lower() if isinstance(given, bool) else str(given).strip(BLANKS)
    return text[:-2] if POINT_ZERO.fullmatch(text) else text
