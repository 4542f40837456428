"""Which extra of the distribution a command needs, and whether it is installed. Standard library alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

MEASURE = ("duckdb", "jinja2", "matplotlib", "numpy", "rich", "scipy", "typer")
JOBS = (
    *MEASURE,
    "alembic",
    "anyio",
    "defusedxml",
    "fastapi",
    "fsspec",
    "httpx",
    "ibis",
    "markdown_it",
    "nh3",
    "openpyxl",
    "pandas",
    "prefect",
    "prometheus_client",
    "pyarrow",
    "pydantic_settings",
    "python_multipart",
    "sklearn",
    "slack_sdk",
    "sqlalchemy",
    "tenacity",
    "uvicorn",
)
MODULES = {"measure": MEASURE, "jobs": JOBS}
ON_FILES = ("measure", "gate", "chain")


def missing_extra(arguments: Sequence[str]) -> str | None:
    """The extra that the command line `arguments` (without the program) needs and that is not installed.

    Help and a command line without a command need what prints them, which `measure` brings. `calib plan`
    of a file needs `measure`, of a stream `jobs`.

    >>> missing_extra(["measure", "log.csv"]) is None  # where the extra is installed
    True
    """
    if _complete("jobs"):
        return None
    words = [argument for argument in arguments if not argument.startswith("-")]
    asks_for_help = bool({"-h", "--help"} & set(arguments))
    on_files = not words or asks_for_help or words[0] in ON_FILES
    on_files = on_files or (words[0] == "plan" and any(Path(word).is_file() for word in words[1:2]))
    extra = "measure" if on_files else "jobs"
    return None if _complete(extra) else extra


@cache
def _complete(extra: str) -> bool:
    return all(find_spec(module) is not None for module in MODULES[extra])
