"""Write the reference of the command line and of the Python API: `python docs/make_reference.py`.

Both pages are made from the code, so that they cannot say anything else; a test compares them.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, ForwardRef

import click
import typer.main

FOLDER = Path(__file__).parent / "reference"
# The names that others may import. Everything else may change without notice.
PUBLIC = {
    "calib.measure": (
        "Counts Bins reliability Reliability Bin ece_estimate Ece measure Measurement Estimate change_test "
        "Change change_p_value EProcess with_judge Judged cluster_counts"
    ),
    "calib.files.measure": "measure_file",
    "calib.files.gate": "gate_files",
    "calib.files.plan": "plan_file",
    "calib.files.chain": "measure_chain_file",
    "calib.tabular.roles": "Asked",
    "calib.tabular.labelled": "Reading",
    "calib.sampling": "strata Strata allocate plan Plan",
    "calib.calibrators": "fit Curve refit Refit fit_temperature probabilities",
    "calib.routing": (
        "certify Certificate NoCertificate chain Chain step_target StepTarget delivered Delivered traces "
        "Traces fit_chain"
    ),
    "calib.elicit": (
        "instruction parse_confidence Parsed read_reply Reply framings ask_all Asked aggregate Aggregate "
        "same_text same_number same_choice"
    ),
    "calib.format": "Mapping",
    "calib.client": "MappingClient Calibrated Decision Status",
    "calib.store": "open_store Store publish promote rollback history Intent Entry",
}
ERRORS = "calib.errors"


def cli_page() -> str:
    """The `--help` text of every command."""
    from calib.cli.app import app

    parts = [
        "# Commands",
        "The text of `calib COMMAND --help` for every command, written by `python docs/make_reference.py`.\n"
        "What the commands print with `--json` is in [JSON outputs](json/index.md).",
    ]
    for name, text in helps(typer.main.get_command(app), "calib"):
        parts.append(f"{'##' if name.count(' ') < 2 else '###'} {name}\n\n```text\n{text}\n```")
    return "\n\n".join([*parts, "[Documentation](../index.md)\n"])


def helps(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """Name and help text of a command and of all commands below it, in the order of the lists."""
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 80, "terminal_width": 80}
    context = command.make_context(name, [], resilient_parsing=True, **settings)
    yield name, click.unstyle(command.get_help(context)).rstrip()
    for child in getattr(command, "commands", {}).values():
        yield from helps(child, f"{name} {child.name}")


def python_page() -> str:
    """Signature and docstring of every public name."""
    parts = [
        "# Python API",
        "The names that you may import, written from the code by `python docs/make_reference.py`. Any other\n"
        "name may change without notice. Arrays are numpy arrays; confidences, accuracies and shares lie in\n"
        "[0, 1].",
    ]
    for module_name, names in PUBLIC.items():
        module = importlib.import_module(module_name)
        parts.append(f"## {module_name}\n\n{_docstring(module)}")
        parts += [_entry(name, getattr(module, name)) for name in names.split()]
    errors = importlib.import_module(ERRORS)
    tree, rest = _docstring(errors).split("::\n\n", 1)
    drawn, words = rest.rsplit("\n\n", 1)
    parts.append(f"## {ERRORS}\n\n{tree.strip()}\n\n```text\n{textwrap.dedent(drawn)}\n```\n\n{words}")
    return "\n\n".join([*parts, "[Documentation](../index.md)\n"])


def _entry(name: str, value: Any) -> str:
    lines = [f"### {name}", f"```python\n{_signature(name, value)}\n```", _docstring(value)]
    if inspect.isclass(value):
        for method, function in vars(value).items():
            if method.startswith("_") or not inspect.isroutine(_function(function)):
                continue
            lines.append(f"- **`{_member(method, function)}`** " + _first(_docstring(_function(function))))
    return "\n\n".join(line for line in lines if line)


def _member(name: str, value: Any) -> str:
    if isinstance(value, property | cached_property):
        return name
    return re.sub(r"\((?:self|cls)(?:, )?", "(", _signature(name, _function(value)))


def _function(value: Any) -> Any:
    if isinstance(value, property):
        return value.fget
    if isinstance(value, cached_property):
        return value.func
    return getattr(value, "__func__", value)


def _first(text: str) -> str:
    """A docstring as the content of a list item."""
    return text.replace("\n", "\n  ")


def _signature(name: str, value: Any) -> str:
    if getattr(value, "_is_protocol", False):
        return name
    signature = inspect.signature(value)
    parameters = [
        parameter.replace(annotation=_Plain(parameter.annotation), default=_default(parameter.default))
        for parameter in signature.parameters.values()
    ]
    empty = inspect.Signature.empty
    result = empty if inspect.isclass(value) else _Plain(signature.return_annotation)
    return name + str(signature.replace(parameters=parameters, return_annotation=result))


def _default(value: Any) -> Any:
    return value if isinstance(value, str) else _Plain(value)


class _Plain:
    """An annotation or a default as a reader wants to see it: no module names, no addresses."""

    def __new__(cls, value: Any) -> Any:
        return value if value is inspect.Parameter.empty else super().__new__(cls)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        if inspect.isroutine(self._value):
            return self._value.__name__
        if isinstance(self._value, Enum):
            return f"{type(self._value).__name__}.{self._value.name}"
        if isinstance(self._value, ForwardRef):
            return self._value.__forward_arg__
        if isinstance(self._value, str):
            return re.sub(r"(?:\b[a-z_]+\.)+(?=[A-Za-z_])", "", self._value)
        return repr(self._value)


def _docstring(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    if inspect.isclass(value) and text.startswith(f"{value.__name__}("):
        return ""  # what a dataclass without a docstring says of itself
    return re.sub(r"(?ms)^((?:>>> .*?(?:\n|\Z))(?:.+(?:\n|\Z))*)", r"```pycon\n\1```\n", text + "\n").strip()


def pages() -> dict[str, str]:
    """The text of each page, by name."""
    return {"cli.md": cli_page(), "python.md": python_page()}


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
