"""The files that a working folder gets as they are: the flows, the deployments, the crontab."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import calib


def flows_folder() -> Path:
    """The folder of the Prefect flows: inside the installed package, or at the top of a checkout.

    The wheel carries them as data, not as a package that can be imported: a user may have a package
    `flows` too.
    """
    installed = Path(str(resources.files("calib.init"))) / "flows"
    return installed if installed.is_dir() else Path(calib.__file__).resolve().parents[1] / "flows"


def flow_texts() -> dict[str, str]:
    """The text of each flow file by its name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(flows_folder().glob("*.py"))}


def template(name: str) -> str:
    """The text of a template of this package: `prefect.yaml`, `crontab` or `gitignore`."""
    return resources.files("calib.init").joinpath(name).read_text(encoding="utf-8")
