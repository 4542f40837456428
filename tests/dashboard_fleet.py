"""What the tests of dashboards share: a database that the product filled."""

from __future__ import annotations

from dataclasses import dataclass

from conftest import World

from calib.app import App


@dataclass(frozen=True)
class Filled:
    """A database with windows, and the deployment that made them."""

    world: World
    app: App
    name: str
