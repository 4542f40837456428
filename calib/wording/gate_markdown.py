"""The gate's verdict as Markdown, for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calib.results.gate import GateResult
from calib.text import in_backticks
from calib.wording import gate as words

MARKS = {"passed": "✅", "failed": "❌", "not_proven": "⚠️"}


def markdown(result: GateResult) -> str:
    """The whole of it; names come from outside and are made harmless."""
    lines = [
        f"### {MARKS[result.decision]} Calibration gate",
        "",
        f"**{words.verdict_line(result)}**",
        "",
        words.accuracy_line(result),
        "",
        *words.limit_lines(result),
        "",
        *_table(("", "before", "after", "difference (95%)"), list(words.side_rows(result))),
    ]
    if result.segments:
        named = [(f"`{in_backticks(name)}`", *cells) for name, *cells in words.segment_rows(result)]
        lines += _table(words.SEGMENT_HEADS, named)
    if result.segments or result.segments_of_one_file:
        lines += [in_backticks(words.segment_note(result)), ""]
    for file, (side, labels, columns) in zip(result.files, words.files_words(result), strict=True):
        lines.append(f"{side.capitalize()}: `{in_backticks(file.file)}`, {labels}.  ")
        lines.append(f"Columns: `{in_backticks(columns)}`.  ")
    if result.pairs is not None:
        lines.append(f"Compared question by question: {result.pairs:,} pairs.")
    return "\n".join(lines).rstrip() + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
