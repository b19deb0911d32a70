"""Which words do mail systems use when they give a mail back? Senders, subjects, marker lines and reasons."""

from __future__ import annotations

import re

# Local parts of From that no person writes with.
DAEMON = re.compile(
    r"(?:^|[<\s\"'(])(?:mailer[-_. ]?daemon|mail[-_.]?daemon|post[-_]?master|double-bounce|bounces?(?:[-+_][^@\s]{0,80})?|"
    r"mail[-_.]?delivery(?:[-_.]?(?:system|subsystem))?|mail delivery (?:sub)?system|mdaemon|"
    r"delivery[-_.]?(?:status|failure)[^@\s]{0,30}|undeliverable|mailsystem|microsoftexchange[0-9a-f]{32})(?:@|>|$|[\s\"'(<\\])",
    re.IGNORECASE,
)
POSTMASTER = frozenset(("postmaster", "post-master", "post_master"))
NO_REPLY = re.compile(
    r"(?:no|not|donot|do-not|nao|ne|non)[-_.]?(?:reply|responder|respond|repondre|rispondere|odgovarjaj)|noreply|nicht[-_.]?antworten",
    re.IGNORECASE,
)

SENDER_STEMS = (
    "daemon", "post", "bounce", "deliver", "mailsystem", "exchange", "repl", "respond", "repond", "rispond", "odgovar", "antwort",
)  # fmt: skip
"""One of these stands in every address that the two find; looking for them first is several times faster."""

SUBJECT = re.compile(
    r"undeliver|non[- ]?deliver|not? (?:be )?delivered|delivery (?:has )?(?:failed|failure|status|delayed|problem|report|error|notification|incomplete)|"
    r"deliver(?:y|ed)? (?:failed|failure)|deliver y|returned (?:mail|to sender|message)|return(?:ed)? mail|mail (?:delivery|system) (?:failed|failure|error|system|status|report|warning|problem)|"
    r"mail(?:ing)? (?:failed|failure|could not)|failure notice|failure (?:delivery|to deliver)|failed (?:delivery|mail|to deliver)|message (?:delivery|status|could not|not delivered|you sent|delayed)|"
    r"could not (?:send|be delivered|deliver)|unable to deliver|delay(?:ed)? (?:mail|notice|notification)|delayed \d|"
    r"warning: (?:message|could|e?-?mail)|warning--|mail (?:error|warning)|bounce|(?:user|recipient|address) unknown|unknown (?:user|recipient)|rejected mail|mail (?:was )?rejected|"
    r"postfix smtp server|cannot send message|there was an error sending|delivery error|"
    r"unzustellbar|nicht zustell|zustell(?:ung|fehler)|rücksendung|mancata consegna|non recapitat|non recapitabil|impossibile recapitare|non consegnat|errore (?:di|nella) consegna|"
    r"non remis|échec de (?:la )?(?:remise|distribution)|message non distribu|no (?:se pudo )?entreg|no se puede entregar|(?:correo|mensaje) devuelto|"
    r"não (?:foi )?entreg|falha (?:na|de) entrega|devolvid|niet (?:bezorgd|afgeleverd|te bezorgen)|onbestelbaar|niedostarcz|nie można dostarczyć|kézbesíthetetlen|kézbesítés sikertelen|nelivrabil|nu (?:a putut|poate) fi livrat|"
    r"не доставлен|недоставлен|ошибка доставки|не вдалося доставити|nedoručiteln|nelze doručit|"
    r"(?:kunde|kan|gick) inte (?:att )?lever|olevererbar|ikke levere|ei voitu toimittaa|ei toimitettavissa|toimitus epäonnistui|teslim edilem|"
    r"δεν παραδόθηκε|μη παραδοτέο|배달되지|배달할 수 없|전송 실패|반송된|"
    r"配信(?:不能|エラー|できません)|送信(?:エラー|できません)|エラーメール|退信|无法投递|系统退信|投递失败|無法傳遞|無法送達|无法送达|未送达|"
    r"are not (?:a )?member|not a? ?member of",
    re.IGNORECASE,
)

# One of these stands in every subject that SUBJECT finds; looking for them first is twenty times faster.
SUBJECT_STEMS = (
    "deliver", "return", "mail", "fail", "message", "bounce", "reject", "unknown", "delay", "warning", "error", "could not",
    "zustell", "rücksendung", "consegn", "recapit", "remis", "distribu", "entreg", "devolvid", "bezorgd", "afgeleverd",
    "bezorgen", "onbestelbaar", "niedostarcz", "достав", "недоручен", "nedoruč", "doručit", "levere", "toimit", "teslim",
    "kézbesít", "livra", "dostarczyć", "παραδ", "배달", "전송", "반송", "送達", "送达", "配信", "送信", "エラー", "退信", "无法投", "投递", "無法傳", "member", "postfix", "sending",
)  # fmt: skip

# Lines that stand in bounces; all in lower case, looked for in the first part of the text.
MARKERS = (
    "could not be delivered", "couldn't be delivered", "cannot be delivered", "can't be delivered", "can not be delivered",
    "was not delivered", "wasn't delivered", "not be delivered", "has not been delivered", "undeliverable", "undelivered",
    "unable to deliver", "wasn't able to deliver", "failed to deliver", "error delivering", "trouble delivering",
    "delivery to the following", "delivery has failed", "delivery failed", "delivery failure", "delivery of the following",
    "delivery of your message", "delivery to these recipients", "did not reach", "didn't reach", "were undeliverable",
    "following address", "following recipient", "following error", "permanent error", "permanent fatal errors",
    "fatal errors", "transcript of session follows", "delivery errors", "delivery attempt", "was rejected by", "were rejected",
    "attempting to deliver", "trying to deliver", "mail delivery software", "mail delivery system", "delivery status notification",
    "delivery notification", "mailer-daemon", "user unknown", "no such user", "unknown user", "unknown recipient", "invalid user address",
    "mailbox is full", "mailbox full", "exceeds allowed size", "over quota", "remote host said", "requested action not taken",
    "mailbox unavailable", "returned to you", "returned mail", "returned message", "message could not", "failure reasons",
    "you are not a member of this mailing list", '"notificationtype":"bounce"', '"eventtype":"bounce"', "delevery to the following",
    "this is a postfix program", "qmail-send program", "unrouteable address", "giving up on", "address rejected", "will continue trying",
    "recipient address", "cannot send your message", "cannot deliver", "could not deliver", "could not send", "not be sent", "still being retried",
    "unexpected response or error", "out: 5", "out: 4", "smtp command", "server message",
    "nicht zugestellt", "konnte nicht", "unzustellbar", "non è stato possibile", "non e' stato", "non può essere consegnato", "non può essere recapitato", "non recapitat", "recapito non riuscito", "fehler bei der nachrichtenzustellung", "impossibile", "n'a pas pu être", "n'a pas pu etre", "échec de la remise",
    "pas pu être remis", "no se pudo entregar", "no ha podido", "no se ha podido entregar", "no pudo ser entregado", "não pôde ser entregue", "não foi possível", "kon niet worden",
    "nie może zostać", "nie mogła", "dostarczenie nie powiodło", "не может быть доставлено", "не удалось доставить", "не было доставлено",
    "送信できません", "配信できません", "配送できません", "あて先", "宛先", "届きません", "一杯", "失敗し", "エラー", "无法", "退回", "退信",
)  # fmt: skip

VAGUE = frozenset((
    "permanent error", "permanent fatal errors", "fatal errors", "following error", "was rejected by", "were rejected", "requested action not taken",
    "message could not", "failure reasons", "giving up on", "will continue trying", "cannot deliver", "could not send", "not be sent", "unexpected response or error",
    "server message", "smtp command", "konnte nicht", "non è stato possibile", "non e' stato", "impossibile", "n'a pas pu être", "n'a pas pu etre", "no ha podido",
    "não foi possível", "kon niet worden", "nie może zostać", "nie mogła", "一杯", "失敗し", "エラー", "无法", "退回", "is mislukt", "nie powiodło się", "mislykkedes", "mislyktes",
    "epäonnistui", "başarısız oldu", "selhalo", "non ha potuto essere",
))  # fmt: skip
"""Of these, what devices say of anything."""

YOUR_MAIL = re.compile(
    r"\byour (?:original |recent )?(?:e-?mail|mail|message)\b(?! ?box)|(?:message|mail) (?:that )?you (?:have )?sent|the following (?:mail|message) to|"
    r"\b(?:ihre|deine|diese)r? (?:nachricht|e-?mail|mail)\b|(?:(?:il|al) (?:suo|tuo|vostro)|questo) (?:messaggio|.{0,12}mail)|la (?:sua|tua|vostra) .{0,10}mail|"
    r"(?:votre|le) (?:message|courriel|e-?mail|mail)\b|\b(?:su|tu|el) (?:mensaje|correo)\b|\b(?:sua|seu|a) (?:mensagem|e-?mail)\b|\b(?:uw|het) (?:bericht|e-?mail)\b|"
    r"(?:twoja|twojej|państwa|ta) wiadomoś|(?:ваше|это) (?:сообщени|письмо)|ваш[еу]? (?:повідомлення|лист)|vaš[ei] (?:zpráv|správ)|(?:ditt|dit|din) (?:meddelande|melding|besked|e-?post|mail)|"
    r"viestiäsi|viestisi|iletiniz|mesajınız|(?:お客様の|送信した|あなたの).{0,6}(?:メール|メッセージ)|您的(?:邮件|郵件)|您发送的|보낸 (?:메일|메시지)",
    re.IGNORECASE,
)
"""The mail of whoever reads it, and not a document, a parcel or the mail of others."""
RETURNED_SUBJECT = re.compile(
    r"undeliver(?:able|ed)(?: mail)?[: ]|unzustellbar:|nicht zustellbar:|non recapitabile:|non remis ?:|no se puede entregar:|onbestelbaar:|niedostarczalne:|"
    r"returned mail|failure notice|delivery status notification|(?:mail|message) delivery (?:failed|failure|status|system)|mail system error|undelivered mail returned"
)
"""How the subjects of well known mail systems begin; in lower case."""
TO_WHOM = re.compile(
    r"(?:(?:^|[\s(])(?:to|for|recipients?|address|user|an|empfänger|a|ai|al|all'indirizzo|destinatari[oa]?|destinataires?|à|para|naar|aan|ontvanger|do|adres|adresat|для|до|кому|адрес\w{0,3}|till|til|mottagare|komu|na)"
    r"[\s:<(\"']{1,6}|[<\[(])[^\s<>@\"'(),:;\[\]|=]{1,64}@[a-z0-9.-]{3,253}|(?:^|\s)[^\s<>@\"'(),:;\[\]|=]{1,64}@[a-z0-9.-]{3,253}>?\s?(?:[:：]|宛|へ|に|님|alıcısına|did not|could not|was not|does not)",
    re.IGNORECASE,
)
"""An address as whom something was sent to."""

DELAYED = re.compile(
    r"warning message only|this is (?:only )?a warning|do not need to resend|need not resend|has been delayed|is delayed|will (?:continue|keep) (?:trying|to try|retrying)|"
    r"still being retried|delivery attempts will continue|will be retried|message .{1,40} delayed \d|not yet (?:been )?delivered|continue(?:s)? to try",
    re.IGNORECASE,
)
FAILED = re.compile(
    r"permanent|given up|giving up|gave up|will not be retried|fatal error|action: failed|no further|could not be delivered for more",
    re.IGNORECASE,
)
DELIVERED = re.compile(
    r"successfully (?:delivered|relayed)|delivery status notification \(success\)|was (?:successfully )?delivered to|delivered to the following",
    re.IGNORECASE,
)

# Where the machine's own words end and the mail that came back begins; in lower case, at the beginning of a line.
RETURNED = (
    "received:", "return-path:", "x-envelope-from:", "dkim-signature:", "original message follows", "original message headers",
    "message headers follow", "original headers follow", "included is a copy of", "below is a copy of the original",
    "copy of the original message", "message header:", "message contents follow", "message text follows",
    "the following is the original",
)  # fmt: skip

# The same behind dashes.
RETURNED_RULES = (
    "below this line", "original message", "this is a copy", "returned message", "unsent message", "message header",
    "the header of the", "the headers of the", "undelivered message", "enclosed are the original headers", "mail header",
    "start of returned message", "returned content",
)  # fmt: skip

# Reasons by words, in this order: what is certainly about the mail or the moment, then what is about the address.
SOFT = re.compile(
    r"(?:mailbox|mail box|inbox|folder|account|user|quota|recipient).{0,40}(?:full|over ?quota|exceed|is too large|out of space)|over ?quota|quota (?:exceeded|is exceeded|violation)|"
    r"(?:not enough|insufficient) (?:disk|storage|space|system)|disk (?:quota|full)|exceeds allowed size|maximum storage|out of storage|一杯|容量|"
    r"\bspam\b|spamhaus|\bblocked\b|block ?list|black ?list|blocklisted|blacklisted|\brbl\b|dnsbl|reputation|poor reputation|unsolicited|"
    r"\bpolicy\b|policies|\bspf\b|\bdkim\b|\bdmarc\b|\bptr\b|reverse dns|reverse lookup|virus|infected|content (?:rejected|filter)|"
    r"(?:message|mail|size|data).{0,30}(?:too (?:large|big|long)|exceed)|size (?:limit|exceeds)|"
    r"too many (?:connections|recipients|messages|errors|hops|rcpt)|hop count|mail loop|\brate\b|ratelimit|throttl|try again|later\b|greylist|grey-list|"
    r"temporar|deferred|timed? ?out|timeout|connection (?:refused|reset|lost|dropped)|retry time|could not connect|network|"
    r"relay(?:ing)? (?:access )?(?:denied|not|prohibited)|not permitted to relay|unable to relay|access denied|"
    r"(?:account|mailbox|user).{0,40}(?:disabled|suspended|inactive|expired|locked|deactivated|not active|discontinued)|disabled (?:or discontinued|account)|"
    r"sender (?:address )?(?:rejected|denied|verify failed)|authenticat|not authorized|unauthenticated|starttls|\btls\b|security",
    re.IGNORECASE,
)
HARD = re.compile(
    r"user (?:is )?(?:unknown|not found|doesn'?t|does not|invalid|not exist|not known)|unknown (?:user|recipient|address|local|account|mailbox|or illegal)|no such (?:user|recipient|address|mailbox|person|account|local)|"
    r"(?:user|recipient|address|mailbox|account|alias|he|name).{0,60}(?:not exist|n'?t exist|unknown|not found|couldn'?t be found|could not be found|cannot be found|not listed|not recognized|invalid|not known|no longer|is not valid|n'?t have a)|"
    r"not listed in|recipnotfound|invalid (?:recipient|mailbox|address|user|addr|destination)|no mailbox (?:here|by)|not a valid (?:mailbox|user|recipient|address)|not our customer|"
    r"bad (?:destination|recipient|address)|addresseeunknown|recipient (?:name )?(?:rejected|unknown)|unrouteable|"
    r"host (?:is )?unknown|unknown host|host not found|host or domain name not found|domain (?:name )?(?:does not exist|not found|not exist|must exist|is unknown|doesn)|no such (?:domain|host)|"
    r"name or service not known|nxdomain|non-?existent (?:domain|host|user)|cannot find (?:the )?(?:domain|host)|name service error|couldn't find (?:any )?host|could not be resolved|"
    r"has moved|moved to|been replaced by|no longer (?:in use|valid|available|accept|work|exists|employed|with)|"
    r"does(?:n'?t| not) accept (?:any )?(?:mail|e-?mail|message)|null ?mx|no mail accepted|not accepting mail(?! (?:from|with)\b)|"
    r"no mail ?box (?:available for|found)|not a (?:known|registered|local) (?:user|recipient|mailbox)|bad_?recipient|requested action not taken: mailbox unavailable|mailbox unavailable \(-?\d|"
    r"address does not|no matches to nameserver|is not a user|not (?:have|on record) (?:a|any) (?:account|mailbox)|"
    r"(?:nie istnieje|nieznany (?:adresat|użytkownik|odbiorca)|nieprawidłowy adres)|"
    r"(?:unbekannter (?:empfänger|benutzer)|(?:empfänger|benutzer|adresse|postfach).{0,40}(?:unbekannt|existiert nicht|nicht gefunden|ungültig)|existiert nicht)|"
    r"(?:(?:utente|casella|dominio|destinatario|indirizzo|account|mailbox).{0,40}(?:inesistente|sconosciut[oa]|non (?:è )?valid[oa]|non esiste|non trovat[oa]|errato)|utente sconosciuto)|"
    r"(?:(?:utilisateur|destinataire|adresse|domaine|compte|boîte).{0,40}(?:inconnue?|inexistante?|introuvable|invalide|n'existe pas))|"
    r"(?:(?:usuario|destinatario|dirección|cuenta|buzón|dominio|direccion).{0,40}(?:no existe|desconocid[oa]|inexistente|inválid[oa]|no (?:se )?encontrad[oa]))|"
    r"(?:(?:usuário|destinatário|endereço|conta|caixa).{0,40}(?:não existe|desconhecid[oa]|inexistente|inválid[oa]|não encontrad[oa]))|"
    r"(?:(?:gebruiker|ontvanger|adres).{0,40}(?:onbekend|bestaat niet|niet gevonden|ongeldig))|"
    r"(?:пользовател|адресат|ящик|адрес|получател).{0,40}(?:не существует|не найден|неизвестен|отсутствует)|нет такого (?:пользователя|адреса|ящика)|"
    r"(?:uživatel|adresát|příjemce|schránka).{0,40}(?:neexistuje|neznámý|nenalezen)|"
    r"見つかりません|存在しません|ありません|不存在|不正",
    re.IGNORECASE,
)

# Words of one server that mean one thing, whatever else is said around them.
CERTAINLY_HARD = re.compile(
    r"recipient address rejected: access denied|requested action not taken: mailbox unavailable \(|mail ?box available for this user",
    re.IGNORECASE,
)
CERTAINLY_SOFT = re.compile(
    r"host not found, try again|domain of sender address|sender address .{0,80}does not exist|malformed or unexpected name server|message size exceeded|"
    r"size limit exceeded|too many messages on the server|exceeded (?:its|the|his|her) (?:disk|storage|quota|mailbox)|accepting mail with attachments|"
    r"(?:casella|mailbox) (?:di posta )?(?:piena|esaurita)|quota superata|spazio esaurito|postfach (?:ist )?voll|kontingent überschritten|"
    r"boîte (?:de réception |aux lettres )?pleine|buzón (?:está )?lleno|caixa (?:de correio )?(?:está )?cheia|postvak (?:is )?vol|"
    r"skrzynka .{0,20}(?:pełna|przepełniona)|ящик переполнен|tempi massimi",
    re.IGNORECASE,
)
# The status is about who sent it, or speaks for itself.
SOFT_WHATEVER_IS_SAID = re.compile(r"5\.1\.[789]$|5\.2\.2$|5\.3\.4$")
# Some services let only people in who prove that they are one: the mail waits, it did not fail.
CHALLENGE = re.compile(
    r"sender (?:is )?not (?:pre-?)?approved|follow (?:the )?instructions in (?:the )?above|has been (?:wait ?listed|quarantined until you)|guest list|"
    r"confirm that you are (?:a )?(?:human|person|not a)|verify that you are (?:a )?(?:human|person)|challenge[- ]response",
    re.IGNORECASE,
)

HARD_STATUS = re.compile(r"5\.1\.(?:0|1|2|3|4|6|10|11)$|5\.4\.4$|5\.0\.911$")

# Status from words, where a report holds none (RFC 3463).
STATUS_BY_WORDS = (
    (re.compile(r"(?:mailbox|mail ?folder|inbox|account).{0,20}full|full mailbox|over(?: \w{1,20})?(?: disk)? ?quota|quota (?:exceeded|violation|is exceeded)|exceed\w{0,10}(?: \w{1,20})?(?: disk| storage)? quota|exceeds allowed size|space not enough|一杯", re.IGNORECASE), "5.2.2"),
    (re.compile(r"too (?:large|big)|size limit|maximum (?:\w{1,20} ){0,2}size", re.IGNORECASE), "5.3.4"),
    (re.compile(r"(?:account|mailbox|user|recipient)\W.{0,40}(?:disabled|suspended|inactive|deactivated|discontinued|not active)", re.IGNORECASE), "5.2.1"),
    (re.compile(r"host unknown|unknown host|host not found|domain.{0,20}(?:not (?:found|exist)|must exist)|no such (?:domain|host)", re.IGNORECASE), "5.1.2"),
    (re.compile(r"user (?:is )?(?:unknown|not (?:found|known))|unknown user|(?:no|n't have an?|there is no) (?:such )?(?:\S+ )?(?:user|recipient|mailbox|address|account)\b|not listed|does ?n.t exist|unknown recipient|not recognized|invalid (?:final delivery )?(?:user|recipient|address|mailbox)", re.IGNORECASE), "5.1.1"),
    (re.compile(r"spam|blocked|policy|blacklist", re.IGNORECASE), "5.7.1"),
    (re.compile(r"too many hops|hop count|(?:mail|message) loop", re.IGNORECASE), "5.4.6"),
    (re.compile(r"timed? ?out|retry time|expired|giving up|failing for a long time|queue too long|allowed queue period", re.IGNORECASE), "4.4.7"),
    (re.compile(r"not responding|did not respond|connection (?:refused|failed)|could not connect|unable to connect", re.IGNORECASE), "4.4.1"),
)  # fmt: skip
