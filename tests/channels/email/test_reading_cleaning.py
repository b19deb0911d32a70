"""Does a stranger's HTML stay harmless where it is shown, and readable?"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.cleaning import PLACEHOLDER, balanced, clean_html
from channels.email.reading import html_text
from tests.channels.email.reading_mails import understood
from tests.spending import quickly

IMAGES = {"logo@x": "data:image/png;base64,AA"}


def clean(html: str, **named: object) -> str:
    return clean_html(html, cid_url=IMAGES.get, **named)


class _Elements(HTMLParser):
    """What a browser would make of it, as far as it matters here: every element with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


HARMLESS = set(
    "a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del div dl dt em figcaption "
    "figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong sub sup table "
    "tbody td tfoot th thead tr tt u ul var wbr".split()
)
PLAIN = set(
    "href src alt title style dir lang align valign width height border cellpadding cellspacing bgcolor colspan rowspan "
    "nowrap color size face type start span rel target".split()
)


def assert_harmless(result: str) -> None:
    elements = _Elements()
    elements.feed(result)
    elements.close()
    for tag, attributes in elements.found:
        assert tag in HARMLESS, result
        assert set(attributes) <= PLAIN, result
        assert (attributes.get("src") or "data:image/").startswith("data:image/"), result
        assert not (attributes.get("src") or "").startswith("data:image/svg"), result
        assert re.match(r"(?:https?|mailto|tel):", attributes.get("href") or "tel:"), result
        style = attributes.get("style") or ""
        assert not re.search(r"position|z-index|url|@|expression|\\|behavior|inset", style), result


HOSTILE = [
    "<p>hi<script>x</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><circle></svg>",
    "<svg><a><animate attributeName=href values=javascript:x /><text>click</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=x&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=x>",
    '<a href="javascript:x">a</a><a href=" &#1;java&#9;script:x">b</a><a href="data:text/html,x">c</a>',
    "<iframe srcdoc='<script>x</script>'></iframe><object data=x></object><embed src=x>",
    '<form action="http://evil.test"><input name=a><button formaction=x>ok</button></form>',
    '<div style="position:fixed;inset:0;z-index:9;background:url(http://evil.test/x)">x</div>',
    '<div style="background:#fff;width:expression(alert(1))">x</div>',
    '<p style="color:re\\64;background-image:u\\72l(x)">x</p>',
    "<form id=csrf></form><a id=config name=x class=y>z</a>",
    "<!--><script>x</script>-->",
    "<![CDATA[<script>x</script>]]>",
    '<base href="//evil.test"><meta http-equiv=refresh content="0;url=http://evil.test"><link rel=stylesheet href=x>',
    '<table background="http://evil.test/x"><tr><td background=x>y</table>',
    "<img src='http://evil.test/t.gif'><img srcset='http://evil.test/2x'><img src='//evil.test/x'><img src=/desk/x>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<select><template><img src=x onerror=alert(1)></template></select>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    "<title><a href='</title><img src=x onerror=alert(1)>'>",
    "<video poster=http://evil.test/x><source src=http://evil.test/y></video>",
    "<p title='><script>x</script>'>a</p>",
    "<a href='http://x.test' style='display:block;position:absolute'>x</a>",
]


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_that_runs_fetches_or_leaves_its_place_comes_out(html):
    assert_harmless(clean(html))


PIECES = [*HOSTILE, "<", ">", '"', "'", "<b>", "</p>", "<td>", "<!--", "-->", "&lt;script&gt;", "<p title='"]


@given(st.lists(st.sampled_from(PIECES), max_size=6))
def test_no_arrangement_of_hostile_pieces_comes_through(pieces):
    once = clean("".join(pieces))

    assert_harmless(once)
    assert_harmless(clean(once))


def test_ordinary_mail_keeps_its_look():
    html = (
        '<p style="color: #336699; margin: 0 4px">Dear <b>Ann</b>,</p><ul><li>one</li></ul>'
        '<table border="1" bgcolor="#ffffff"><tbody><tr><td colspan="2">x</td></tr></tbody></table>'
    )

    assert clean(html) == (
        '<p style="color:#336699;margin:0 4px">Dear <b>Ann</b>,</p><ul><li>one</li></ul>'
        '<table border="1" bgcolor="#ffffff"><tbody><tr><td colspan="2">x</td></tr></tbody></table>'
    )


def test_links_open_outside_and_tell_nobody_where_they_were_followed():
    result = clean(
        '<a href="https://a.test/x?y=1&amp;z=2">shop</a> <a href="mailto:a@b.test">mail</a> <a href="tel:+39045">call</a>'
    )

    assert result.count('target="_blank"') == 3
    assert result.count("noopener noreferrer nofollow") == 3
    assert 'href="https://a.test/x?y=1&amp;z=2"' in result


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ('<a href="http://evil.test/login">https://hub.test/login</a>', "[evil.test]"),
        ('<a href="http://hub.test.evil.test/">www.hub.test</a>', "[hub.test.evil.test]"),
        ('<a href="http://hub.test@evil.test/">hub.test</a>', "[evil.test]"),
    ],
)
def test_a_link_that_names_another_host_shows_the_real_one(link, host):
    assert host in clean(link)


@pytest.mark.parametrize(
    "link",
    [
        '<a href="https://www.hub.test/a">hub.test</a>',
        '<a href="https://mail.hub.test/a">hub.test</a>',
        '<a href="https://x.test/">click</a>',
    ],
)
def test_an_honest_link_is_left_alone(link):
    assert "[" not in clean(link)


def test_inline_images_are_shown_and_others_leave_a_place():
    result = clean(
        '<img src="cid:logo%40x" width="10" alt="Logo"><img src="cid:none@x"><img src="https://t.test/x.gif">'
    )

    assert 'src="data:image/png;base64,AA"' in result
    assert result.count(PLACEHOLDER) == 2
    assert 'alt="Logo"' in result


def test_remote_images_come_back_only_when_the_reader_asks():
    html = '<img src="https://t.test/x.gif"><img src="javascript:x"><img src="/local">'

    assert "t.test" not in clean(html)
    asked = clean(html, remote_images=True)
    assert "https://t.test/x.gif" in asked
    assert "javascript" not in asked
    assert "/local" not in asked


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "".join(f"<b a={i}>" for i in range(3_000)) + "<p>x" * 50_000,
        "".join(f"<b a={i}><table><td></b></table>" for i in range(20_000)) + "<p>x" * 10_000,
        "<script>" * 130_000,
        "<a href='" * 120_000,
        "<!--" * 250_000,
        "<" * 1_000_000,
        '<p style="' + "color:red;" * 100_000 + '">x',
        "<table><tr><td>" * 60_000,
    ],
    ids=["deep", "formatting", "tables", "scripts", "quotes", "comments", "signs", "styles", "nested tables"],
)
def test_markup_made_to_be_slow_is_cleaned_in_a_moment(html):
    with quickly(1.5):
        clean(html)
    with quickly(1.5):
        html_text.convert(html)


def test_no_text_is_lost_by_balancing():
    assert balanced("<p>a<div>b</p>c") == "<p>a<div>b</div></p>c"
    assert balanced("a < b and <unknown>c</unknown>") == "a &lt; b and c"
    deep = "<div>" * 1_000 + "text" + "</div>" * 1_000 + "after"
    assert balanced(deep).count("<div>") == 256
    assert html_text.convert(clean(deep)).text.split() == ["text", "after"]


@pytest.mark.samples
def test_no_attack_survives_cleaning(samples):
    paths = sorted((samples / "attacks").glob("xss*.eml")) + sorted((samples / "attacks").glob("dos1*.eml"))
    for path in paths:
        result = clean(understood(path.read_bytes()).html)

        assert_harmless(result)
    assert len(paths) > 20
