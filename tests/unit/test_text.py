"""Text that somebody else wrote is harmless on every surface."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib import text

HOSTILE = "=cmd()\x00\x1b[31m\u202e<!channel>\u2028a\ud800`|$x$\nb\tc\u200b" + "y" * 300
ANY = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@given(ANY)
def test_nothing_drives_a_terminal(hostile: str) -> None:
    for c in text.printable(hostile):
        assert c in "\n\t" or c.isprintable()
    assert len(text.printable(hostile)) == len(hostile)


@given(ANY)
def test_one_line_is_one_and_hides_nothing(hostile: str) -> None:
    line = text.one_line(hostile)
    assert len(line.splitlines()) <= 1
    assert {unicodedata.category(c) for c in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()


@given(ANY)
def test_no_cell_is_a_formula_and_what_is_read_is_there(hostile: str) -> None:
    cell = text.cell(hostile)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert not {unicodedata.bidirectional(c) for c in cell} & {
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "RLI",
        "LRI",
    }
    cell.encode()


def test_joiners_that_a_script_needs_stay_in_a_cell() -> None:
    persian = "می\u200cخواهم"
    assert text.cell(persian) == persian


@given(ANY)
def test_defusing_can_be_undone(hostile: str) -> None:
    assert text.armed(text.defused(hostile)) == hostile


@given(ANY)
def test_nothing_ends_the_backticks_or_the_cell_of_a_table(hostile: str) -> None:
    shown = text.in_backticks(hostile)
    assert not set(shown) & set("`|\n\t\r")


@given(ANY, st.integers(2, 50))
def test_a_title_is_short_and_no_mathematics(hostile: str, longest: int) -> None:
    title = text.figure_title(hostile, longest)
    assert len(title) <= longest
    assert all(title[i - 1] == "\\" for i, c in enumerate(title) if c == "$")
    assert title.isprintable()


@given(ANY, st.integers(0, 50))
def test_a_database_takes_it(hostile: str, longest: int) -> None:
    kept = text.storable(hostile, longest)
    assert len(kept) <= longest
    assert "\x00" not in kept
    kept.encode()


@pytest.mark.parametrize(
    ("asked", "said"),
    [("databse", "did you mean 'database'?"), ("zzz", None), ("database", "did you mean 'database'?")],
)
def test_the_nearest_name_is_asked_for(asked: str, said: str | None) -> None:
    assert text.did_you_mean(asked, ["store", "database"]) == said


def test_a_text_with_everything_is_harmless_everywhere() -> None:
    assert text.one_line(HOSTILE).startswith("=cmd()[31m<!channel> a`|$x$ b")
    assert text.cell(HOSTILE).startswith("'=cmd()[31m<!channel>")
    assert text.in_backticks("a`b|c\nd") == "a'b/c d"
