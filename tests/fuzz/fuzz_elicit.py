"""A fuzz target: whatever a model writes is read to the end, to a value in [0, 1] or a reason.

`python tests/fuzz/fuzz_elicit.py -max_total_time=60` (libFuzzer's options; needs atheris).
"""

from __future__ import annotations

import sys
from typing import get_args


def main() -> None:
    """Run libFuzzer over the readers of `calib.elicit`."""
    import atheris

    with atheris.instrument_imports(include=["calib.elicit"]):
        from calib.elicit import aggregate, parse_confidence, read_reply
        from calib.elicit.numerals import Reason

    reasons = set(get_args(Reason))

    def one(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        found = parse_confidence(text)
        assert (found.value is None) == (found.reason in reasons)
        assert found.value is None or 0 <= found.value <= 1
        reply = read_reply(text)
        assert reply.confidence == found
        assert reply.answer is None or 0 < len(reply.answer) <= 1_000
        both = aggregate([text, text])
        assert both.answered in (0, 2)
        assert both.agreement in (None, 1.0)

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
