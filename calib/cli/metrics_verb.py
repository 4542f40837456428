"""`calib metrics`: what Prometheus reads of a deployment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from calib.cli import output
from calib.cli.options import CONFIG, Config, Json


def metrics(
    textfile: Annotated[
        Path | None,
        typer.Option("--textfile", help="The .prom file to write, in the folder of a node exporter."),
    ] = None,
    config: Config = CONFIG,
    json: Json = False,
) -> None:
    """Every stream's verdict, ECE, labels and mapping, alerts, and the last run of each job, for Prometheus.

    Prints them in Prometheus' text format. With --textfile they are written for the textfile collector of a
    node exporter instead: the file is replaced as a whole, so that nobody reads half of it, and stays as it
    was where something fails. `calib web` answers the same under /metrics. dashboards/README.md describes
    each metric.
    """
    from calib.app import App
    from calib.metrics import BY_NAME, collect, text_of
    from calib.results.metrics import MetricsResult, MetricValue

    if textfile is not None:
        _usable(textfile)
    values = collect(App.open(config))
    if textfile is not None:
        _replace(textfile, text_of(values))
    if json:
        listed = tuple(
            MetricValue(name=name, labels=dict(zip(BY_NAME[name].labels, labels, strict=True)), value=value)
            for name, of_name in values.items()
            for labels, value in of_name.items()
        )
        file = None if textfile is None else str(textfile)
        output.emit(MetricsResult(textfile=file, values=listed).to_json())
    elif textfile is None:
        sys.stdout.write(text_of(values).decode())
    else:
        n = sum(len(of_name) for of_name in values.values())
        sys.stdout.write(f"{output.counted(n, 'value')} are in {textfile}\n")


def _usable(path: Path) -> None:
    from calib.errors import InvalidInput

    if path.suffix != ".prom":
        raise InvalidInput(f"{path}: the textfile collector reads files that end in .prom alone: name one")
    output.writable(path, "the textfile")


def _replace(path: Path, text: bytes) -> None:
    """Put a new file in the place of the old one, readable by the exporter's own user."""
    from calib.errors import InvalidInput

    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # no name that the collector reads
    try:
        with unfinished.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except OSError as error:
        raise InvalidInput(f"the textfile cannot be written to {path}: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
