"""`calib init`: a working folder with its settings, flows, deployments and crontab."""

from __future__ import annotations

from calib.init.data import flows_folder
from calib.init.folder import Folder, prepare

__all__ = ["Folder", "flows_folder", "prepare"]
