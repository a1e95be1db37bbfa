"""Links within a site are followed, and one that leads nowhere is an error."""

from __future__ import annotations

import pytest

from reportgen.errors import SiteError
from reportgen.website.checking import check_links, links_of

BASE = "https://example.org/r/"
PAGE = """<a href=b/c.html#x>c</a><a href="#top" id=top>&amp;</a><img src="data:image/png;base64,AA=="><a href="https://elsewhere.org/#y">y</a>
<script>"<a href='nowhere.html'>"; '<a href="gone.html">'</script><style>a { content: '<a href="gone.html">' }</style>
<p title="<a href='gone.html'> or href=gone.html id=gone">a &lt;a href="gone.html"&gt;</p>"""


def check(page: str, other: str = '<p id="x">') -> None:
    pages = {"index.html": links_of(page), "b/c.html": links_of(other)}
    check_links(pages, frozenset([*pages, "feed.xml"]), BASE)


def test_links_of_a_page_are_its_own_and_not_those_in_scripts_or_text() -> None:
    assert links_of(PAGE).links == ("b/c.html#x", "#top", "data:image/png;base64,AA==", "https://elsewhere.org/#y")
    assert links_of(PAGE).anchors == {"top"}
    check(PAGE, '<p id="x"><a href="../index.html#top"><a href="../feed.xml"><a href="#x"></p>')


@pytest.mark.parametrize(
    "link", ["gone.html", "b/c.html#gone", "#gone", "../index.html", "b/", "/index.html", "//index.html", "feed.xml#x", "javascript:x", BASE + "gone.html"]
)
def test_a_link_that_leads_nowhere_is_named(link: str) -> None:
    with pytest.raises(SiteError) as refused:
        check(f'<a href="{link}">')
    assert str(refused.value) == f"index.html links to {link}, which is not there."


@pytest.mark.parametrize("link", [BASE, BASE + "b/c.html#x", "./b/../b/c.html", "b/c%2ehtml"])
def test_a_complete_address_within_the_site_is_one_of_its_links(link: str) -> None:
    check(f'<a href="{link}">')


def test_many_broken_links_are_counted() -> None:
    with pytest.raises(SiteError, match=r"links to a, which is not there, and 1 more links are broken\."):
        check('<a href="a"><a href="b.html">')
