"""Which words do mail programs put around what they quote? Tables per language; `visible` looks lines up in them."""

from __future__ import annotations

import re

# How an attribution line ends: "On … Alice wrote:". Without the colon, in lower case.
WROTE = (
    "wrote", "writes", "said", "ha scritto", "scrive", "scritto", "schrieb", "schreibt", "geschrieben",
    "a écrit", "a ecrit", "écrit", "écrivait", "escribió", "escribio", "escreveu", "ha escrit", "va escriure",
    "schreef", "geschreven", "napisał", "napisał(a)", "napisała", "napisał/a", "pisze", "пишет", "написал",
    "написала", "написал(а)", "писал", "писал(а)", "написав", "написала(-в)", "пише", "написав(ла)", "napsal",
    "napsal(a)", "napsala", "napísal", "napísal(a)", "píše", "skrev", "skreiv", "kirjoitti", "yazdı",
    "şunu yazdı", "şunları yazdı", "写道", "寫道", "写到", "のメール", "は書きました", "さんは書きました",
    "a scris", "írta", "έγραψε", "je napisao", "je napisal", "napisao je",
)  # fmt: skip

# How it begins, in lower case, or else with a digit or a day's name.
OPENINGS = (
    "on ", "at ", "il ", "in data ", "il giorno ", "am ", "le ", "el ", "em ", "op ", "w dniu ", "dnia ", "dne ",
    "den ", "på ", "ma ", "в ", "у ", "vào ", "在 ", "於 ", "---- on ", "---- ", "w dn.", "a ",
)  # fmt: skip

_DAYS = (
    "mon tue wed thu fri sat sun lun mar mer gio ven sab dom mo di mi do fr sa so jeu sam dim mié jue sáb seg ter qua "
    "qui sex zo woe vr za pon wt śr czw pt sob nie niedz пн вт ср чт пт сб вс нд po út st čt pá so ne mån tis ons tors "
    "fre lör sön man tir tor lør søn ma ti ke to pe la su pzt sal çar per cum cmt paz"
)
DAYS = frozenset(_DAYS.split())
"""Short names of days; longer ones begin with them."""

# Labels of an embedded header, in lower case, and what they stand for.
LABELS: dict[str, str] = {}
_LABEL_TABLE = {
    "from": "from|da|von|de|van|od|от|від|від кого|отправитель|från|fra|lähettäjä|kimden|gönderen|差出人|送信者|发件人|"
    "發件人|寄件者|寄件人|remitente|mittente|absender|expéditeur|van de|от кого|nadawca|odesílatel|avsändare|avsender",
    "date": "sent|date|inviato|data|gesendet|datum|envoyé|envoyé le|envoyée|enviado|enviado el|enviada|enviada em|"
    "enviado em|fecha|verzonden|wysłano|wysłane|отправлено|дата|надіслано|odesláno|skickat|sendt|sendt den|dato|"
    "lähetetty|päivämäärä|päiväys|pvm|gönderildi|gönderme tarihi|tarih|送信日時|日時|日付|发送时间|发送日期|日期|"
    "傳送時間|寄件日期|已傳送|时间|message du|date d'envoi|poslano|data e ora",
    "to": "to|a|an|à|para|aan|do|кому|komu|till|til|vastaanottaja|kime|alıcı|宛先|收件人|收件者|destinatario|"
    "destinataire|empfänger|получатель|pour",
    "cc": "cc|kopie|copie à|copie|copia|kopia|копия|копія|kopi|kopio|bilgi|抄送|副本|kopie an|bcc|ccn|с копией|dw",
    "subject": "subject|oggetto|betreff|objet|sujet|asunto|assunto|onderwerp|temat|тема|předmět|předmet|ämne|emne|"
    "aihe|konu|件名|主题|主題|主旨|titel|predmet",
    "reply-to": "reply-to|reply to|antwort an|rispondi a|répondre à|responder a|priority|importance|wichtigkeit|priorità|attachments|"
    "anlagen|allegati|pièces jointes|organization|importanza|importancia",
}  # fmt: skip
for _role, _names in _LABEL_TABLE.items():
    for _name in _names.split("|"):
        LABELS.setdefault(_name, _role)
LABEL_CHARACTERS = max(len(name) for name in LABELS)

# The words between dashes above a quoted message …
ORIGINAL = (
    "original message", "original appointment", "reply message", "ursprüngliche nachricht", "originalnachricht",
    "ursprüngliche mail", "messaggio originale", "messaggio inoltrato originale", "message d'origine",
    "message d’origine", "message original", "message initial", "mensaje original", "mensagem original",
    "oorspronkelijk bericht", "oorspronkelijke bericht", "wiadomość oryginalna", "oryginalna wiadomość",
    "исходное сообщение", "оригинальное сообщение", "пересылаемое сообщение", "вихідне повідомлення",
    "оригінальне повідомлення", "původní zpráva", "původní e-mail", "pôvodná správa", "ursprungligt meddelande",
    "originalmeddelande", "oprindelig besked", "oprindelig meddelelse", "opprinnelig melding",
    "alkuperäinen viesti", "orijinal ileti", "özgün ileti", "orjinal mesaj", "元のメッセージ",
    "オリジナルメッセージ", "原始邮件", "原始郵件", "原郵件", "原邮件", "mesaj original", "eredeti üzenet",
)  # fmt: skip

# … and above a forwarded one, with or without dashes.
FORWARDED = (
    "forwarded message", "begin forwarded message", "weitergeleitete nachricht", "anfang der weitergeleiteten",
    "beginn der weitergeleiteten nachricht", "messaggio inoltrato", "inizio messaggio inoltrato", "message transféré",
    "début du message réexpédié", "début du message transféré", "message réexpédié", "mensaje reenviado",
    "inicio del mensaje reenviado", "mensagem encaminhada", "mensagem reencaminhada",
    "início da mensagem encaminhada", "doorgestuurd bericht", "begin doorgestuurd bericht",
    "wiadomość przekazana dalej", "przekazana wiadomość", "początek przekazywanej wiadomości",
    "пересылаемое сообщение", "пересланное сообщение", "начало переадресованного сообщения",
    "переслане повідомлення", "přeposlaná zpráva", "vidarebefordrat meddelande", "vidarebefordrat brev",
    "videresendt meddelelse", "videresendt besked", "videresendt melding", "välitetty viesti",
    "iletilen mesaj", "yönlendirilmiş ileti", "転送されたメッセージ", "転送メッセージ", "转发邮件",
    "转发的邮件", "轉寄郵件", "fwd message",
)  # fmt: skip

FORWARD_PREFIXES = frozenset(
    "fwd fw wg tr rv i vb doorst enc tov pd vl ilt 转发 轉寄 転送 пересл inoltro inoltrato weitergeleitet".split()
)
FORWARD_OR_REPLY = frozenset(("vs",))
"""A forward in Danish and Norwegian, an answer in Finnish."""

# "Sent from my …": the whole line, in lower case, begins with one of these.
SENT_FROM = (
    "sent from my ", "sent from mail for windows", "sent from outlook", "sent from yahoo mail", "sent from samsung",
    "sent from typeapp", "sent from proton", "sent from gmail", "sent from bluemail", "sent from aqua mail",
    "sent from nine", "sent from mobile", "sent from iphone", "sent from ipad", "sent from android", "sent with ",
    "sent via ", "sent using ", "get outlook for ", "von meinem ", "gesendet von ", "gesendet mit ",
    "inviato da ", "inviato dal ", "scarica outlook per ", "ottieni outlook per ", "envoyé de ", "envoyé depuis ",
    "envoyé à partir de ", "télécharger outlook pour ", "obtenez outlook pour ", "enviado desde ",
    "obtener outlook para ", "enviado do ", "enviado de ", "enviado a partir ", "obter o outlook para ",
    "verzonden vanaf ", "verstuurd vanaf ", "outlook voor ", "verzonden met ", "wysłane z ", "wysłano z ",
    "отправлено с ", "отправлено из ", "надіслано з ", "odesláno z ", "skickat från ", "sendt fra ",
    "lähetetty ", "gönderildi ", "iphone'umdan gönderildi", "iphoneから送信", "发自我的", "發自我的",
    "从我的", "via mobile",
)  # fmt: skip
ALWAYS_DEVICE = (
    "sent from my ",
    "von meinem ",
    "get outlook for ",
    "via mobile",
    "发自我的",
    "發自我的",
    "从我的",
)
DEVICE = re.compile(
    r"phone|ipad|ipod|android|blackberry|outlook|mail|mobil|handy|tablet|smart|samsung|galaxy|huawei|xiaomi|windows|"
    r"yahoo|proton|typeapp|sparrow|spark|aqua|cellular|telefon|teléfono|téléphone|portable|dispositi|appareil|"
    r"nine|zoho|thunderbird|boxer|workspace|komórk|смартфон|устройств|puhelim|telefoni|cihaz",
    re.IGNORECASE,
)
"""What every other line that begins so must name: `Sent via DHL yesterday` is news."""
DEVICE_CHARACTERS = 60
"""A longer line that begins so is a sentence, unless all of it behind is an address."""

# Openings of closing formulas: what stands below, to the end, is name, company and phone.
CLOSINGS = frozenset((
    "regards", "best regards", "kind regards", "warm regards", "with kind regards", "with best regards",
    "kindest regards", "many regards", "sincerely", "yours sincerely", "sincerely yours", "yours faithfully",
    "yours truly", "respectfully", "cordialement", "bien cordialement", "sincères salutations", "bien à vous",
    "cordiali saluti", "distinti saluti", "cordialmente", "un cordiale saluto", "saluti", "i migliori saluti",
    "porgo distinti saluti", "mit freundlichen grüßen", "mit freundlichen grüssen", "mit freundlichem gruß",
    "freundliche grüße", "freundliche grüsse", "viele grüße", "beste grüße", "mfg", "hochachtungsvoll",
    "saludos", "saludos cordiales", "un cordial saludo", "atentamente", "atenciosamente", "cumprimentos",
    "com os melhores cumprimentos", "met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet",
    "mvg", "pozdrawiam", "z poważaniem", "с уважением", "з повагою", "s pozdravem", "s přátelským pozdravem",
    "med vänlig hälsning", "med vänliga hälsningar", "med venlig hilsen", "med vennlig hilsen", "venlig hilsen", "hilsen", "kh", "hälsningar", "vänliga hälsningar", "pozdrowienia", "z powazaniem",
    "mvh", "ystävällisin terveisin", "terveisin", "saygılarımla", "iyi çalışmalar", "敬具", "此致", "顺祝商祺",
))  # fmt: skip
CLOSING_LINES = 12
CLOSING_LINE_CHARACTERS = 90

# What is only a greeting: a reply of which nothing else remains is shown whole.
GREETINGS = frozenset((
    "hi", "hello", "hey", "dear", "ciao", "buongiorno", "salve", "gentile", "gentili", "buonasera", "hallo", "guten tag",
    "bonjour", "salut", "hola", "buenos", "olá", "ola", "bom dia", "cześć", "witam", "здравствуйте",
    "привет", "добрый день", "dobrý den", "hej", "hei", "moi", "merhaba", "sehr", "liebe", "lieber", "beste",
))  # fmt: skip

# First words of confidentiality notices, in lower case; a paragraph that begins so, to the end.
DISCLAIMERS = (
    "this e-mail and any", "this email and any", "this message and any", "this e-mail is confidential",
    "this email is confidential", "this e-mail may contain", "this email may contain", "this message contains confidential",
    "this message may contain", "this electronic message", "the information contained in this", "the information in this e-mail",
    "the information in this email", "the contents of this e", "this communication is", "this communication may",
    "confidentiality notice", "disclaimer:", "disclaimer -", "important notice:", "please consider the environment",
    "before printing, think", "if you are not the intended recipient", "le informazioni contenute in quest", "questo messaggio e",
    "questo messaggio è", "questa e-mail è", "questa e-mail può", "il contenuto di quest", "ai sensi del",
    "avviso di riservatezza", "informativa privacy", "diese e-mail enthält", "diese e-mail ist vertraulich",
    "diese nachricht ist", "diese nachricht enthält", "der inhalt dieser e-mail", "ce message et", "ce message est confidentiel",
    "ce courriel", "cet e-mail", "les informations contenues dans", "este mensaje", "este correo", "la información contenida",
    "esta mensagem", "este e-mail", "as informações contidas", "dit bericht is", "deze e-mail", "de informatie in deze",
    "ta wiadomość", "niniejsza wiadomość", "informacja zawarta", "это сообщение", "tento e-mail", "tato zpráva",
    "detta meddelande", "denne e-mail", "denne e-posten", "tämä viesti", "bu e-posta", "本邮件", "此邮件",
)  # fmt: skip

SECRECY = re.compile(
    r"confiden|privileg|intended|recipient|riservat|destinatar|vertraulich|empfänger|umwelt|environment|ambient|"
    r"environnement|imprim|print|stampar|privacy|gdpr|2016/679|2003|disclos|virus|unauthori|legally|liabilit|"
    r"geheim|vertrouwelijk|geadresseerde|poufn|adresat|конфиденц|адресат|důvěrn|adresát|konfidenti|fortrolig|"
    r"luottamuks|gizli|保密|机密|機密",
    re.IGNORECASE,
)
"""What a notice speaks of; `Questo messaggio è urgente` is none."""

# Our own line, and those of other desks, below which nothing new is written.
REPLY_ABOVE = re.compile(
    r"(?:reply|write|respond|answer)\b.{0,30}\babove this line|above this line.{0,20}(?:reply|write)"
    r"|(?:scriv|rispond).{0,40}sopra (?:di )?questa (?:linea|riga)|oberhalb dieser (?:linie|zeile)"
    r"|au-dessus de cette ligne|encima de esta línea|boven deze (?:lijn|regel)",
    re.IGNORECASE,
)
