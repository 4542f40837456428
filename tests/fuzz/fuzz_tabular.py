"""A fuzz target: whatever a file holds, it is read in full or refused by name, and nothing else happens.

`python tests/fuzz/fuzz_tabular.py -max_total_time=60` (libFuzzer's options; needs atheris).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Run libFuzzer over the readers of files."""
    import atheris

    with atheris.instrument_imports(include=["calib.tabular", "calib.vocabulary"]):
        from calib.errors import InvalidInput
        from calib.tabular import Texts, open_table
        from calib.tabular.labelled import Reading, read_labelled
        from calib.tabular.rules import CannotKeepError, number_of, text_of, time_of
        from calib.vocabulary import MEANINGS, meaning

    folder = tempfile.TemporaryDirectory(prefix="calib-fuzz-")
    path = Path(folder.name) / "f"

    def one(data: bytes) -> None:
        cell = data.decode("utf-8", "replace")
        assert meaning(cell) in (*MEANINGS, None)
        time_of(cell)
        number_of(cell, decimal_comma=True)
        try:
            text = text_of(cell)
            assert text is None or text_of(text) == text or text.endswith(".0")
        except CannotKeepError:
            pass
        path.write_bytes(data)
        refused = ""
        try:
            table = open_table(path)
            rows = table.read({name: Texts(name, raw=True) for name in dict.fromkeys(table.names)})
            assert rows.n == table.records
            read = read_labelled(path, None, Reading(allow_rejected=1))
        except InvalidInput as error:
            refused = str(error)
        if refused:
            assert str(path) in refused, refused
            return
        assert len(read.sample) + sum(read.rejected.values()) == read.rows == rows.n + table.cut

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
    folder.cleanup()


if __name__ == "__main__":
    main()
