"""Reviewers' texts and guidelines as HTML: Markdown rendered by markdown-it-py, then sanitised by nh3.

HTML in a text is text. Links lead to http, https and mailto alone, none to a page of ours. A picture is
loaded only from an origin that the settings name; any other becomes a link, so that no stranger learns who
reads what.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from calib.web.texts import visible

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "blockquote", "code", "pre", "a", "img"),
    *("ul", "ol", "li", "h3", "h4", "h5", "h6", "div"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "pre": {"tabindex"},
}
DEEPEST = 40  # levels of nesting that the parser follows; what is deeper it would leave out


def rendered(text: str, *, images: Sequence[str] = ()) -> Markup:
    """Markdown as HTML that is safe to put into a page.

    `images`: origins that pictures may be loaded from, like `https://images.example`. A single line end is
    kept: models write so. Headings begin at the third level, for they stand inside a page. Text that is
    nested deeper than the parser follows is shown as it stands, so that nothing of it is missing.

    >>> str(rendered("**bold** <b>no</b> [x](javascript:alert(1))")).strip()
    '<p><strong>bold</strong> &lt;b&gt;no&lt;/b&gt; [x](javascript:alert(1))</p>'
    """
    parser, seen = _parser(tuple(images)), visible(text)
    tokens = parser.parse(seen)
    if any(token.level >= DEEPEST - 2 for token in tokens):
        return plain_html(seen)
    html = str(parser.renderer.render(tokens, parser.options, {}))
    return Markup(  # noqa: S704  sanitised here
        nh3.clean(
            html,
            tags=TAGS,
            attributes=ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
            set_tag_attribute_values={"a": {"target": "_blank"}},
        )
    )


def plain_html(text: str) -> Markup:
    """The text as it stands, for what is too deeply nested to be rendered in full."""
    return Markup('<pre tabindex="0">{}</pre>').format(visible(text))


@lru_cache(maxsize=8)
def _parser(images: tuple[str, ...]) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": DEEPEST})
    parser.enable(["table", "strikethrough"])
    parser.validateLink = leads_out  # type: ignore[method-assign]

    def image(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        token = tokens[at]
        source, words = str(token.attrGet("src") or ""), token.content
        if origin_of(source) in images:
            token.attrSet("alt", self.renderInlineAsText(token.children or [], options, env))
            return self.renderToken(tokens, at, options, env)
        link = Token("link_open", "a", 1, attrs={"href": source})
        return f"{self.renderToken([link], 0, options, env)}[picture: {_escaped(words or source)}]</a>"

    def heading(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        tokens[at].tag = f"h{min(6, int(tokens[at].tag[1]) + 2)}"
        return self.renderToken(tokens, at, options, env)

    def table_open(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        opened = self.renderToken(tokens, at, options, env)
        return f'<div class="scroll" tabindex="0" role="group" aria-label="table">{opened}'

    def table_close(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return f"{self.renderToken(tokens, at, options, env)}</div>"

    def code(_: RendererHTML, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
        return f'<pre tabindex="0"><code>{_escaped(tokens[at].content)}</code></pre>\n'

    parser.add_render_rule("image", image)
    parser.add_render_rule("heading_open", heading)
    parser.add_render_rule("heading_close", heading)
    parser.add_render_rule("table_open", table_open)
    parser.add_render_rule("table_close", table_close)
    parser.add_render_rule("fence", code)
    parser.add_render_rule("code_block", code)
    return parser


def leads_out(url: str) -> bool:
    """Whether a link leads to another site or to a mailbox; what leads to pages of ours is no link.

    >>> [leads_out(url) for url in ("https://a.example", "mailto:a@b", "/sign-in?token=x", "javascript:a")]
    [True, True, False, False]
    """
    return url.strip().lower().startswith(("http://", "https://", "mailto:"))


def origin_of(url: str) -> str | None:
    """Scheme and host of an address, in lower case; None for one that is not http or https.

    >>> origin_of("https://Images.example:443/a.png"), origin_of("//images.example/a.png")
    ('https://images.example:443', None)
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return None
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _escaped(text: str) -> str:
    return str(Markup.escape(text))
