"""A person's Markdown as HTML that does nothing: no script, no image, no style, no address but a link's."""

from __future__ import annotations

TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a"),
}


def markdown_html(text: str) -> str:
    """Render CommonMark with tables; HTML in the text is shown as text.

    >>> markdown_html("**Correct** if <b>all</b> is right: [why](javascript:x)")
    '<p><strong>Correct</strong> if &lt;b&gt;all&lt;/b&gt; is right: [why](javascript:x)</p>\\n'
    """
    import nh3
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})
