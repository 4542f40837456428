"""Texts of models and people on a page: whatever they hold, they are text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_pages import Pages

from calib.errors import InvalidInput
from calib.settings import load
from calib.web.markdown import ATTRIBUTES, TAGS, rendered
from calib.web.texts import LONGEST_RENDERED, shown_text, visible

EVIL = (
    '<script>alert(1)</script><img src=x onerror="alert(1)">[x](javascript:alert(1)) '
    "![](data:image/png;base64,AAAA) <!channel> \u202egnp.exe\u202c \x1b[31m \x07 \ud800 "
    "../../etc =cmd() {{7*7}}"
)
PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *("<script>", "</script>", "<img src=x onerror=a>", "<svg/onload=a>", "<a href='javascript:a'>"),
            *(
                "](javascript:a)",
                "](JaVaScRiPt:a)",
                "](&#106;avascript:a)",
                "](data:text/html,a)",
                "](vbscript:a)",
            ),
            *(
                "](//evil.example)",
                "](https://a.example '\" onload=\"a')",
                "![a](https://evil.example/a.png)",
                "[",
            ),
            *("`", "```\n", "|", "\n", "|-|-|\n", "> ", "- ", "# ", "*", "_", "~~", "&lt;", "&#60;", "\\"),
            *(
                "<https://a.example>",
                "<javascript:a>",
                "[a]: javascript:a\n",
                "<!--",
                "-->",
                "<![CDATA[",
                "\x00",
            ),
        ]
    ),
)


class Seen(HTMLParser):
    """The tags and the attributes of a text, and all that it says."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.says = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.says += data

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", {}))

    def handle_decl(self, decl: str) -> None:
        self.tags.append(("declaration", {}))


@given(st.lists(PIECES, max_size=12).map("".join))
def test_markdown_becomes_nothing_but_what_is_allowed(text: str) -> None:
    images = ("https://images.example",)
    seen = Seen(rendered(text, images=images))
    for tag, attributes in seen.tags:
        assert tag in TAGS, tag
        assert set(attributes) <= ATTRIBUTES.get(tag, set()) | {"rel", "target"}, (tag, attributes)
        assert re.match(r"(https?|mailto):", attributes.get("href") or "https:"), attributes
        assert (attributes.get("src") or images[0]).startswith(images[0]), attributes
    assert not set(seen.says) & set("\x00\x1b\u202e\u2066"), "what steers a display"


@given(st.text(st.characters(codec=None), max_size=60))
def test_what_is_visible_steers_nothing_and_can_be_sent(text: str) -> None:
    seen = visible(text)
    assert seen.encode("utf-8") or not text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", seen)
    assert visible(seen) == seen


def test_what_people_write_is_readable() -> None:
    table, code = "| a | b |\n|---|--:|\n| 1 | `2` |", "```py\nif a < b:\n    pass\n```"
    html = str(rendered(f"line 1\nline 2\n\n{table}\n\n{code}\n\n~~no~~ **yes**"))
    assert "line 1<br>\nline 2" in html
    assert "<th>a</th>" in html
    assert "style" not in html, "the policy lets no inline style through"
    assert "<code>if a &lt; b:\n    pass\n</code>" in html
    assert "<s>no</s> <strong>yes</strong>" in html
    assert "שלום" in rendered("שלום")
    assert "👩‍🔬" in rendered("👩‍🔬"), "joined by a character that is not seen"


def test_pictures_are_links_unless_their_origin_is_allowed() -> None:
    text = "![a chart](https://images.example/c.png) ![](http://other.example/x.png)"
    assert "<img" not in rendered(text)
    assert '<a href="https://images.example/c.png"' in rendered(text)
    assert "[picture: a chart]" in rendered(text)
    assert "[picture: http://other.example/x.png]" in rendered(text)
    html = str(rendered(text, images=("https://images.example",)))
    assert re.findall(r"<img[^>]*>", html) == ['<img src="https://images.example/c.png" alt="a chart">']
    for near in (
        "https://images.example.evil/c.png",
        "https://images.example@evil/c.png",
        "//images.example/c.png",
    ):
        assert "<img" not in rendered(f"![]({near})", images=("https://images.example",)), near


@pytest.mark.parametrize(
    "target", ["/sign-in?token=x", "//evil.example", "0", "?a=b", "#a", "ftp://a.example"]
)
def test_a_link_leads_to_another_site_or_is_text(target: str) -> None:
    assert "<a" not in rendered(f"[here]({target}) <{target}>\n\n[r]\n\n[r]: {target}")
    assert "here" in rendered(f"[here]({target})")


def test_what_is_nested_too_deeply_is_shown_as_it_stands() -> None:
    deep = ">" * 500 + " the end"
    assert "the end" in rendered(deep)
    assert "the end" in rendered("- " * 300 + "the end")


def test_a_long_text_is_folded_and_a_very_long_one_is_cut() -> None:
    assert shown_text("a", "word " * 200).preview is None
    long = shown_text("a", "word " * 2_000)
    assert long.preview is not None
    assert len(long.preview) < 1_000
    assert long.preview.endswith("word …")
    assert not long.cut
    longest = shown_text("a", "x" * 1_000_000)
    assert (longest.cut, longest.length, len(longest.text)) == (True, 1_000_000, LONGEST_RENDERED)


@pytest.mark.parametrize(("value", "words"), [(None, ""), (7, "7"), ({"a": ["é"]}, '"é"'), (True, "true")])
def test_what_is_no_text_is_shown_as_json(value: Any, words: str) -> None:
    text = shown_text("a", value)
    assert words in text.text
    assert text.text.startswith("```json") == (value is not None)


def test_hostile_texts_are_text_on_every_page(pages: Pages) -> None:
    (pages.folder / "g.md").write_text(EVIL.encode("utf-8", "replace").decode())
    pages.settings(stream='guidelines = "g.md"')
    item, other = pages.window(2)
    texts = {"question": EVIL.replace("\ud800", ""), "<b>name": "x", "answer": "y" * 1_000_000}
    pages.context(item, **texts)
    pages.context(other, **texts)
    with pages.signed_in("<i>ada") as ada, pages.signed_in('"><script>bob') as bob:
        htmls = [ada.get("/review/triage").text, ada.label(comment=EVIL.replace("\ud800", "")).text]
        htmls += [ada.get(path).text for path in ("/review/triage/mine", f"/review/triage/items/{item}")]
        htmls += [bob.get("/review/triage").text, ada.get("/nothing/<script>").text]
        htmls.append(ada.get("/review/triage?note=<script>").text)
        whole = ada.get(f"/review/triage/items/{item}/1")
        raw = ada.get(f"/review/triage/items/{item}/0")
    for html in htmls:
        seen = Seen(html)
        assert [a.get("src") for tag, a in seen.tags if tag == "script"] in ([], [a_script(html)])
        assert not [tag for tag, _ in seen.tags if tag in ("img", "svg", "iframe", "i", "comment")]
        assert not [a for _, attributes in seen.tags for a in attributes if a.startswith("on")]
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", html)
        assert len(html) < 200_000
    assert "gnp.exe" in htmls[0]
    assert "1,000,000 characters" in htmls[0]
    assert whole.text == "y" * 1_000_000
    assert raw.text == EVIL.replace("\ud800", "")
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in raw.headers["content-security-policy"]


def a_script(html: str) -> str | None:
    """The one script of ours that a page may have."""
    match = re.search(r'<script src="(/static/review\.js\?v=[0-9a-f]{12})" defer></script>', html)
    return match[1] if match else None


@pytest.mark.parametrize(
    "origin", ["images.example", "https://images.example/", "https://a b", "*", "https://*", "data:"]
)
def test_what_is_no_origin_is_refused(pages: Pages, origin: str) -> None:
    pages.settings(web=f'images = ["{origin}"]')
    with pytest.raises(InvalidInput, match=r"calib\.toml:4: web\.images: .*write scheme and host alone"):
        load(pages.folder / "calib.toml")


def test_an_allowed_origin_is_in_the_policy(pages: Pages) -> None:
    pages.settings(web='images = ["https://images.example"]')
    item, _ = pages.window(2)
    pages.context(item, answer="![chart](https://images.example/c.png)")
    with pages.local() as visit:
        page = visit.get("/review/triage")
    assert "img-src 'self' https://images.example;" in page.headers["content-security-policy"]
    assert '<img src="https://images.example/c.png" alt="chart">' in page.text
