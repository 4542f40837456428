"""Paths that settings and URLs name on this machine."""

from __future__ import annotations

from pathlib import Path

from calib.errors import InvalidInput


def local_path(text: str | Path, *, base: Path = Path()) -> Path:
    """The path that a text names: a relative one below `base`; `~` is the home of whoever runs this.

    Raises `InvalidInput` for the home of a user whom this machine does not know.

    >>> local_path("mappings", base=Path("/srv/calib")).as_posix(), local_path("/srv/m").as_posix()
    ('/srv/calib/mappings', '/srv/m')
    """
    try:
        return base / Path(text).expanduser()
    except RuntimeError:
        first = Path(text).parts[0]
        raise InvalidInput(
            f"{first} in {str(text)!r} is not a home folder on this machine: write the whole path"
        ) from None
