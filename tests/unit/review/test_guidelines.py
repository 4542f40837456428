"""The guidelines of a stream are read, or it is said what is wrong with the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from calib.errors import InvalidInput
from calib.review.guidelines import LONGEST, read_guidelines


def test_the_text_is_read_without_the_mark_of_its_coding(tmp_path: Path) -> None:
    (tmp_path / "g.md").write_bytes(b"\xef\xbb\xbf# When is it correct?\n")
    assert read_guidelines("g.md", base=tmp_path, stream="s") == "# When is it correct?\n"
    assert read_guidelines(None, base=tmp_path, stream="s") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"g\.md are not there: write the file, or take `guidelines` out of \[streams\.s\]"),
        (b"caf\xe9", "not UTF-8 text: save them as UTF-8"),
        (b" \n", "are empty"),
        (b"x" * (LONGEST + 1), "200,001 bytes, and 200,000 are the most"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "g.md").write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        read_guidelines("g.md", base=tmp_path, stream="s")


def test_a_folder_is_no_file_of_guidelines(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_guidelines(".", base=tmp_path, stream="s")
