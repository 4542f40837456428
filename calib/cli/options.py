"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on standard output, and nothing else there.")
]
Config = Annotated[
    Path,
    typer.Option("--config", envvar="CALIB_CONFIG", help="The settings file."),
]
StreamName = Annotated[str, typer.Argument(metavar="STREAM", help="A stream that calib.toml names.")]
Channel = Annotated[str, typer.Option("--channel", help="The channel of mappings.")]
MaxRise = Annotated[
    float, typer.Option("--max-rise", min=0.001, max=0.5, help="The rise of the ECE that matters.")
]

CONFIG = Path("calib.toml")
