"""From a value to a text, a number or a time: the rules, as data and in Python.

The same rules end as SQL in `columns` (files, read by DuckDB) and as Ibis expressions in
`calib.traffic.rules` (every engine of traffic). `tests/contract/test_rules_contract.py` tests all of
them on one table.

**Text** (ids, scopes, segments, clusters, pairs, traces). Blanks around a text do not belong to it. A
whole number is written in digits alone, in a column of any type: 5, 5.0 and the text `5.0` are one id.
NaN, NULL, an empty text and the text `nan` are missing. A float that is too large to hold each whole number
(beyond 2^53, beyond 2^24 with 32 bits) may have been rounded: that is an error, never an id.

**Numbers.** A decimal number, with a decimal comma where the comma does not separate cells. A 32-bit float
is its shortest decimal: what was written as 0.3 is 0.3. Booleans, percent signs and
hexadecimal digits are not numbers.
A confidence at most 1e-6 beyond 0 or 1 is taken as that end, and counted as `rounded`.

**Times.** ISO 8601, with `/` for `-`, a comma before the fraction, and `GMT` or `UTC` for `Z`; whole or
decimal numbers since 1970-01-01T00:00Z in seconds, milli-, micro- or nanoseconds, distinguished by their
size, which are times from 1973-03-03 to 2099. A day and a month whose order would have to be guessed are not
read as a time.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from calib import policy
from calib.vocabulary import BLANKS

# Text
WHOLE_DOUBLE, WHOLE_SINGLE = 2**53, 2**24
POINT_ZERO = r"^-?[0-9]{1,15}\.0$"  # 15 digits: every such number is below 2^53
ROUNDED = r"^\s*-?([0-9]{16,}\.0|[0-9](\.[0-9]+)?[eE]\+[0-9]+)\s*$"  # a float beyond 2^53, as text
# Texts that the rule may change: one look at each, which takes a fifth of the time of trimming it.
CHANGES = r"^\s|\s$|\.0$|^-0$|^[nN][aA][nN]$|^$"
SPACES = " \t\n\r\v\f"  # what every engine's own trimming takes off a text; no other blank
NOT_A_NUMBER = "nan"
CANNOT_KEEP = (
    "is a float too large to hold each whole number, so it may have been rounded; "
    "write such ids as whole numbers or as text"
)

# Numbers
NUMBER = r"^[+-]?([0-9]{1,60}\.?[0-9]{0,60}|\.[0-9]{1,60})([eE]([+-]?[0-9]{1,2}|-[12][0-9][0-9]))?$"
INFINITE = r"^[+-]?inf(inity)?$"
OVERSHOOT = policy.OVERSHOOT
PERCENT = 100.0

# Times
# The pattern excludes days that do not exist, as 30 February: not every engine can cast without an error.
_LEAP_YEAR = r"([12][0-9](0[48]|[2468][048]|[13579][26])|(12|16|20|24|28)00)"
_DAY = (
    r"([12][0-9]{3}S((0[13578]|1[02])S(0[1-9]|[12][0-9]|3[01])|(0[469]|11)S(0[1-9]|[12][0-9]|30)"
    rf"|02S(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}S02S29)"
)
DAY = f"({_DAY.replace('S', '-')}|{_DAY.replace('S', '/')})"
CLOCK = r"[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?"
ZONE = r"([Zz]|UTC|GMT|utc|gmt|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)"
NAIVE = f"^{DAY}({CLOCK})?$"
AWARE = f"^{DAY}{CLOCK} ?{ZONE}$"
EPOCH = r"^[0-9]{9,19}(\.[0-9]+)?$"
LEAST_EPOCH, END_OF_EPOCH = 1e8, 4.1e9  # seconds: 1973-03-03 and 2099-12-03
UNITS = (1, 1_000, 1_000_000, 1_000_000_000)  # of a second
TIME_FORM = "write 2026-10-01T12:30:00Z, or seconds since 1970"

_NUMBER, _POINT_ZERO, _ROUNDED = re.compile(NUMBER), re.compile(POINT_ZERO), re.compile(ROUNDED)
_NAIVE, _AWARE, _EPOCH = re.compile(NAIVE), re.compile(AWARE), re.compile(EPOCH)
_START = datetime(1970, 1, 1, tzinfo=UTC)


class CannotKeepError(ValueError):
    """A float that is too large to be an id."""


def text_of(value: Any) -> str | None:
    """The text of a value, None where it is missing. Raises `CannotKeepError` for a float beyond 2^53.

    >>> text_of(5), text_of(5.0), text_of(" 5.0 "), text_of(float("nan")), text_of(Decimal("5.50"))
    ('5', '5', '5', None, '5.5')
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        if abs(value) > WHOLE_DOUBLE:
            raise CannotKeepError(f"{value!r} {CANNOT_KEEP}")
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        digits = f"{value:f}"
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
        return "0" if digits == "-0" else digits
    if isinstance(value, datetime | date):
        return str(value)
    text = (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip(SPACES)
    if _POINT_ZERO.match(text):
        text = text[:-2]
    elif _ROUNDED.match(text):
        raise CannotKeepError(f"{text} {CANNOT_KEEP}")
    return None if text.lower() in ("", NOT_A_NUMBER) else "0" if text == "-0" else text


def number_of(value: Any, *, decimal_comma: bool = False) -> float | None:
    """The finite number in a value, None where there is none.

    >>> number_of("0.85"), number_of("0,85"), number_of("0,85", decimal_comma=True), number_of(True)
    (0.85, None, 0.85, None)
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return number if math.isfinite(number) else None
    text = str(value).strip(BLANKS)
    if decimal_comma and "." not in text:
        text = text.replace(",", ".")
    return float(text) if _NUMBER.match(text) else None


def confidence_of(number: float) -> float | None:
    """A number as a confidence in [0, 1]; None where it lies more than 1e-6 outside.

    >>> confidence_of(1.0000001), confidence_of(-1e-16), confidence_of(1.1)
    (1.0, 0.0, None)
    """
    if -OVERSHOOT <= number <= 1 + OVERSHOOT:
        return min(max(number, 0.0), 1.0)
    return None


def time_of(value: Any) -> datetime | None:
    """The time in a value, None where there is none: aware in UTC, or naive as it was written.

    >>> time_of("2026/10/01 12:30:00,5 GMT"), time_of("1790000000000").isoformat(), time_of("07/08/2026")
    (datetime.datetime(2026, 10, 1, 12, 30, 0, 500000, tzinfo=datetime.timezone.utc), '2026-09-21T14:13:20+00:00', None)
    """  # noqa: E501
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001  read in the stream's zone
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return _since_1970(Decimal(str(value))) if math.isfinite(value) else None
    text = str(value).replace("\xa0", " ").strip(BLANKS)
    if _EPOCH.match(text):
        return _since_1970(Decimal(text))
    aware = _AWARE.match(text)
    if not aware and not _NAIVE.match(text):
        return None
    text = text.upper().replace("/", "-").replace(",", ".")
    for zone in ("UTC", "GMT", "Z"):
        text = f"{text.removesuffix(zone).rstrip()}+00:00" if text.endswith(zone) else text
    text = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text)
    text = re.sub(r" ?([+-][0-9]{2})$", r"\1:00", text) if aware else text
    try:
        moment = datetime.fromisoformat(text if not aware else re.sub(r" (?=[+-])", "", text))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _since_1970(number: Decimal) -> datetime | None:
    for unit in UNITS:
        if LEAST_EPOCH * unit <= number < END_OF_EPOCH * unit:
            return _START + timedelta(microseconds=int(number * 1_000_000 / unit))
    return None
