"""Hostile text made harmless, one rule for each surface: models, files and people write what we show.

| surface | rule |
|---|---|
| terminal, logs | `printable`: nothing drives the terminal |
| a single line: messages, titles, log records | `one_line`: nothing unseen, no line end |
| a page of another program, as plain text | `readable`: nothing unseen, nothing reordered |
| a sheet that a spreadsheet opens | `cell`, `defused` and back, `armed`: readable, and never a formula |
| JSON in a script of another program's page | `in_script`: one line, and nothing ends the script |
| Markdown, inside backticks and tables | `in_backticks`: no markup |
| matplotlib | `figure_title`: no mathematics, not endless |
| database | `storable`: what every database takes |

What could be a secret is hidden by `calib.redaction`, which also says an error in one line (`reason`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories: control, format, lone surrogates, separators of lines
REORDERS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # bidirectional classes
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet would run what begins so


def printable(text: str) -> str:
    """Text for a terminal: line ends and tabs stay, any other character without a shape becomes �."""
    return "".join(c if c in "\n\t" or c.isprintable() else "�" for c in text)


def one_line(text: str) -> str:
    """One line without anything unseen.

    >>> one_line("paid\\u202e\\x1b[31m\\n<!channel>")
    'paid[31m <!channel>'
    """
    joined = " ".join(str(text).splitlines())
    return "".join(c for c in joined if unicodedata.category(c) not in UNSEEN)


def in_script(text: str) -> str:
    """One line that a program writes unescaped into a script of its HTML page: nothing in it ends the script.

    >>> in_script("age</script>"), in_script("a < b")
    ('age< /script>', 'a < b')
    """
    return re.sub(r"<(?=[/!])", "< ", one_line(text))


def cell(text: str) -> str:
    """A cell that a person reads and a spreadsheet opens: `readable`, and never a formula."""
    return defused(readable(text))


def readable(text: str) -> str:
    """Text that a person reads: line ends and tabs stay, nothing else is unseen or reorders what is read.

    Letters of scripts that need joiners, which are format characters, keep them.

    >>> readable("paid\\u202e\\x00\\n")
    'paid\\n'
    """
    return "".join(c for c in text if c in "\n\t" or not _hides(c))


def defused(text: str) -> str:
    """The text as a spreadsheet may see it: never a formula.

    >>> defused("=cmd()"), armed(defused("=cmd()")), armed(defused("'quoted"))
    ("'=cmd()", '=cmd()', "'quoted")
    """
    return f"'{text}" if text.lstrip(" ").startswith((*FORMULA, "'")) else text


def armed(text: str) -> str:
    """The text before `defused` changed it."""
    return text[1:] if text.startswith("'") else text


def in_backticks(text: str) -> str:
    """Text for Markdown between backticks, in a table too: no backtick, no line end, no column's border."""
    return printable(text).translate(str.maketrans("`\n\t|", "'  /"))


def figure_title(text: str, longest: int) -> str:
    """A picture's title that is only text, of at most `longest` characters."""
    clean = "".join(c if c.isprintable() else " " for c in text).replace("$", r"\$")
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def storable(text: str, longest: int) -> str:
    """What every database takes: no NUL, no half of a surrogate pair, at most `longest` characters."""
    return text[:longest].replace("\x00", "").encode("utf-8", "replace").decode()


def did_you_mean(
    name: str, names: Iterable[str], *, plain: Callable[[str], str] = lambda name: name
) -> str | None:
    """A question about the one name that is close to what was asked for; None where none is.

    `plain`: how names are compared.

    >>> did_you_mean("databse", ["database", "store"]), did_you_mean("x", ["store"])
    ("did you mean 'database'?", None)
    """
    from difflib import get_close_matches

    spelled = {plain(known): known for known in reversed(list(names))}
    near = get_close_matches(plain(name), list(spelled), n=1)
    return f"did you mean {spelled[near[0]]!r}?" if near else None


def _hides(c: str) -> bool:
    if unicodedata.bidirectional(c) in REORDERS:
        return True
    return unicodedata.category(c) in ("Cc", "Cs")
