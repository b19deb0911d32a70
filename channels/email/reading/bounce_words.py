"""How do mail systems say, in their users' languages, that an address is unknown, or a mailbox full? Tables, in lower case."""

from __future__ import annotations

import re
from functools import lru_cache

_UNKNOWN = {
    "cs": r"(?:adres\w{0,12}|schránk\w{0,12}|uživatel\w{0,12}|příjemc\w{0,12}|adresát\w{0,12}).{0,60}(?:nebyl[aoy]? nalezen|se nepodařilo najít|neexistuj|nenalezen|neznám)",
    "da": r"(?:mail)?adresse.{0,40}(?:ikke fundet|findes ikke|kunne ikke findes|er ukendt)|(?:bruger|modtager)(?:en)?.{0,30}(?:findes ikke|ukendt|ikke fundet)|ukendt (?:bruger|modtager)",
    "de": r"(?:adresse|empfänger|benutzer|postfach|konto).{0,60}(?:nicht gefunden|existiert nicht|nicht (?:mehr )?bekannt|unbekannt|ungültig|konnte nicht gefunden)|kein(?:en)? (?:solche[nrs]? )?(?:empfänger|benutzer|postfach)",
    "es": r"no (?:se )?(?:ha )?encontr(?:ó|ado|amos) (?:la|el) (?:dirección|destinatario|buzón|usuario)|(?:dirección|destinatario|buzón|usuario|cuenta).{0,60}(?:no existe|no (?:se )?(?:ha )?encontr|desconocid)",
    "fi": r"(?:osoite|vastaanottaj|käyttäj).{0,40}(?:ei löyty|ei ole olemassa|tuntematon)|tuntematon (?:vastaanottaja|käyttäjä)",
    "fr": r"(?:adresse|destinataire|utilisateur|compte|boîte).{0,80}(?:introuvable|inconnue?|n'existe pas|inexistante?|n'a pas été trouvée?)",
    "hu": r"(?:cím|címzett|felhasználó|postafiók).{0,40}(?:nem található|nem létezik|ismeretlen)",
    "it": r"(?:impossibile|non è stato possibile|non siamo riusciti a) trovare (?:l'indirizzo|il destinatario|la casella)|(?:indirizzo|destinatario|casella|utente|account).{0,60}(?:non (?:è stat[oa] )?trovat|non esiste|inesistente|sconosciut)",
    "ja": r"(?:アドレス|受信者|宛先|ユーザー|メールボックス).{0,30}(?:見つかりません|存在しません|ありません|不明)",
    "ko": r"(?:주소|수신자|받는 사람|사용자|계정).{0,30}(?:찾을 수 없|존재하지 않|없는)",
    "nb": r"(?:finner|fant) ikke (?:e-post)?adressen|(?:adresse|mottaker|bruker)(?:en)?.{0,40}(?:finnes ikke|ikke funnet|ukjent|eksisterer ikke)|ukjent (?:mottaker|bruker)",
    "nl": r"(?:adres|ontvanger|gebruiker|postvak).{0,60}(?:niet gevonden|bestaat niet|onbekend|kon niet worden gevonden)|geen (?:dergelijke )?(?:gebruiker|ontvanger)",
    "pl": r"nie (?:można|udało się) (?:odnaleźć|znaleźć).{0,40}adres|(?:adres|odbiorc|użytkownik|skrzynk).{0,60}(?:nie (?:został[ao]? )?(?:znalezion|odnalezion)|nie istnieje|nieznan)",
    "pt": r"(?:endereço|destinatário|usuário|utilizador|conta|caixa).{0,60}(?:não (?:foi |foram )?(?:encontrad|localizad)|não existe|desconhecid|inexistente)",
    "ro": r"(?:adres|destinatar|utilizator).{0,50}(?:nu a fost găsit|nu există|necunoscut)",
    "ru": r"не удалось найти.{0,40}адрес|(?:адрес|получател|пользовател|ящик).{0,60}(?:не найден|не существует|неизвестен|не зарегистрирован|не обнаружен)",
    "sk": r"(?:adres|schránk|používateľ|príjemc).{0,50}(?:nebol[ao]? nájden|neexistuj|neznám|sa nenašl)",
    "sv": r"(?:inte att hitta|hittades inte|hittar inte).{0,40}(?:adress|mottagar)|(?:adress|mottagar|användar).{0,50}(?:hittades inte|finns inte|okänd|existerar inte)|okänd (?:mottagare|användare)",
    "tr": r"(?:adres|alıcı|kullanıcı|posta kutusu).{0,50}(?:bulunamad|mevcut değil|bilinm|geçersiz)",
    "uk": r"не вдалося знайти.{0,40}адрес|(?:адрес|одержувач|отримувач|користувач|скриньк).{0,60}(?:не знайден|не існує|невідом)",
    "zh": r"(?:找不到|未找到|無法找到|查無).{0,20}(?:地址|收件人|邮箱|信箱|使用者|用户)|(?:地址|收件人|邮箱|信箱|用户|使用者).{0,20}(?:不存在|找不到|無效|无效)",
}  # fmt: skip
_FULL = {
    "cs": r"schránk\w{0,12}.{0,40}(?:pln[áé]|přeplněn)|překročen\w{0,12} kvót",
    "da": r"postkasse\w{0,12}.{0,30}(?:fuld|fyldt)",
    "de": r"postfach.{0,40}(?:voll|überfüllt)|(?:speicherplatz|kontingent|quota).{0,40}(?:überschritten|erschöpft|ausgeschöpft)",
    "es": r"(?:buzón|bandeja|cuenta|casilla).{0,40}(?:llen[oa]|sin espacio)|(?:cuota|espacio).{0,30}(?:superad|excedid|agotad)",
    "fi": r"postilaatikko.{0,40}(?:täynnä|täysi)",
    "fr": r"(?:boîte|messagerie).{0,60}(?:pleine|saturée)|quota.{0,30}dépassé",
    "hu": r"(?:postafiók|postaláda).{0,40}(?:megtelt|tele)",
    "it": r"casella.{0,60}(?:pien[ao]|esaurit)|(?:quota|spazio).{0,40}(?:superat|esaurit)",
    "ja": r"(?:メールボックス|受信箱|容量).{0,20}(?:一杯|いっぱい|超え|超過)",
    "ko": r"(?:메일함|사서함|편지함).{0,20}(?:가득|초과|꽉)",
    "nb": r"postboks\w{0,12}.{0,30}full",
    "nl": r"(?:postvak|mailbox|postbus).{0,30}\bvol\b|quotum.{0,30}overschreden",
    "pl": r"skrzynk.{0,60}(?:pełn|przepełnion|zapełnion)|przekroczon\w{0,12} .{0,20}(?:limit|kwot|quot|pojemno)",
    "pt": r"caixa.{0,60}cheia|(?:quota|cota|espaço).{0,30}(?:excedid|esgotad)",
    "ru": r"(?:почтовый )?ящик.{0,60}(?:переполнен|полон)|превышен\w{0,12} (?:квот|лимит)",
    "sk": r"schránk\w{0,12}.{0,40}(?:pln[áé]|preplnen)",
    "sv": r"(?:brevlåd|inkorg|postlåd)\w{0,12}.{0,40}(?:full|överfull)",
    "tr": r"(?:posta kutusu|gelen kutusu|kota).{0,40}(?:dolu|doldu|aşıldı)",
    "uk": r"скриньк.{0,60}(?:переповнен|заповнен)",
    "zh": r"(?:邮箱|信箱|郵箱|空间|容量|配額).{0,12}(?:已满|已滿|滿|满|不足|超出)",
}  # fmt: skip

_NOBODY = re.compile("|".join(_UNKNOWN.values()), re.IGNORECASE)
_NO_ROOM = re.compile("|".join(_FULL.values()), re.IGNORECASE)
_STEMS = (
    "adres", "schránk", "uživatel", "příjemc", "bruger", "modtager", "postkass", "empfänger", "benutzer", "postfach", "konto", "kontingent", "speicherplatz", "quota", "quotum", "kvót",
    "encontr", "direcci", "destinat", "buzón", "usuario", "cuenta", "casilla", "bandeja", "cuota", "espacio", "osoite", "vastaanottaj", "käyttäj", "postilaatikko", "utilisateur", "compte", "boîte",
    "messagerie", "cím", "felhaszn", "postafi", "postal", "indirizzo", "casella", "utente", "account non", "spazio", "アドレス", "受信", "宛先", "ユーザー", "メールボックス", "容量", "주소", "수신자",
    "받는 사람", "사용자", "계정", "메일함", "사서함", "편지함", "mottaker", "bruker", "postboks", "ontvanger", "gebruiker", "postvak", "postbus", "mailbox is vol", "odbiorc", "użytkownik", "skrzynk",
    "przekroczon", "não", "caixa", "utilizator", "адрес", "получател", "пользовател", "ящик", "квот", "лимит", "používateľ", "príjemc", "mottagar", "användar", "brevlåd", "inkorg", "alıcı",
    "kullanıcı", "kutusu", "kota", "одержувач", "отримувач", "користувач", "скриньк", "地址", "收件人", "邮箱", "信箱", "郵箱", "用户", "使用者", "空间", "配額",
)  # fmt: skip
"""One of these stands in every text that the two find; looking for them first is ten times faster, and English has none."""


def unknown(text: str) -> bool:
    """Do the words say that nobody is there?

    >>> unknown("Adresse nicht gefunden"), unknown("The address is fine")
    (True, False)
    """
    return _may(text) and _NOBODY.search(text) is not None


def full(text: str) -> bool:
    """Do they say that somebody is, and nothing more goes in for now?

    >>> full("La casella è piena"), full("The mailbox of Bob")
    (True, False)
    """
    return _may(text) and _NO_ROOM.search(text) is not None


@lru_cache(maxsize=16)
def _may(text: str) -> bool:
    low = text.lower()
    return any(map(low.__contains__, _STEMS))


MARKERS = (
    "non è stato recapitato", "non è stato consegnato", "il recapito non è riuscito", "non ha potuto essere", "messaggio non recapitato",
    "nicht zugestellt", "zustellung fehlgeschlagen", "konnte nicht zugestellt", "n'a pas été remis", "n'est pas parvenu", "n'a pas pu être remis",
    "no se ha entregado", "no ha sido entregado", "não foi entregue", "falha na entrega", "is niet bezorgd", "niet afgeleverd", "is mislukt",
    "nie została dostarczona", "nie powiodło się", "не доставлено", "сбой доставки", "не может быть доставлено", "не вдалося доставити", "nepodařilo doručit", "selhalo",
    "kunde inte levereras", "gick inte att leverera", "kunne ikke leveres", "mislykkedes", "mislyktes", "ei voitu toimittaa", "epäonnistui", "teslim edilemedi",
    "başarısız oldu", "nem kézbesíthető", "nu a putut fi livrat", "配信に失敗", "传递邮件失败", "被退回", "未送达", "傳遞失敗", "전달되지 않았", "배달하지 못",
)  # fmt: skip
"""One of these stands in the first lines of a report in these languages."""

SUBJECTS = (
    "ei voi toimittaa", "ei voida toimittaa", "не удается доставить", "не удаётся доставить", "не удалось доставить", "nie można dostarczyć", "nije moguće isporučiti", "ne može da se isporuči",
    "ni mogoče dostaviti", "doručení selhalo", "doručenie zlyhalo", "zustellung nicht möglich", "remise impossible", "entrega fallida", "error de entrega", "entrega falhou", "erro de entrega",
    "avviso di mancato recapito", "mancato recapito", "recapito fallito", "teslimat başarısız", "недоставленн", "недоставлене", "投递失败", "退信通知",
)  # fmt: skip
"""How their subjects begin or what stands in them, beside those of `bounce_tables`."""
