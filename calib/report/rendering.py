"""From templates and pictures to one HTML file: whatever is put into a page is escaped here."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from calib import __version__
from calib.report import figures
from calib.text import one_line

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure


def render(template: str, **values: Any) -> str:
    """A page of one of the templates; every name that it uses must be given."""
    light, dark = figures.LIGHT.roles, figures.DARK.roles
    return environment().get_template(template).render(version=__version__, light=light, dark=dark, **values)


def svg_of(figure: Figure, name: str) -> Markup:
    """A picture as an element to put into a page; `name` makes its ids unique there."""
    return Markup(figures.svg(figure, name=name))  # noqa: S704  matplotlib escapes what it writes


@cache
def environment() -> Environment:
    """The templates of this folder: everything is escaped, and characters that nobody sees are left out."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def seen(value: Any) -> Any:
        return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    return Environment(
        loader=PackageLoader("calib.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=seen,
    )
