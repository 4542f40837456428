"""The guidelines of a stream: a Markdown file that says when an answer is correct."""

from __future__ import annotations

from pathlib import Path

from calib.errors import InvalidInput
from calib.local_paths import local_path

LONGEST = 200_000  # bytes: what reviewers can be expected to have read


def read_guidelines(file: str | None, *, base: Path, stream: str) -> str | None:
    """The Markdown text of a stream's guidelines; None where the settings name no file.

    `file` is the stream's key `guidelines`, relative to `base`, the folder of calib.toml. Raises
    `InvalidInput` for a file that is not there, is empty, is not UTF-8 text or is longer than 200 kB.
    """
    if file is None:
        return None
    path = local_path(file, base=base)
    remedy = f"write the file, or take `guidelines` out of [streams.{stream}]"
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8-sig") if size <= LONGEST else ""
    except FileNotFoundError:
        raise InvalidInput(f"{stream}: the guidelines {path} are not there: {remedy}") from None
    except UnicodeDecodeError:
        raise InvalidInput(
            f"{stream}: the guidelines {path} are not UTF-8 text: save them as UTF-8"
        ) from None
    except OSError as error:
        raise InvalidInput(
            f"{stream}: the guidelines {path} cannot be read ({error.strerror}): {remedy}"
        ) from None
    if size > LONGEST:
        raise InvalidInput(
            f"{stream}: the guidelines {path} have {size:,} bytes, and {LONGEST:,} are the most: shorten them"
        )
    if not text.strip():
        raise InvalidInput(f"{stream}: the guidelines {path} are empty: {remedy}")
    return text
