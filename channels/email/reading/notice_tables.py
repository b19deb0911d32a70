"""Which words do notices of secrecy, and requests not to print, consist of? Tables per language, in lower case."""

from __future__ import annotations

import re

OPENINGS = (
    "this e-mail", "this email", "this message", "this mail", "this transmission", "this electronic message", "this communication", "the information", "the contents of",
    "the content of", "the above message", "any views", "important notice", "avvertenza", "avvertenze", "attenzione:", "nota:", "achtung:", "attention :", "attention:", "advertencia", "atención:", "atenção", "let op:", "uwaga:", "внимание", "увага", "upozornění", "obs!", "important:", "notice:",
    "le informazioni", "questo messaggio", "questa e-mail", "questa email", "questa mail", "questa comunicazione", "il contenuto di quest", "il presente messaggio",
    "la presente comunicazione", "la presente e-mail", "la presente mail", "i dati contenuti", "quanto contenuto", "ai sensi d", "ai sensi e per gli effetti", "informativa privacy",
    "informativa ai sensi",
    "diese e-mail", "diese mail", "diese nachricht", "der inhalt dieser", "die in dieser", "die informationen in dieser", "die information in dieser",
    "wichtiger hinweis", "rechtlicher hinweis", "hinweis:",
    "ce message", "ce courriel", "ce mail", "cet e-mail", "cet email", "cette communication", "le présent message", "la présente communication", "le contenu de ce",
    "les informations contenues",
    "este mensaje", "este correo", "esta comunicación", "el contenido de este", "la información contenida", "aviso legal",
    "esta mensagem", "este e-mail", "este email", "as informações contidas", "a informação contida", "o conteúdo desta",
    "dit bericht", "deze e-mail", "deze email", "dit e-mailbericht", "de informatie in", "de inhoud van di", "de inhoud van de",
    "ta wiadomość", "niniejsza wiadomość", "informacja zawarta", "informacje zawarte", "treść tej", "treść niniejszej",
    "это сообщение", "данное сообщение", "настоящее сообщение", "это электронное", "данное электронное", "информация, содержащаяся", "содержание данного",
    "це повідомлення", "цей лист", "інформація, що міститься",
    "tento e-mail", "tato zpráva", "obsah tohoto", "obsah této", "informace obsažené", "táto správa",
    "detta meddelande", "detta e-postmeddelande", "detta mail", "detta e-mail", "innehållet i detta", "informationen i detta",
    "denne e-mail", "denne mail", "denne meddelelse", "denne e-posten", "denne meldingen", "informasjonen i denne", "indholdet af denne",
    "tämä viesti", "tämä sähköposti", "bu e-posta", "bu mesaj", "bu elektronik", "bu ileti",
    "このメール", "本メール", "本電子メール", "この電子メール", "本邮件", "此邮件", "本電郵", "本郵件", "此郵件", "本电子邮件",
)  # fmt: skip
"""First words of a notice. People begin so too (`Questo messaggio è apparso`): its other words decide."""

ABOUT = (
    "this e-mail and any", "this email and any", "this message and any", "this e-mail (", "this email (", "this message (", "the information contained", "the information in this",
    "the contents of this", "le informazioni contenute", "le informazioni trasmesse", "questo messaggio e i suoi", "questo messaggio ed", "questa e-mail e", "i dati contenuti",
    "diese e-mail und", "diese nachricht und", "die in dieser", "der inhalt dieser", "ce message et", "cet e-mail et", "ce courriel et", "les informations contenues", "este mensaje y",
    "este correo y", "este correo electrónico y", "la información contenida", "esta mensagem e", "este e-mail e", "as informações contidas", "dit bericht en", "deze e-mail en", "de informatie in",
    "ta wiadomość i", "ta wiadomość wraz", "informacje zawarte", "это сообщение и", "информация, содержащаяся", "tento e-mail a", "informace obsažené", "detta meddelande och", "informationen i detta",
    "denne e-mail og", "denne e-posten og", "informasjonen i denne", "tämä viesti ja", "bu e-posta ve", "bu mesaj ve",
)  # fmt: skip
"""First words of a message about itself and what is attached: with a word of secrecy that is a notice."""

CERTAIN = (
    "confidentiality notice", "confidentiality:", "disclaimer:", "disclaimer -", "if you are not the intended recipient", "this e-mail is confidential",
    "this email is confidential", "this message is confidential", "avviso di riservatezza", "nota di riservatezza", "diese e-mail ist vertraulich",
    "diese nachricht ist vertraulich", "ce message est confidentiel", "vertraulichkeitshinweis", "avis de confidentialité", "aviso de confidencialidad",
    "aviso de confidencialidade", "klauzula poufności", "уведомление о конфиденциальности",
)  # fmt: skip

SECRECY = re.compile(
    r"confiden|konfiden|privileg|riservat|vertraulich|geheim|vertrouwelijk|poufn|конфиденц|конфіденц|důvěrn|dôvern|fortrolig|luottamuks|gizli|保密|"
    r"机密|機密|秘密|gdpr|dsgvo|rgpd|2016/679|679/2016|196/2003|privacy",
    re.IGNORECASE,
)
OTHERS = (
    re.compile(
        r"intended|addressee|recipient|destinatar|destinatair|destinat[aioe]\b|empfänger|adressat|geadresseerd|ontvanger|adresat|адресат|adresát|mottagar|modtager|"
        r"mottaker|vastaanottaj|alıcı|宛先|受信者|受信され|收件人|solely|exclusive|ausschließlich|esclusiv|unicamente",
        re.IGNORECASE,
    ),
    re.compile(
        r"\bin error\b|mistake|delet|destroy|unauthori|disclos|dissemin|errore|cancell|distrugg|vietat|diffusione|irrtüm|lösch|vernicht|weitergabe|unbefugt|"
        r"nicht gestattet|erreur|détrui|supprim|divulg|interdit|diffusion|prohibid|erróne|elimin|borr|proibid|engano|apag|vergissing|verwijder|verboden|abus|"
        r"pomyłk|usuni|usuń|zabron|ошибк|ошибоч|удал|запрещ|помилк|видал|заборон|omyl|smaz|zakáz|misstag|radera|otillåt|fejl|slet|feil|uten tillatelse|virhe|"
        r"poista|yanlışlı|silin|誤|削除|错误|錯誤|删除|刪除|virus|liab|responsab|haft",
        re.IGNORECASE,
    ),
)
"""A notice speaks of secrecy or its law, and of who may read it or of what nobody may do."""

BY_LAW = (
    "ai sensi d", "ai sensi e per gli effetti", "in ottemperanza a", "in conformità a", "in conformità con", "in osservanza d", "nel rispetto del",
    "pursuant to ", "in accordance with ", "in compliance with ", "gemäß ", "gemäss ", "conformément ", "en application d", "de conformidad con",
    "en cumplimiento d", "de acordo com", "nos termos d",
)  # fmt: skip
"""First words of a notice that names a law. Who claims a right begins so too: it must say that this very mail is secret."""
ITSELF = re.compile(
    r"(?:contenut|trasmess|riportat)[aeio]\s+(?:in|nel|nella)\s?(?:la\s)?(?:quest|present)|(?:quest|present)[aeio]\s+(?:messaggio|comunicazione|e-?mail|mail)|"
    r"this (?:e-?mail|message|communication)|diese[rs]?n? (?:e-?mail|mail|nachricht)|c(?:e|et) (?:message|courriel|e-?mail|mail)|"
    r"este (?:mensaje|correo|e-?mail)|esta (?:mensagem|comunicación|comunicação)",
    re.IGNORECASE,
)
SECRET = re.compile(
    r"\b(?:è|e'|sono|(?:deve|devono|da) (?:ritener|considerar|intender)si|si (?:intend|ritien|consider)\w+)\s(?:[\w,]+\s){0,3}?(?:riservat|confidenzial)|"
    r"\b(?:is|are|be)\s(?:\w+\s){0,3}?(?:confidential|privileged)|\b(?:ist|sind)\s(?:\w+\s){0,3}?vertraulich|\b(?:est|sont)\s(?:\w+\s){0,3}?confidentiel|"
    r"\b(?:es|son|é|são|está|están)\s(?:\w+\s){0,3}?confidencia",
    re.IGNORECASE,
)
"""It is said of something that it is secret; who only names what is secret may want it."""
CLAIMS = re.compile(
    r"\?|\b(?:chied|richied|esig|diffid)(?:o|iamo)\b|\bvogli(?:o|a|ate|amo)\b|\bvorre(?:i|mmo)\b|\binvit\w+ a (?:comunic|invi|forni|conferm|provved)|\bva(?:nno)? \w+t[oaie]\b|\bsi (?:chied|richied)e\b|\b(?:i|il) mi(?:ei|o) |\b(?:le|la) mi[ea] |\b(?:i nostri|il nostro) |\bpreg\w+ di (?:invi|mand|forni|trasm|conferm|provved)|"
    r"\b(?:I|we) (?:request|ask|demand|hereby|want|need|would like)|\bsend (?:me|us)\b|\bplease (?:send|provide|confirm|give|let)|\b(?:my|our) |\bmust be\b|"
    r"\b(?:bitte|fordere|verlange) ich|\bich (?:bitte|fordere|verlange)|\b(?:bitten|fordern|verlangen) wir|\bwir (?:bitten|fordern|verlangen)|\bmeine[rn]? daten|\b(?:möcht|wünsch)e|"
    r"\b(?:je|nous) (?:demand|vous pri|sollicit|souhait|voudr)|\b(?:quier|quer|dese)(?:o|e|emos|amos)\b|\bveuillez (?:nous|m')|\b(?:mes|nos) données|\b(?:solicit|ped|pid|exig)(?:o|amos|imos)\b|\b(?:mis|meus|nuestros|nossos) dados?\b|\bmis datos\b",
    re.IGNORECASE,
)
"""Somebody asks for something: no notice does, but that it be destroyed or told."""

PRINTING = (
    "please consider the environment", "please think of the environment", "before printing", "think before you print", "please think before",
    "do you really need to print", "do you need to print", "is it necessary to print", "müssen sie diese", "muss diese e-mail", "è davvero necessario stampare", "avez-vous vraiment besoin d'imprimer", "¿es necesario imprimir",
    "save a tree", "please don't print", "please do not print this", "prima di stampare", "rispetta l'ambiente", "rispettiamo l'ambiente", "pensa all'ambiente",
    "avant d'imprimer", "pensez à l'environnement", "merci de penser à l'environnement", "n'imprimez ", "bitte denken sie an die umwelt", "denken sie an die umwelt", "bitte prüfen sie, ob diese", "bitte prüfen sie der umwelt",
    "antes de imprimir", "piense en el medio", "por favor, piense", "proteja o ambiente", "pense no ambiente", "denk aan het milieu", "denkt u aan het milieu", "zanim wydrukujesz", "pomyśl o środowisku",
    "tänk på miljön", "tänk på vår miljö", "tænk på miljøet", "tenk på miljøet", "пожалуйста, подумайте об окружающей", "lütfen yazdırmadan", "ajattele ympäristöä", "myslete na životní", "環境保護のため",
)  # fmt: skip
NATURE = re.compile(
    r"environment|ambient|umwelt|medio ?ambiente|milieu|środowisk|miljö|miljø|окружающ|çevre|ympärist|životní prostředí|planet|trees?\b|albero|alberi|arbres?\b|"
    r"árbol|bäume|環境",
    re.IGNORECASE,
)
