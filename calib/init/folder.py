"""Making a working folder: what is written, what is kept, and when nothing is touched."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calib.errors import InvalidInput
from calib.init.columns import REQUIRED, Guess, guess
from calib.init.data import deployments_text, flow_texts, template
from calib.init.toml import settings_text
from calib.json_object import Json
from calib.object_urls import CLOUDS
from calib.redaction import shown
from calib.stream_settings import ColumnSettings
from calib.traffic.peek import peek

SETTINGS = "calib.toml"
FILES = re.compile(r"(?i)(?:.*\.)?(csv|parquet|pq)")  # a traffic file named without its kind
LOCAL = ("parquet", "csv", "jsonl", "duckdb", "sqlite")
# A file of these names that does not hold its mark belongs to something else.
MARKS = {
    "prefect.yaml": "flows/open_windows.py:open_windows",
    "automations.yaml": "calibwatch",
    "flows/": "calib",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What `prepare` did.

    `written` and `kept` are paths inside the folder; `differs` are those kept ones that are not what this
    version would have written. `stream` and `guess` are None where no traffic was named.
    """

    path: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]
    differs: tuple[str, ...]
    stream: str | None
    traffic: str | None
    guess: Guess | None


def prepare(folder: Path, *, traffic: str | None, cwd: Path) -> Folder:
    """Write what is missing in `folder`; a file that is there is kept as it is, whoever wrote it.

    `traffic` is a URL of settings or the path of a CSV or Parquet file, relative to `cwd`. Raises
    `InvalidInput` and writes nothing where the traffic cannot be read, where the folder cannot be one, or
    where it holds another project's flows or deployments.
    """
    folder = (cwd / folder).resolve()
    _check_place(folder)
    name = None
    streams: dict[str, Json] = {}
    guessed = None
    if traffic is not None:
        guessed = guess(peek(_url(traffic), base=cwd))
        url = _moved(_url(traffic), cwd=cwd, folder=folder)
        name = _stream_name(url)
        streams[name] = _stream(url, guessed)
    texts = _texts(folder, streams)
    _check_files(folder, texts)
    written, unchanged, differs = [], [], []
    for relative, text in texts.items():
        path = folder / relative
        if _write_new(path, text):
            written.append(relative)
            continue
        unchanged.append(relative)
        if relative != SETTINGS and path.read_bytes() != text.encode():
            differs.append(relative)
    return Folder(
        path=folder,
        written=tuple(written),
        kept=tuple(unchanged),
        differs=tuple(differs),
        stream=name,
        traffic=None if traffic is None else shown(traffic),
        guess=guessed,
    )


def _texts(folder: Path, streams: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    crontab = (
        template("crontab")
        .replace("@PATH@", path)
        .replace("@CONFIG@", str(folder / SETTINGS))
        .replace("@LOG@", str(folder / "calib.log"))
    )
    texts = {SETTINGS: settings_text(streams)}
    texts |= {f"flows/{name}": text for name, text in flow_texts().items()}
    return texts | {
        "prefect.yaml": deployments_text(_zones(folder / SETTINGS)),
        "automations.yaml": template("automations.yaml"),
        "crontab": crontab,
        ".gitignore": template("gitignore"),
    }


def _zones(settings: Path) -> list[str]:
    """The time zones of the streams that a calib.toml names; UTC where there is none, or it is not TOML."""
    try:
        streams = tomllib.loads(settings.read_text(encoding="utf-8")).get("streams", {})
    except (OSError, ValueError):
        return ["UTC"]
    named = {stream.get("timezone", "UTC") for stream in streams.values() if isinstance(stream, dict)}
    return sorted(zone for zone in named if isinstance(zone, str)) or ["UTC"]


def _check_place(folder: Path) -> None:
    if not str(folder).isprintable():
        raise InvalidInput(
            f"the folder {str(folder)!r} has characters that a crontab cannot hold: choose another"
        )
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file, not a folder: choose another name")


def _check_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Refuse what is in the way, and other projects' flows or deployments: ours would be mixed with them."""
    flows = folder / "flows"
    if flows.is_dir() and not any((folder / relative).is_file() for relative in texts if "/" in relative):
        foreign = sorted(path.name for path in flows.glob("*.py"))
        if foreign:
            raise InvalidInput(
                f"{flows} holds files of another project ({', '.join(foreign[:3])}): nothing was written. "
                "Give calibwatch a folder of its own, for example `calib init calibration`"
            )
    for relative in texts:
        path = folder / relative
        for place, is_right in ((path.parent, path.parent.is_dir()), (path, path.is_file())):
            if os.path.lexists(place) and not is_right:
                raise InvalidInput(
                    f"{place} is in the way: it should be a {'file' if place == path else 'folder'}. Nothing "
                    "was written; move it away or choose another folder"
                )
        mark = MARKS.get(relative) or MARKS.get(relative.partition("/")[0] + "/")
        if mark is not None and path.is_file() and mark not in path.read_text("utf-8", "replace"):
            raise InvalidInput(
                f"{path} belongs to another project: nothing was written. Give calibwatch a folder of its "
                "own, for example `calib init calibration`"
            )


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet; False where there is one, were it made this very moment."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror}. Choose a folder that you may write to"
        ) from None
    return True


def _url(traffic: str) -> str:
    """The traffic as a URL of settings; a bare CSV or Parquet file gets its kind."""
    bare = FILES.fullmatch(traffic.rpartition("/")[2])
    scheme, separator, _ = traffic.partition("://")
    if not bare or (separator and scheme not in CLOUDS) or traffic.partition(":")[0] in LOCAL:
        return traffic
    return f"{'csv' if bare[1].lower() == 'csv' else 'parquet'}:{traffic}"


def _moved(url: str, *, cwd: Path, folder: Path) -> str:
    """A URL that is relative to `cwd` as calib.toml in `folder` has to write it.

    >>> _moved("csv:logs/*.csv", cwd=Path("/home"), folder=Path("/home/work"))
    'csv:../logs/*.csv'
    """
    kind, _, rest = url.partition(":")
    has_table = kind in ("duckdb", "sqlite")
    place, mark, table = rest.partition("#") if has_table else (rest, "", "")
    path = Path(place.removeprefix("//") if has_table else place)
    if kind not in LOCAL or "://" in place or place.startswith("~") or path.is_absolute() or cwd == folder:
        return url
    return f"{kind}:{Path(os.path.relpath(cwd / path, folder)).as_posix()}{mark}{table}"


def _stream(url: str, guessed: Guess) -> Json:
    """The keys of a stream that a new calib.toml sets."""
    defaults = {key: ColumnSettings.model_fields[key].default for key in REQUIRED}
    review = {"kind": "files"}
    if guessed.outcome is not None:
        review = {"kind": "outcomes", "column": guessed.outcome}
        review |= {} if guessed.outcome_at is None else {"at": guessed.outcome_at}
    return {"traffic": url, "columns": defaults | guessed.columns, "review": review}


def _stream_name(url: str) -> str:
    """A name for the stream: its table or file, or the folder of its files."""
    place, _, table = url.partition("#")
    parts = [part for part in re.split(r"[/\\:]", place) if part and "*" not in part and part != ".."]
    candidates = [table.rpartition(".")[2], *(part.partition(".")[0] for part in reversed(parts[1:]))]
    for candidate in candidates:
        name = re.sub(r"[^a-z0-9._-]+", "-", candidate.lower()).strip("-._")[:63]
        if name:
            return name
    return "my-stream"
