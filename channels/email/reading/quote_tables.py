"""Which words do mail programs put around what they quote? Tables per language, in lower case."""

from __future__ import annotations

import re

# Labels of an embedded header, in lower case, and what they stand for.
LABELS: dict[str, str] = {}
_LABEL_TABLE = {
    "from": "from|da|von|de|van|od|от|від|від кого|отправитель|från|fra|lähettäjä|kimden|gönderen|差出人|送信者|发件人|"
    "發件人|寄件者|寄件人|remitente|mittente|absender|expéditeur|van de|от кого|nadawca|odesílatel|avsändare|avsender|"
    "feladó|de la|expeditor|odosielateľ|pošiljatelj|saatja|siuntėjas|από|מאת|من|보낸 사람|보낸사람|보낸이|발신|발신자|từ|dari|gesendet von|remetente|"
    "afzender|afsender|подател|发信人|จาก|nuo|no|шаље|sent by|inviato da|envoyé par|enviado por|verzonden door|skickat av|sendt av|sendt af|šalje|expeditorul|送信元",
    "date": "sent|date|inviato|data|gesendet|datum|envoyé|envoyé le|envoyée|enviado|enviado el|enviada|enviada em|"
    "enviado em|fecha|verzonden|wysłano|wysłane|отправлено|дата|надіслано|odesláno|skickat|sendt|sendt den|dato|"
    "lähetetty|päivämäärä|päiväys|pvm|gönderildi|gönderme tarihi|tarih|送信日時|日時|日付|发送时间|发送日期|日期|"
    "傳送時間|寄件日期|已傳送|时间|message du|date d'envoi|poslano|data e ora|elküldve|küldve|dátum|trimis|odoslané|saadetud|"
    "išsiųsta|изпратено|ημερομηνία|στάλθηκε|תאריך|נשלח|التاريخ|تاريخ الإرسال|보낸 날짜|날짜|ngày|đã gửi|tanggal|dikirim|sent on|date sent|"
    "gesendet am|verzonden op|envoyée le|data wysłania|发件时间|送信日|ส่ง|ส่งเมื่อ|วันที่|enviat|nosūtīts|послато|datum odeslání|lähetysaika|fecha de envío|data di invio|sent at|dată|gönderilen|gönderim tarihi|відправлено",
    "to": "to|a|an|à|para|aan|do|кому|komu|till|til|vastaanottaja|kime|alıcı|宛先|收件人|收件者|destinatario|"
    "destinataire|empfänger|получатель|pour|címzett|către|catre|odbiorca|adresat|adresát|príjemca|prima|kellele|gavėjas|до|към|προς|אל|"
    "إلى|받는 사람|받는사람|받은 사람|받은사람|받는이|수신|수신자|đến|kepada|mottagare|mottaker|modtager|ontvanger|destinatari|destinatários|ถึง|per a|za|kam|прима|adressaat|destinatarul|pre|送信先",
    "cc": "cc|kopie|copie à|copie|copia|kopia|копия|копія|kopi|kopio|bilgi|抄送|副本|kopie an|bcc|ccn|с копией|dw|"
    "másolatot kap|cópia|con copia|em cópia|κοιν|עותק|نسخة إلى|참조|cc :|kopija|копия до|másolat|kópia|kopie (cc)|c/c",
    "subject": "subject|oggetto|betreff|objet|sujet|asunto|assunto|onderwerp|temat|тема|předmět|předmet|ämne|emne|"
    "aihe|konu|件名|主题|主題|主旨|titel|predmet|tárgy|subiect|predmet správy|teema|tema|относно|θέμα|נושא|الموضوع|제목|"
    "chủ đề|perihal|subjek|rubrik|věc|เรื่อง|หัวเรื่อง|zadeva|tēma|subiectul|naslov",
    "reply-to": "reply-to|reply to|antwort an|rispondi a|répondre à|responder a|priority|importance|wichtigkeit|priorità|attachments|"
    "anlagen|allegati|pièces jointes|organization|organisation|importanza|importancia|odgovori na|odpověď na|svar til|svara till|antwoord aan|vastaus|"
    "válaszcím|odpowiedź-do|răspuns către|ответ-кому|кому відповісти|odpovedať-pre|yanıt adresi",
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
    "オリジナルメッセージ", "mail original", "e mail original", "message d'origine :", "courriel original", "original nachricht", "original mail",
    "original e mail", "originele bericht", "origineel bericht", "oorspronkelijke e mail", "isprva poruka", "izvorna poruka", "originalna poruka",
    "izvorno sporočilo", "algne kiri", "originalus laiškas", "αρχικό μήνυμα", "هذه الرسالة الأصلية", "الرسالة الأصلية", "הודעה מקורית",
    "원본 메시지", "원본 메일", "원본 이메일", "thư gốc", "tin nhắn gốc", "pesan asli", "opprinnelig e post", "opprinnelig beskjed", "ursprungligt mail",
    "ursprungligt e postmeddelande", "oprindelig mail", "původní mail", "pôvodný e mail", "alkuperäinen sähköposti", "özgün mesaj",
    "первоначальное сообщение", "початкове повідомлення", "оригинално съобщение", "correo original", "e mail originale", "missatge original",
    "eredeti levél", "wiadomość pierwotna", "originální zpráva", "原始邮件",  "原始郵件", "原郵件", "原邮件", "mesaj original", "eredeti üzenet",
    "orijinal mesaj", "orijinal mesajı", "исходное письмо", "original email", "originalmeddelelse", "izvirno sporočilo", "antwort nachricht",
)  # fmt: skip

FORMS = frozenset(
    ("naslov", "送信元", "送信先", "日時", "expeditorul", "destinatarul", "subiectul", "šalje", "pre", "dată")
)
"""Labels that forms, stores and logs have too: a header with one of them names its author's address."""

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
    "转发的邮件", "轉寄郵件", "fwd message", "forwarded mail", "forwarded by", "start of forwarded message", "weitergeleitete mail",
    "anfang der weitergeleiteten nachricht", "inizio del messaggio inoltrato", "mail transféré", "courriel transféré", "message transmis",
    "correo reenviado", "mensaje reenviado", "e mail encaminhado", "doorgestuurde bericht", "doorgestuurde e mail", "перенаправленное сообщение",
    "начало пересылаемого сообщения", "початок переадресованого повідомлення", "preposlaná správa", "začátek přeposlané zprávy",
    "vidarebefordrat mail", "början på vidarebefordrat brev", "start på videresendt besked", "videresendt mail", "välitetty viesti alkaa",
    "továbbított üzenet", "mesaj redirecționat", "proslijeđena poruka", "posredovano sporočilo", "προωθημένο μήνυμα", "הודעה שהועברה",
    "رسالة معاد توجيهها", "전달된 메시지", "thư đã chuyển tiếp", "pesan terusan", "yönlendirilen ileti", "iletilmiş ileti başlangıcı",
    "препратено съобщение", "edastatud kiri", "začátek přeposílané zprávy", "anfang der weitergeleiteten e mail", "započni proslijeđenu poruku",
    "továbbított levél kezdete", "início da mensagem reencaminhada", "începe mesajul redirecționat", "mesaj redirecţionat", "začiatok preposlanej správy",
    "vidarebefordrat mejl", "ileti başlangıcı", "початок листа, що пересилається", "iletilmiş mesaj", "iletilen ileti", "перенаправлене повідомлення",
    "välitetty viesti / fwd.msg", "treść przekazanej wiadomości", "wiadomość przesłana dalej", "メッセージを転送",
)  # fmt: skip

# What is only a greeting: a reply of which nothing else remains is shown whole.
GREETINGS = frozenset((
    "hi", "hello", "hey", "dear", "ciao", "buongiorno", "salve", "gentile", "gentili", "buonasera", "hallo", "guten tag",
    "bonjour", "salut", "hola", "buenos", "olá", "ola", "bom dia", "cześć", "witam", "здравствуйте",
    "привет", "добрый день", "dobrý den", "hej", "hei", "moi", "merhaba", "sehr", "liebe", "lieber", "beste",
))  # fmt: skip

# Our own line, and those of other desks, below which nothing new is written.
REPLY_ABOVE = re.compile(
    r"(?:reply|write|respond|answer|type)\b.{0,30}\babove this line|above this line.{0,20}(?:reply|write)"
    r"|(?:scriv|rispond).{0,40}sopra (?:di )?questa (?:linea|riga)|(?:oberhalb|über) dieser (?:linie|zeile)|(?:oberhalb|über) diese (?:linie|zeile)"
    r"|(?:répond|écri).{0,40}au-dessus de cette ligne|(?:respond|escrib).{0,40}encima de esta línea|(?:respond|escrev).{0,40}acima desta linha"
    r"|boven deze (?:lijn|regel)|(?:odpowied|napisz).{0,40}powyżej tej linii|(?:ответ|пиши).{0,40}выше этой (?:строки|линии)"
    r"|(?:svar|skriv).{0,40}(?:ovanför denna|över den här) (?:rad|raden|linje)|(?:svar|skriv).{0,40}over denne linj|nad tímto řádkem|nad touto čiarou",
    re.IGNORECASE,
)
ABOVE = re.compile(
    r"this line|questa |diese|ligne|línea|linha|deze |tej linii|этой |rad|linj|tímto|touto", re.IGNORECASE
)
"""Most lines are done with this."""
