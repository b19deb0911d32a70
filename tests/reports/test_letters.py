"""In which letters did somebody write? Charsets that nobody declared, or that were named wrongly: the kinds people reported."""

from __future__ import annotations

import pytest

from tests.reports.asking import a_mail


@pytest.mark.parametrize(
    ("kind", "charset", "text"),
    [
        ("text/plain", "iso-2022-jp", "プリンターが動きません。"),
        ("text/plain; charset=us-ascii", "iso-2022-jp", "お世話になっております。"),
        ("text/plain; charset=x-unknown", "iso-2022-kr", "프린터가 작동하지 않습니다."),
        ("text/plain; charset=iso-2022-jp-ms", "iso-2022-jp-2", "手順が失敗します。"),
        ("text/plain", "shift_jis", "プリンターが動きません。至急確認をお願いします。"),
        ("text/plain", "euc_jp", "プリンターが動きません。至急確認をお願いします。"),
        ("text/plain", "gb18030", "打印机不能工作，请尽快派人来检查一下，谢谢。"),
        ("text/plain", "big5", "印表機不能運作，請儘快派人來檢查一下，謝謝。"),
        ("text/plain", "euc_kr", "프린터가 작동하지 않습니다. 확인 부탁드립니다."),
        ("text/plain", "koi8-r", "Принтер не работает, пришлите пожалуйста мастера."),
        ("text/plain", "cp1251", "Принтер не работает, пришлите пожалуйста мастера."),
    ],
)
def test_letters_that_nobody_declared_are_recognised(read, kind, charset, text):
    assert read(a_mail(text.encode(charset), kind=kind))["text"].strip() == text


@pytest.mark.parametrize(
    ("declared", "meant", "text"),
    [
        ("iso-8859-1", "cp1252", "L’imprimante – “ne marche pas” – coûte 40 €"),
        ("us-ascii", "cp1252", "The “red” lamp – it’s on"),
        ("iso-8859-2", "cp1250", "Žádost: tiskárna „nefunguje“ – prosím"),
        ("iso-8859-9", "cp1254", "Yazıcı “çalışmıyor” – lütfen"),
        ("iso-8859-7", "cp1253", "Ο εκτυπωτής “δεν” λειτουργεί – παρακαλώ"),
        ("iso-8859-13", "cp1257", "Spausdintuvas „neveikia“ – prašom"),
    ],
)
def test_a_latin_label_means_the_code_page_of_its_family(read, declared, meant, text):
    page = f"<p>{text}</p>".encode(meant)

    said = read(a_mail(page, kind=f'text/html; charset="{declared}"'))

    assert said["text"].strip() == text
    assert not any("\x80" <= c <= "\x9f" for c in said["text"])


@pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp", "shift_jis"])
def test_one_bad_byte_costs_one_character(read, charset):
    raw = "プリンターが".encode(charset) + b"\xff" + "動きません。".encode(charset)

    said = read(a_mail(raw, kind=f"text/plain; charset={charset}"))

    assert "プリンターが" in said["text"]
    assert "動きません。" in said["text"]


def test_what_fits_no_charset_is_said_to_be_so_and_no_noise_is_shown(read):
    said = read(a_mail(bytes(range(0x80, 0x100)) * 3, kind="text/plain"))

    assert "characters that fit no known charset" in said["notes"]
