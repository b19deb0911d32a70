"""Does a reader see the letters that were written, whatever the program that sent them said of them?"""

from __future__ import annotations

import base64
import unicodedata

import pytest

from channels.email.reading import charsets, headers
from tests.channels.email.reading_mails import a_mail, parts, understood
from tests.spending import quickly

JAPANESE = "プリンターが動きません。至急お願いします。"
NEC_ROW = b"\x1b$B-!-j\x1b(B"  # characters that only vendors had
TEXTS = {
    "gb18030": "打印机无法连接网络，请尽快派人来维修。谢谢！",
    "big5": "印表機無法連線，請盡快派人來維修，謝謝。",
    "shift_jis": JAPANESE,
    "euc-jp": JAPANESE,
    "euc-kr": "프린터가 작동하지 않습니다. 빠른 처리 부탁드립니다.",
    "windows-1251": "Принтер не печатает, пожалуйста, пришлите кого-нибудь.",
    "koi8-r": "Принтер не печатает, пожалуйста, пришлите кого-нибудь.",
    "iso-8859-5": "Принтер не печатает, пожалуйста, пришлите кого-нибудь.",
    "cp866": "Принтер не печатает, пожалуйста, пришлите кого-нибудь.",
    "windows-1253": "Ο εκτυπωτής δεν λειτουργεί, παρακαλώ στείλτε κάποιον.",
    "windows-1255": "המדפסת לא עובדת, נא לשלוח מישהו.",
    "windows-1250": "Tiskárna nefunguje, prosím přijeďte co nejdříve. Děkuji.",
    "windows-1254": "Yazıcı çalışmıyor, lütfen birini gönderin. Teşekkürler.",
    "windows-1252": "L’imprimante ne marche plus – à l’aide s’il vous plaît.",
    "utf-8": "Der Drucker läßt sich nicht öffnen.",
}


@pytest.mark.parametrize(
    "label", ["", "us-ascii", "utf-8", "iso-2022-jp", "iso-2022-jp-ms", "cp50220", "x-nobody"]
)
def test_japanese_is_recognised_by_its_escapes_under_every_label(label):
    content = JAPANESE.encode("iso-2022-jp") + NEC_ROW

    inbound = understood(a_mail(content, f"Content-Type: text/plain; charset={label}"))

    assert inbound.text == JAPANESE + "①㈱"


@pytest.mark.parametrize("label", ["iso-2022-jp", "iso-2022-jp-ms", "CP50221", "csISO2022JP"])
def test_a_character_that_only_a_vendor_had_costs_nothing_in_a_subject(label):
    content = base64.b64encode(b"\x1b$B@_Dj\x1b(B" + NEC_ROW).decode()

    assert headers.decoded(f"=?{label}?B?{content}?=") == "設定①㈱"


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("iso2022_kr", "프린터가 안 됩니다\n두 번째 줄"),
        ("hz", "打印机 abc 坏了\n第二行"),
        ("iso2022_jp_2004", "日本語のテスト"),
    ],
)
def test_korean_and_chinese_in_seven_bits_are_recognised_too(codec, text):
    assert understood(a_mail(text.encode(codec))).text == text


def test_raw_escapes_in_the_header_are_text_and_never_structure():
    def jis(text):
        return text.encode("iso-2022-jp")

    kind, content = parts(
        "Content-Type: text/plain\n\nx",
        'Content-Type: x/y\nContent-Disposition: attachment; filename="@"\n\nx',
    )
    raw = a_mail(content, kind).replace(b'"@"', b'"' + jis("見積書”ア”.pdf") + b'"')
    raw = raw.replace(b"Subject: Printer", b"Subject: " + jis(JAPANESE)).replace(
        b"Alice", jis("田中＜太郎＞、情報")
    )

    inbound = understood(raw)

    assert inbound.subject == JAPANESE
    assert inbound.author is not None
    assert (inbound.author.name, inbound.author.address) == ("田中＜太郎＞、情報", "alice@cust-a.test")
    assert inbound.author_defects == ()
    assert inbound.attachments[0].name == "見積書”ア”.pdf"


def test_colours_of_a_terminal_and_braces_are_no_charset():
    text = "\x1b[31mred\x1b[0m and ~{not Chinese~}"

    assert understood(a_mail(text)).text == text


@pytest.mark.parametrize("label", list(TEXTS))
@pytest.mark.parametrize("declared", [True, False])
def test_one_bad_byte_costs_one_character_and_not_the_charset_of_the_whole(label, declared):
    text = TEXTS[label]
    content = text.encode(label) + b" \xff "

    read = charsets.text(content, label if declared else "")

    assert read.startswith(text)
    assert len(read) <= len(text) + 4


def test_a_western_byte_among_utf8_is_read_as_what_its_program_meant():
    assert (
        charsets.text("Größe, ".encode() + b"gr\xfc\xdfe \x93quoted\x94", "utf-8") == "Größe, grüße “quoted”"
    )
    assert charsets.text(b"Gr\xfc\xdfe", "utf-8") == "Grüße"


@pytest.mark.parametrize(
    ("label", "page", "text"),
    [
        ("iso-8859-1", "cp1252", "“Größe” – 5 € … ‘x’ ™"),
        ("iso-8859-15", "cp1252", "“œuvre” – Š"),
        ("iso-8859-2", "cp1250", "Žádost: tiskárna „nefunguje“ – prosím opravte"),
        ("iso-8859-2", "cp1250", "Proszę o pomoc – „drukarka” nie działa, źródło"),
        ("iso-8859-5", "cp1251", "«Принтер» не печатает — помогите… № 5"),
        ("iso-8859-7", "cp1253", "Ο “εκτυπωτής” δεν λειτουργεί – Άμεση"),
        ("iso-8859-9", "cp1254", "“Yazıcı” çalışmıyor – lütfen…"),
        ("iso-8859-13", "cp1257", "Spausdintuvas „neveikia“ – ačiū"),
    ],
)
def test_bytes_that_iso_leaves_to_controls_mean_the_windows_page_of_the_same_letters(label, page, text):
    for mail in (
        a_mail(text.encode(page), f"Content-Type: text/plain; charset={label}"),
        a_mail(f"<p>{text}".encode(page), f"Content-Type: text/html; charset={label}"),
    ):
        assert understood(mail).text.strip() == text


def test_windows_quotation_marks_in_a_real_iso_text_leave_its_letters_alone():
    text = "Proszę o „pomoc” – drukarka nie działa, źródło, święto, ściąga"
    content = b"".join(c.encode("cp1250" if c in "„”–" else "iso-8859-2") for c in text)

    assert charsets.text(content, "iso-8859-2") == text


def test_controls_in_utf8_are_shown_as_the_signs_they_were():
    text = charsets.text("\x93x\x94 \x85".encode(), "utf-8")

    assert text == "“x” …"
    assert not any(unicodedata.category(c) == "Cc" for c in text)


@pytest.mark.parametrize(
    ("declared", "meta", "really", "text"),
    [
        ("iso-8859-2", "windows-1250", "cp1250", "Žádost „nefunguje“ Šťáva"),
        ("iso-8859-1", "utf-8", "utf-8", "Grüße für Köln"),
        ("utf-8", "iso-8859-1", "utf-8", "Grüße für Köln"),
        ("utf-8", "iso-8859-1", "cp1252", "Grüße für Köln"),
        ("koi8-r", "windows-1251", "koi8-r", "Принтер не печатает"),
        ("koi8-r", "windows-1251", "cp1251", "Принтер не печатает"),
        ("windows-1252", "iso-8859-2", "iso-8859-2", "drukarka nie działa, ściąga"),
        ("windows-1252", "iso-8859-2", "cp1252", "Grüße aus Köln"),
        ("gb2312", "big5", "big5", "印表機無法連線"),
    ],
)
def test_where_part_and_page_name_different_charsets_the_bytes_decide(declared, meta, really, text):
    page = f'<html><head><meta charset="{meta}"></head><body>{text}</body></html>'.encode(really)

    assert understood(a_mail(page, f"Content-Type: text/html; charset={declared}")).text.strip() == text


def test_utf8_under_a_latin_or_chinese_label_is_utf8():
    assert charsets.text("Grüße für Köln".encode(), "iso-8859-1") == "Grüße für Köln"
    assert charsets.text(TEXTS["gb18030"].encode(), "gb2312") == TEXTS["gb18030"]


@pytest.mark.parametrize("codec", [name for name in TEXTS if name != "windows-1252"])
def test_a_text_that_says_nothing_of_its_charset_is_guessed_by_its_letters(codec):
    assert understood(a_mail(TEXTS[codec].encode(codec), "Content-Type: text/plain")).text == TEXTS[codec]


@pytest.mark.parametrize(
    ("codec", "name", "subject", "text"),
    [
        ("gb18030", "张伟", "发票问题", TEXTS["gb18030"]),
        ("big5", "陳大文", "發票", TEXTS["big5"]),
        ("shift_jis", "佐藤", "見積書の件", JAPANESE),
        ("euc-kr", "김철수", "견적 요청", TEXTS["euc-kr"]),
        ("cp1251", "Иван", "Счёт", TEXTS["koi8-r"]),
    ],
)
def test_raw_names_and_subjects_are_guessed_together_with_the_text(codec, name, subject, text):
    raw = a_mail(text.encode(codec), "Content-Type: text/plain").replace(b"Alice", name.encode(codec))

    inbound = understood(raw.replace(b"Subject: Printer", b"Subject: " + subject.encode(codec)))

    assert (inbound.author.name, inbound.subject, inbound.text) == (name, subject, text)


@pytest.mark.parametrize("label", ["iso-8859-1", ""])
@pytest.mark.parametrize(
    "text",
    ["Page ·········· 5", "¯¯¯¯¯¯¯¯ Hello", "«««««« Hello »»»»»»", "×××××××", "Ööööööh nein", "ÄÖÜäöüß"],
)
def test_rows_of_signs_and_drawn_out_letters_are_western(label, text):
    if label or text != "ÄÖÜäöüß":  # an alphabet alone may be anybody's
        assert charsets.text(text.encode("cp1252"), label) == text


def test_a_latin_label_is_not_believed_where_every_word_is_beyond_it():
    for codec in ("gb18030", "euc-jp", "euc-kr", "windows-1251"):
        assert charsets.text(TEXTS[codec].encode(codec), "iso-8859-1") == TEXTS[codec]


@pytest.mark.parametrize(("codec", "subject"), [("shift_jis", "プリンター故障"), ("big5", "印表機壞了")])
def test_raw_subjects_under_such_a_label_are_read_as_the_text_is(codec, subject):
    label = "Content-Type: text/plain; charset=iso-8859-1"
    text = TEXTS[codec].encode(codec)
    raw = a_mail(text, label, subject="~").replace(b"Subject: ~", b"Subject: " + subject.encode(codec))

    assert (understood(raw).subject, understood(raw).text) == (subject, TEXTS[codec])


def test_what_fits_no_charset_is_said_and_not_shown_as_noise():
    inbound = understood(
        a_mail(b"before \xff\x81\xfe\xa0\xff\xfd\x8d\x81\xff after", "Content-Type: text/plain")
    )

    assert inbound.text == "before � after"
    assert charsets.UNREADABLE_NOTE in inbound.notes


@pytest.mark.parametrize("label", ["gb18030", "shift_jis", "iso-2022-jp", "utf-8", "iso-8859-2", ""])
def test_large_nonsense_is_read_in_bounded_time(label):
    nonsense = bytes(range(256)) * 20_000 + b"\x1b$B" * 100_000 + b"~{" * 100_000

    with quickly(1.0):
        charsets.text(nonsense, label)
