"""Guides as pages show them: everything is escaped, nothing of them gets lost."""

import re

import pytest

from notifications.views import guides
from orders import registry


def test_what_guides_use_is_rendered():
    html = guides.render(
        "# Title\n\nOne *two* **three** `fo*u*r`\nfive.\n\n## Next\n\n1. First\n   goes on\n"
        "   * inner\n2. Second:\n\n       {\n         1\n       }\n\n| A | B |\n|---|---|\n"
        "| `x` | y |\n\n    code <b>\n\n```\nfenced\n```\n"
    )
    assert html.split("\n", 1)[0] == (
        "<p>One <em>two</em> <strong>three</strong> <code>fo*u*r</code> five.</p>"
    )
    assert "Title" not in html
    assert "<h3>Next</h3>" in html
    assert "<ol><li>First goes on<ul><li>inner</li></ul></li><li>Second:" in html
    assert '<pre class="raw" tabindex="0">{\n  1\n}</pre></li></ol>' in html
    assert "<tbody><tr><td><code>x</code></td><td>y</td></tr></tbody>" in html
    assert "code &lt;b&gt;</pre>" in html
    assert "fenced</pre>" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>x</script>",
        "`<script>`",
        "| <script> |",
        "- <script>",
        "## <script>",
        "    <script>",
    ],
)
def test_no_tag_gets_through(text: str):
    assert "<script" not in guides.render(text)


def test_only_links_to_the_web_become_links():
    good = guides.render("[a](https://example.com/?a=1&b=2)")
    assert 'href="https://example.com/?a=1&amp;b=2"' in good or "<a" not in good
    assert "<a" not in guides.render("[a](javascript:alert)")
    assert 'onclick="' not in guides.render('[a](https://x.y/"onclick="z)')


@pytest.mark.parametrize("slug", registry.slugs())
def test_every_guide_is_shown_with_nothing_left_over(slug: str):
    html = guides.of_source(slug)
    plain = re.sub(r"<(pre|code)\b.*?</\1>", "", html, flags=re.S)
    assert len(html) > 300
    assert "**" not in plain and "](" not in plain and "```" not in plain
    for tag in ("ol", "ul", "li", "table", "pre", "p", "h3"):
        assert len(re.findall(f"<{tag}\\b", html)) == html.count(f"</{tag}>"), tag
