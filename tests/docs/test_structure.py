"""Every link of the documentation resolves, every page can be reached, and every page leads back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "index.md"
ELSEWHERE = (ROOT / "tests" / "faults" / "README.md", ROOT / "dashboards" / "README.md")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ELSEWHERE])
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(text: str) -> list[str]:
    """The targets inside the project, code left out."""
    return [target for target in LINK.findall(CODE.sub("", text)) if not target.startswith("https://")]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    made: set[str] = set()
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+ (.+)$", without_code, re.MULTILINE):
        words = re.sub(r"\]\([^)]*\)", "", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 1
        while (unique := anchor if number == 1 else f"{anchor}-{number - 1}") in made:
            number += 1
        made.add(unique)
    return made


def broken(page: Path, text: str) -> list[str]:
    """The links of a page that lead nowhere."""
    wrong = []
    for target in links(text):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            wrong.append(target)
    return wrong


def targets(page: Path) -> set[Path]:
    text = page.read_text(encoding="utf-8")
    return {(page.parent / link.partition("#")[0]).resolve() for link in links(text)}


def reachable(start: Path) -> set[Path]:
    """All pages below `docs` that links lead to, from `start` on."""
    reached: set[Path] = set()
    waiting = [start]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.is_file():
            reached.add(page)
            waiting += targets(page)
    return reached


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_resolve(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_every_page_can_be_reached_from_the_index() -> None:
    reached = reachable(INDEX)
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in reached] == []
    assert INDEX in targets(ROOT / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_page_leads_back(page: Path) -> None:
    """To the index, or, for a decision, to the list of decisions, which leads to the index."""
    if page == INDEX:
        assert ROOT / "README.md" in targets(page)
    elif page.parent.name == "adr" and page.name != "index.md":
        assert page.parent / "index.md" in targets(page)
    else:
        assert INDEX in targets(page)


def test_wrong_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` c\n\n## A\n\n## A\n")
    text = "[x](page.md#a-b-c) [x](page.md#a-1) [x](#a-2) [x](page.md#d) [x](gone.md) `[x](code.md)`"
    page.write_text(page.read_text() + text)
    assert broken(page, text) == ["#a-2", "page.md#d", "gone.md"]


def test_decisions_have_one_form_and_are_listed() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "index.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| \[.*?\]\((\d{4}-[a-z0-9-]+\.md)\) \|", index, re.MULTILINE))
    files = {str(int(path.name[:4])): path.name for path in folder.glob("[0-9]*.md")}
    assert rows == files
    for number, name in files.items():
        text = (folder / name).read_text(encoding="utf-8")
        form = re.match(
            rf"# {number}\. (.+)\n\nStatus: (accepted|replaced by \[\d+\]\([^)]+\))"
            r"\n\nDate: (\d{4}-\d\d-\d\d)\n\n",
            text,
        )
        assert form, f"{name}: title, status and date"
        assert f"| {number} | [{form[1]}]({name}) | {form[2].split(' [')[0]}" in index, name
        assert f"| {form[3]} |" in next(row for row in index.splitlines() if row.startswith(f"| {number} |"))
        headings = [h for h in re.findall(r"^## (.+)$", text, re.MULTILINE) if h in ORDER]
        assert headings == list(ORDER), f"{name}: {headings}"


ORDER = ("Context", "Decision", "Consequences")


def test_the_table_of_failures_names_tests_that_exist() -> None:
    page = ROOT / "tests" / "faults" / "README.md"
    text = page.read_text(encoding="utf-8")
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == list(range(1, 29))
    named = re.findall(r"\[(test_\w+)\]\(([^)]+\.py)\)", text)
    assert len(named) >= 27
    for test, file in named:
        assert f"def {test}(" in (page.parent / file).read_text(encoding="utf-8"), test
