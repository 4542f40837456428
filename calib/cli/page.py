"""Results as lines and tables that fit the terminal, at 80 columns where there is no terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from calib.cli.output import printable

NARROW, WIDE = 40, 100
HEADING = 13
# The word carries the meaning; the colour helps the eye where there is one.
STYLES = {
    "DEGRADED": "bold red",
    "FAIL": "bold red",
    "WRONG": "bold red",
    "ALARM": "bold red",
    "CANNOT SEE": "bold yellow",
    "insufficient": "bold yellow",
    "no information": "bold yellow",
    "stable": "green",
}


class Page:
    """Lines on standard output, none longer than the page is wide, and none cut off.

    A single word that is longer, such as a path or a command to copy, keeps a line of its own. Colours are
    left out if standard output is not a terminal or `NO_COLOR` is set.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self.width = min(WIDE, max(NARROW, shutil.get_terminal_size().columns))

    def title(self, name: str, rest: str = "") -> None:
        """A heading of the whole: a name, and what it is about."""
        lines = self._wrapped(f"{printable(name)}  {printable(rest)}".rstrip(), "", "  ")
        self._print(lines, bold=printable(name))

    def row(self, heading: str, text: str) -> None:
        """A line with a heading of its own; what is too long goes on below itself."""
        first = f"  {heading:{HEADING - 1}} "
        self._print(self._wrapped(printable(text), first, " " * len(first)))

    def say(self, text: str, indent: int = 0, hanging: int = 2) -> None:
        """A sentence; what is too long goes on below, moved in by `hanging` characters."""
        self._print(self._wrapped(printable(text), " " * indent, " " * (indent + hanging)))

    def command(self, line: str) -> None:
        """A command to copy: never wrapped."""
        self._print([f"  {printable(line)}"])

    def picture(self, lines: Sequence[str]) -> None:
        """Lines that are drawn; they fit where they were drawn for `width`."""
        self._print(["", *(printable(line) for line in lines), ""] if lines else [])

    def table(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        left: Sequence[int] = (0,),
        indent: int = 2,
    ) -> None:
        """Columns of text, right-aligned but for the ones in `left`; a row with one cell is a note."""
        cells = [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
        widths = [
            max(len(head), *(len(row[i]) for row in cells if len(row) > 1), 0) for i, head in enumerate(heads)
        ]
        lines = []
        for row in ([*heads], *cells):
            if len(row) == 1:
                lines += self._wrapped(row[0], " " * 4, " " * 4)
                continue
            aligned = [
                cell.ljust(width) if i in left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(f"{' ' * indent}{'  '.join(aligned)}".rstrip())
        self._print(lines[:1], bold=lines[0].strip())
        self._print(lines[1:])

    def named_table(
        self, heads: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 2
    ) -> None:
        """A table whose first column holds names of any length.

        One of them too long for the page puts the names on lines of their own, each above its row: nothing is
        cut off. `heads` has one more entry than each row.
        """
        widths = [max([len(head), *(len(row[i]) for row in rows)]) for i, head in enumerate(heads[1:])]
        room = self.width - indent - sum(width + 2 for width in widths)
        if max(len(printable(name)) for name in (heads[0], *names)) <= room:
            self.table(heads, [(name, *row) for name, row in zip(names, rows, strict=True)], indent=indent)
            return
        self.say(f"by {heads[0]}:", indent=indent)
        lines: list[Sequence[str]] = []
        for name, row in zip(names, rows, strict=True):
            lines += [(name,), row]
        self.table(heads[1:], lines, left=(), indent=indent + 4)

    def _wrapped(self, text: str, first: str, then: str) -> list[str]:
        """A text over several lines; its own line ends are kept."""
        lines: list[str] = []
        for part in text.split("\n"):
            lines += textwrap.wrap(
                part,
                self.width,
                initial_indent=then if lines else first,
                subsequent_indent=then,
                break_long_words=False,
                break_on_hyphens=False,
            ) or [""]
        return lines

    def _print(self, lines: list[str], *, bold: str | None = None) -> None:
        for line in lines:
            text = Text(line)
            for word, style in STYLES.items():
                text.highlight_regex(rf"(?<!\w){word}(?!\w)", style)
            if bold and bold in line:
                at = line.index(bold)
                text.stylize("bold", at, at + len(bold))
            self._console.print(text, soft_wrap=True)
