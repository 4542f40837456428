"""The files that a working folder gets as they are: the flows, the deployments, the crontab."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import calib

SCHEDULE = re.compile(r' {6}- cron: "([^"]+)"\n {8}timezone: UTC\n')


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


def deployments_text(zones: Sequence[str]) -> str:
    """The text of prefect.yaml with schedules in each of the time zones; that of `relay` is in UTC alone.

    Each flow goes over all streams and does what is due, so that a second run in another zone does no harm.
    """

    def schedules(match: re.Match[str]) -> str:
        cron = match[1]
        mine = ["UTC"] if cron.startswith("*/") else zones
        return "".join(f'      - cron: "{cron}"\n        timezone: {zone}\n' for zone in mine)

    return SCHEDULE.sub(schedules, template("prefect.yaml"))


def template(name: str) -> str:
    """The text of a template of this package, by the name of its file."""
    return resources.files("calib.init").joinpath(name).read_text(encoding="utf-8")
