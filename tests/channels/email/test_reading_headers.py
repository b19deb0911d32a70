"""Are header fields read as their writers meant them, and never believed more than they deserve?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.reading import addresses, charsets, headers, parameters
from tests.spending import quickly


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("=?iso-8859-1?q?Gr=FC=DFe?=", "Grüße"),
        ("=?utf-8?b?R3LDvMOfZQ==?=", "Grüße"),
        ("=?utf-8?b?R3LDvMOfZQ?=", "Grüße"),  # padding left out
        ("Re: =?utf-8?q?a?= =?utf-8?q?b?= c", "Re: ab c"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),  # split inside a character
        ("=?utf-8?q?a_b=5F?=", "a b_"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),  # with a language
        ("=?x-nobody-knows?q?abc?=", "abc"),
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ("=?utf-8?q?unclosed", "=?utf-8?q?unclosed"),
        ("=?iso-2022-jp?b?GyRCRnxLXDhsGyhC?=", "日本語"),
        ("=?ks_c_5601-1987?b?x9GxuQ==?=", "한국"),
        ("=?gb2312?b?1tDOxA==?=", "中文"),
        ("a =?utf-8?q?b=0D=0ABcc:_x?= c", "a b Bcc: x c"),  # line ends never become lines
        ("x=?utf-8?q?y?=z", "xyz"),
    ],
)
def test_encoded_words_are_decoded(written, meant):
    assert headers.decoded(written) == meant


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Alice \u202emoc.a-tsuc@ecila", "Alice ⇤moc.a-tsuc@ecila"),
        ("Invoice \u2067x\u2069 y", "Invoice ⇤x⇆ y"),
        ("Pass\u200bword", "Pass·word"),
        ("نامه\u200cها", "نامه\u200cها"),
        ("\u200fשלום", "\u200fשלום"),
        ("👨\u200d👩", "👨\u200d👩"),
    ],
)
def test_what_turns_or_hides_letters_is_seen_and_what_joins_them_stays(written, seen):
    assert headers.decoded(written.encode().decode("latin-1")) == seen


def test_raw_bytes_in_a_header_are_utf8_else_what_the_body_is_else_western():
    assert headers.decoded("Größe".encode().decode("latin-1")) == "Größe"
    assert headers.decoded("Привет".encode("koi8-r").decode("latin-1"), "koi8-r") == "Привет"
    assert headers.decoded("Gr\xf6\xdfe") == "Größe"


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_header_decodes_to_one_printable_line(value):
    text = headers.decoded(value)

    assert not set(text) & set("\n\r\0")


@pytest.mark.parametrize(
    ("field", "address", "name"),
    [
        ("alice@cust-a.test", "alice@cust-a.test", ""),
        ("<alice@cust-a.test>", "alice@cust-a.test", ""),
        ("Alice Example <alice@cust-a.test>", "alice@cust-a.test", "Alice Example"),
        ('"Example, Alice" <alice@Cust-A.test>', "alice@cust-a.test", "Example, Alice"),
        ("=?utf-8?q?J=C3=BCrgen?= <j@x.test>", "j@x.test", "Jürgen"),
        ('"=?utf-8?q?J=C3=BCrgen?=" <j@x.test>', "j@x.test", "Jürgen"),
        ("=?iso-8859-1?Q?B=FCrli,=20J=FCrgen?= <j@x.test>", "j@x.test", "Bürli, Jürgen"),
        ("alice@cust-a.test (Alice)", "alice@cust-a.test", "Alice"),
        ("Alice (at (home)) <alice@cust-a.test>", "alice@cust-a.test", "Alice"),
        ("<@relay.test,@other.test:alice@cust-a.test>", "alice@cust-a.test", ""),
        ('"alice"@cust-a.test', "alice@cust-a.test", ""),
        ("alice @ cust-a.test", "alice@cust-a.test", ""),
        ("<mailto:alice@cust-a.test>", "alice@cust-a.test", ""),
        ("Alice <SMTP:alice@cust-a.test>", "alice@cust-a.test", "Alice"),
        ("Alice(the \\) one) <alice(hers)@cust-a.test(ours)>", "alice@cust-a.test", "Alice"),
        ("Alice <alice@cust-a(comment).  test>", "alice@cust-a.test", "Alice"),
    ],
)
def test_an_ordinary_author_is_read_without_a_doubt(field, address, name):
    author = addresses.author([field])

    assert author.address is not None
    assert (author.address.address, author.address.name) == (address, name)
    assert author.defects == ()


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [""],
        ["<>"],
        ["<"],
        ["a@["],
        ["alice@cust-a.test, eve@evil.test"],
        ["alice@cust-a.test", "eve@evil.test"],
        ["<alice@cust-a.test>@evil.test"],
        ["<alice@cust-a.test> eve@evil.test"],
        ["<alice@cust-a.test> <eve@evil.test>"],
        ['"alice@cust-a.test\0"@evil.test'],
        ["staff: alice@cust-a.test;"],
        ['"alice@cust-a.test'],
        ["alice@cust-a.test@evil.test"],
        ["alice@cust-a.test eve@evil.test"],
        ['<"alice@cust-a.test "@evil.test>'],
    ],
)
def test_an_author_in_doubt_is_nobody(fields):
    author = addresses.author(fields)

    assert author.address is None
    assert author.defects != ()


@pytest.mark.parametrize(
    ("field", "really"),
    [
        ("alice@cust-a.test <eve@evil.test>", "eve@evil.test"),
        ('"alice@cust-a.test" <eve@evil.test>', "eve@evil.test"),
        ("=?utf-8?q?alice=40cust-a.test?= <eve@evil.test>", "eve@evil.test"),
        ("eve@evil.test(<alice@cust-a.test>)", "eve@evil.test"),
        ('"alice@cust-a.test" eve@evil.test', "eve@evil.test"),
        ("Doe, John <eve@evil.test>", "eve@evil.test"),
        ("John <<eve@evil.test>>", "eve@evil.test"),
        ("\u0430lice@cust-a.test".encode().decode("latin-1"), "\u0430lice@cust-a.test"),
    ],
)
def test_a_name_or_letters_that_pretend_cost_the_author_all_trust(field, really):
    author = addresses.author([field])

    assert author.address is not None
    assert author.address.address == really
    assert author.defects != ()


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a@b.test, c@d.test", "a@b.test"),
        ("a@b.test; c@d.test", "a@b.test"),
        ("<a@b.test> A B", "a@b.test"),
        ('"A B <a@b.test>', "a@b.test"),
        ("Moderator <moderator>", "moderator"),
        ("nobody at all", ""),
    ],
)
def test_for_showing_the_first_address_is_found_however_it_is_written(text, first):
    assert addresses.first_written(text) == first


def test_an_encoded_word_never_becomes_an_address():
    listed = addresses.parse("=?utf-8?q?eve=40evil.test=2C?= <alice@cust-a.test>")

    assert [a.address for a in listed.addresses] == ["alice@cust-a.test"]


def test_groups_and_empty_places_in_to_are_read():
    listed = addresses.parse("undisclosed-recipients:;, Team: a@x.test, B <b@x.test>;, , c@x.test")

    assert [a.address for a in listed.addresses] == ["a@x.test", "b@x.test", "c@x.test"]


@given(st.text(alphabet=st.sampled_from('ab@.<>",:;()\\ \t=?é\0'), max_size=80))
def test_no_field_breaks_the_address_scanner(value):
    addresses.author([value])
    addresses.parse(value)


@pytest.mark.parametrize(
    "opening", ['"', "(", "<", "a,", " a=x;", '"x" a;', "a:", "=?utf-8?q?", "\\", "((", '"\\']
)
def test_a_long_hostile_field_is_read_in_a_moment(opening):
    with quickly(0.5):
        addresses.parse(opening * (64_000 // len(opening)))
        headers.decoded(opening * (64_000 // len(opening)))


def test_message_ids_are_found_however_they_are_written():
    assert headers.ids("<a@b>\t<c@d> (my mail) <e@f\n g>") == ["a@b", "c@d", "e@fg"]
    assert headers.ids("a@b") == ["a@b"]
    assert headers.ids("Your message of Monday") == []
    assert headers.message_id("<>") == ""


def test_dates_of_all_times_are_read_as_utc():
    assert headers.date("Mon, 23 Nov 2026 06:00:00 +0100").isoformat() == "2026-11-23T05:00:00+00:00"
    assert headers.date("23 Nov 26 06:00 GMT").isoformat() == "2026-11-23T06:00:00+00:00"
    assert headers.date("Mon, 23 Nov 2026 06:00:00 -0800 (PST)").hour == 14
    for nonsense in ("", "soon", "Mon, 99 Nov 2026 06:00:00 +0100", "1 Jan 0000 00:00:00 +9999"):
        assert headers.date(nonsense) is None


def test_parameters_are_joined_and_decoded():
    word, named = parameters.parse(
        "attachment; filename*0*=utf-8''%e2%82; filename*1*=%ac%20rates; filename*2=.pdf; size=\"12\""
    )

    assert word == "attachment"
    assert named == {"size": "12", "filename": "€ rates.pdf"}


@pytest.mark.parametrize("unit", [";", "; ", ";a", ";a=", ';a="', ";a*0*=", ' "', "=", ";a=\\", "a ", ";a='"])
def test_parameters_made_to_be_slow_are_read_in_a_moment(unit):
    with quickly(0.5):
        parameters.parse("text/plain" + unit * (64_000 // len(unit)))


def test_parameters_without_end_are_cut():
    with quickly(0.5):
        _, named = parameters.parse("text/plain" + '; a="' * 20_000)
        _, many = parameters.parse("text/plain" + "".join(f"; p{i}=x" for i in range(20_000)))

    assert len(named) <= 100
    assert len(many) == 100


@pytest.mark.parametrize(
    "codec",
    [
        "unicode_escape",
        "raw_unicode_escape",
        "rot13",
        "idna",
        "punycode",
        "zlib",
        "undefined",
        "mbcs",
        "base64",
    ],
)
def test_a_codec_that_is_no_charset_is_not_used(codec):
    assert charsets.canonical(codec) == ""
    assert charsets.text(b"\\u003cscript\\u003e", codec) == "\\u003cscript\\u003e"


def test_a_text_is_what_it_says_else_what_it_is():
    assert charsets.text("Größe".encode("cp1252"), "iso-8859-1") == "Größe"
    assert charsets.text("Größe – ok".encode("cp1252"), "iso-8859-1") == "Größe – ok"
    assert charsets.text("Größe".encode(), "us-ascii") == "Größe"
    assert charsets.text("日本".encode("iso-2022-jp"), "ISO-2022-JP") == "日本"
    assert charsets.text(b"caf\xe9", "") == "café"
    assert charsets.text("中文".encode("gb18030"), "gb2312") == "中文"
    assert charsets.text(b"a\0b", "utf-8") == "ab"


def test_html_says_its_charset_itself_where_the_mail_does_not():
    page = '<html><head><meta http-equiv="Content-Type" content="text/html; charset=koi8-r"></head>Привет'

    assert "Привет" in charsets.html(page.encode("koi8-r"))
    assert "Привет" in charsets.html(page.replace("koi8-r", "utf-16").encode("utf-8"))
    assert charsets.html(b"\xef\xbb\xbf<p>\xc3\xa9", "cp1252") == "<p>é"


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "utf-8", "utf-7", "hz", "utf-16", "iso-2022-jp", "big5", "x"]),
)
def test_any_bytes_become_text(content, charset):
    assert "\0" not in charsets.text(content, charset)
    charsets.html(content, charset)
    charsets.header_text(content, charset)
