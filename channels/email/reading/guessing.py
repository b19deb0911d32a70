"""In which charset was this text written, when nobody says? By the letters and words people use most; never by hope.

A wrong guess shows noise, so each is tried: the bytes are read in every charset that mail of the world is written
in, and what comes out is held against the commonest characters of that script. Where none of them fits, the answer
is that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

SAMPLE_BYTES = 4 * 1024
"""Of the stretches beyond ASCII that are looked at."""
PLAUSIBLE = 0.7
PLAUSIBLE_LATIN = 0.5
"""What is beyond ASCII is a tenth of such a text: more of it may be unusual."""

_HAN = (
    "的一是不了在人有我他中大上和到以出也你能而子那下自之年用道行所然家事成方多去法如都同天分好小部其些主她本前因只"
    "日者力把第公此已工使情明性知全三又正外高最重并手文美相利二等己制加西月合回特代信表化老位次度海通教立及比名真入"
    "物由地得就可要议議记記录錄纪紀生作里後面心無工作很再接期管直指命金格保至便空治展科司五非光放像且思王色路北死交取期件不何系目太"
    "早午晚昨今明星期附件到收回安裝安装盒打印文字檔公司服商品客中心先生小姐附加查看急需送交返修保固台"
)
_SIMPLIFIED = (
    "这们来为国说时会对于着过发里样种经么学当现动没开还进实军与长机问关点业将两间应战头体产话内给门儿东声场计"
    "电数报结员气题边该条论请您谢联络网统务单号码帮连线错误软硬维护试验证输运启关闭设备备测试户账邮际级认识题决处"
    "无让师资证据传术队许规观节热击领选权达确济满响构较华专标离办论须双难虑复显类样图变价优简东车马鱼鸟龙贵买卖费货"
)
_TRADITIONAL = (
    "這們來為國說時會對於著過發裡樣種經麼學當現動沒開還進實軍與長機問關點業將兩間應戰頭體產話內給門兒東聲場計"
    "電數報結員氣題邊該條論請您謝聯絡網統務單號碼幫連線錯誤軟硬維護試驗證輸運啟關閉設備備測試戶帳郵際級認識題決處"
    "無讓師資證據傳術隊許規觀節熱擊領選權達確濟滿響構較華專標離辦論須雙難慮復顯類樣圖變價優簡東車馬魚鳥龍貴買賣費貨"
)
_JAPANESE = (
    "のにはをたがでてとしれさるいなかもこすくまりだつらけそうどえちきっんおせあわめやみよろほじばねぐげべずぞばび"
    "ーンスルトリイラアクドレシジタフロカテプッマバサデメコパナキミィャュェョグニチウオムダビブ日本語人年大一国会中"
    "出来時行者分見業前月気手生社電話様願致印刷機動作件問合確認連絡送信受対応使用設定画面無線不具合修理担当本体"
    "お世話になっております。、「」・"
)
_KOREAN = (
    "이다는의가에하고을사지자기를한도대으로니은어아리시습정인해나요서있것들수그부보일만게라소전주장안되스비구면오"
    "원조우무공상적제여동성유와과진경신화마내모생연발방산선세입용위물문미년회계네청감합까저트드르린터프메컴퓨번호"
    "안녕하십니까세요입니다습니다감사문의고객담당프린터작동오류확인부탁드립메일첨부파일"
)
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъіїєґўјљњћђџ"
_GREEK = "αοιετσνηυρπκμλςωάίόέήώύγδθφχβξζψ"
_HEBREW = "ויהלאמרתבשנכחקדעפםטסגצזןךףץ"
_ARABIC = "اليمنرتبةعدسفهكقحجأشصطخىضذثزءغظإؤئآپچژگک"
_THAI = "านรอกเงวมยลตทสดปีบคใแัไ่้ิืุูะำพหขจช็ผซถศธณโ์ฟฐญฎภ"
_LATIN = (
    "äöüß àâæçéèêëîïôœùûüÿ áéíñóúü áâãàçéêíóôõúü àèéìíòóùú åäöé æøåéö áðéíóúýþæö éëïóöüè äõöüšž àçèéíïòóúü "
    "áčďéěíňóřšťúůýž áäčďéíĺľňóôŕšťúýž ąćęłńóśźż áéíóöőúüű ăâîşţ čćđšž ëç çğıöşüâîi̇ ąčęėįšųūž āčēģīķļņšūž"
).split()
"""The letters beyond ASCII of one language each."""
_SIGNS = frozenset("€«»„“”‚‘’–—…°§£·•©®™¿¡ºª´µ²³½×÷±¯¬¶\u00a0")


@dataclass(frozen=True)
class _Script:
    codec: str
    weights: Mapping[str, float]
    """How usual a character is, from 1 (in every text) to 0 (not of this script)."""
    alphabet: bool
    """Letters, which stand in words of their own, beside no ASCII letter; else characters of East Asia."""


_MARKS = "，。、！？：；「」『』（）《》“”‘’…—·　０１２３４５６７８９"
_QUOTES = "«»„“”‘’…–—№\u00a0"


@lru_cache(maxsize=1)
def _scripts() -> tuple[_Script, ...]:
    kana = "".join(map(chr, range(0x3041, 0x30FF)))
    return (
        *(
            _Script(codec, _weighed(_JAPANESE, _table("euc_jp", 0xB0, 0xCF) + kana), alphabet=False)
            for codec in ("euc_jp", "cp932")
        ),
        _Script("cp949", _weighed(_KOREAN, _table("euc_kr", 0xB0, 0xC8)), alphabet=False),
        _Script("gb18030", _weighed(_HAN + _SIMPLIFIED, _table("gb2312", 0xB0, 0xD7)), alphabet=False),
        _Script("cp950", _weighed(_HAN + _TRADITIONAL, _table("big5", 0xA4, 0xC6)), alphabet=False),
        *(
            _Script(codec, _ranked(letters), alphabet=True)
            for letters, codecs in (
                (_CYRILLIC, "cp1251 koi8-u iso8859-5 cp866 mac-cyrillic"),
                (_GREEK, "cp1253 iso8859-7"),
                (_HEBREW, "cp1255"),
                (_ARABIC, "cp1256 iso8859-6"),
                (_THAI, "cp874"),
            )
            for codec in codecs.split()
        ),
    )


def _table(codec: str, first: int, last: int) -> str:
    """The characters of these rows of a table: its first level, which holds what is in use."""
    rows = (bytes((row, cell)) for row in range(first, last + 1) for cell in range(0x40, 0xFF))
    return "".join(pair.decode(codec, "ignore") for pair in rows)


def _weighed(common: str, known: str) -> dict[str, float]:
    return dict.fromkeys(known, 0.5) | dict.fromkeys(_MARKS, 0.75) | dict.fromkeys(common, 1.0)


def _ranked(letters: str) -> dict[str, float]:
    """Letters by how often they are written: the last of them a tenth as usual as the first."""
    ranks = {letter: 1 - 0.9 * place / len(letters) for place, letter in enumerate(letters)}
    return ranks | dict.fromkeys(_QUOTES, 0.4)


def codec(content: bytes) -> str:
    """The charset these bytes (not UTF-8, not all ASCII) were most likely written in; empty where none fits.

    >>> codec("打印机无法连接网络".encode("gbk")), codec("Größe".encode("cp1252")), codec(b"\\x81\\xfd\\xa8\\x8d\\xf0\\x8e")
    ('gb18030', 'cp1252', '')
    """
    sample = _sample(content)
    if not sample:
        return ""
    best, score = "", 0.0
    for script in _scripts():
        reached = _fit(sample.decode(script.codec, "replace"), script)
        if reached > score:
            best, score = script.codec, reached
    latin, fit = "", 0.0
    for name in _LATIN_CODECS:
        reached = _latin_fit(sample.decode(name, "replace"))
        if reached > fit + (0.3 if name == "cp850" else 0):  # DOS is long ago
            latin, fit = name, reached
    if score >= PLAUSIBLE and score > fit * 0.9:
        return best
    return latin if fit >= PLAUSIBLE_LATIN else ""


_LATIN_CODECS = ("cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257", "cp850")
"""Where two do equally well, as for German, the first is taken."""


def is_foreign(content: bytes) -> bool:
    """Is so much of this beyond ASCII, and of so many kinds, that it is in no Latin orthography?"""
    words = b"".join(_WORDS_BEYOND.findall(_sample(content)))
    return len(words) >= 16 and len(set(words)) >= 8


_WORDS_BEYOND = re.compile(rb"[\xa1-\xff]{4,}")


def readable(text: str) -> float:
    """How much of what is beyond ASCII in this text is usual in some script or language: 0 nothing, 1 all.

    >>> readable("Žádost tiskárna") > readable("®ádost tiskárna")
    True
    """
    beginning = text[:SAMPLE_BYTES]
    return max(_latin_fit(beginning), *(_fit(beginning, script) for script in _scripts()))


_BEYOND = re.compile(rb"[^\r\n]{0,40}[\x80-\xff][^\r\n]{0,200}")
_LETTERS = re.compile(r"[^\W\d_]+")


def _sample(content: bytes) -> bytes:
    """The lines that hold anything beyond ASCII, up to the limit."""
    pieces, size = [], 0
    for match in _BEYOND.finditer(content[: 64 * SAMPLE_BYTES]):
        pieces.append(match.group())
        size += len(pieces[-1])
        if size >= SAMPLE_BYTES:
            break
    return _ROW.sub(rb"\1", b"\n".join(pieces))


_ROW = re.compile(rb"([\x80-\xff])\1{2,}")
"""A row of dots or dashes, or a drawn-out vowel: the same byte again says nothing more."""


def _fit(text: str, script: _Script) -> float:
    """How much of what is beyond ASCII reads as text of this script: 0 none, 1 or more all of it in usual characters."""
    beyond = [c for c in text if c > "\x7f"]
    # A broken character or two are allowed, and one in ten: bytes read in a wrong charset break more often.
    if not beyond or text.count("\ufffd") > 2 + len(beyond) // 10:
        return 0.0
    weights = script.weights
    score = sum(weights.get(c, 0.0) or weights.get(c.lower(), 0.0) * 0.98 for c in beyond)
    if script.alphabet:
        if len(beyond) < 3:
            return 0.0
        # Letters of two alphabets in one word are none; and an average letter is half as usual as the first.
        foreign = sum(c not in weights and c.lower() not in weights and c != "\ufffd" for c in beyond)
        score = 1.3 * score - foreign - 2 * len(_MIXED.findall(text)) - _wrong_case(text)
    elif all(c in weights for c in beyond):
        # Names are written in rarer characters; that every one of them exists is evidence too.
        score += 0.2 * len(beyond)
    return score / len(beyond)


_MIXED = re.compile("[A-Za-z][\u0370-\u0e7f]|[\u0370-\u0e7f][A-Za-z]")


def _wrong_case(text: str) -> int:
    """Capitals behind a small letter: what another charset of the same alphabet makes of small ones."""
    words = (word for word in _LETTERS.findall(text) if not word.isascii())
    return sum(a.islower() and b.isupper() for word in words for a, b in pairwise(word))


def _latin_fit(text: str) -> float:
    """How much of what is beyond ASCII one language with Latin letters has."""
    beyond = [c for c in text if c > "\x7f"]
    if not beyond:
        return 0.0
    letters = [c.lower() for c in beyond if c not in _SIGNS]
    known = max(sum(c in language for c in letters) for language in _LATIN)
    signs = len(beyond) - len(letters) - len(_INSIDE.findall(text))
    lonely: float = sum(len(run) for run in _RUN.findall(text))
    if known == len(letters):
        lonely /= 2  # somebody writes the letters of one alphabet down
    lonely += _wrong_case(text)
    return (known + signs - lonely) / len(beyond)


_INSIDE = re.compile("(?<=[a-z])[«»„“”‚…°§£·©®™¿¡ºª´µ²³½\u00a0](?=[a-z])|[©®™§£²³½´](?=[a-zß-ÿ])")
"""Signs where only letters stand."""
_RUN = re.compile("[\u00c0-\u024f]{3,}|[\u00a1-\u024f]{4,}")
"""Three letters beyond ASCII in a row are rare in every Latin orthography."""
