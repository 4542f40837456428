"""Reading a report's page: its elements, its text, and its numbers with their exact values."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class Reader(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.data: list[tuple[str, str, str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag == "data"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._inside:
            at = self.elements[-1][1]
            self.data.append((at["data-of"] or "", at["value"] or "", data))


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def value_at(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values[part]
    return values


def rounded(value: float, text: str) -> bool:
    """Whether a text shows the value: in percent, as a p-value, or with the digits that it has."""
    if text.startswith("p < "):
        return value < float(text[4:])
    if text.startswith("p ≤ 1/"):
        return value <= 1.5 / float(text[6:].replace(",", ""))
    if text.endswith("%"):
        return abs(value * 100 - float(text[:-1])) <= 0.05 + 1e-9
    number = text.removeprefix("p = ")
    return abs(value - float(number)) <= 0.5 * 10 ** -len(number.partition(".")[2]) + 1e-12
