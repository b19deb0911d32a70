"""Which words stand in device lines, closing formulas, signatures and notices? Tables per language, in lower case."""

from __future__ import annotations

import re

# "Sent from my …": the whole line, in lower case, begins with one of these.
SENT_FROM = (
    "sent from my ", "sent from mail for windows", "sent from outlook", "sent from yahoo mail", "sent from samsung",
    "sent from typeapp", "sent from proton", "sent from gmail", "sent from bluemail", "sent from aqua mail",
    "sent from nine", "sent from mobile", "sent from iphone", "sent from ipad", "sent from android", "sent with ",
    "sent via ", "sent using ", "get outlook for ", "von meinem ", "gesendet von ", "gesendet mit ",
    "inviato da ", "inviato dal ", "inviato dall'", "inviato dalla ", "scarica bluemail ", "scarica outlook per ", "ottieni outlook per ", "envoyé de ", "envoyé depuis ",
    "envoyé à partir d", "télécharger outlook pour ", "obtenez outlook pour ", "enviado desde ",
    "obtener outlook para ", "enviado do ", "enviado de ", "enviado a partir ", "obter o outlook para ",
    "verzonden vanaf ", "verstuurd vanaf ", "outlook voor ", "verzonden met ", "wysłane z ", "wysłano z ",
    "отправлено с ", "отправлено из ", "надіслано з ", "odesláno z ", "skickat från ", "sendt fra ",
    "lähetetty ", "gönderildi ", "iphone'umdan gönderildi", "iphoneから送信", "发自我的", "發自我的",
    "从我的", "via mobile", "從我的", "sent from mail", "sent from windows mail", "sent from superhuman", "sent from spark", "sent from my",
    "diese nachricht wurde von meinem ", "diese e-mail wurde von meinem ", "this message was sent from my ", "from my ",
    "verzonden vanuit ", "outlook für ", "holen sie sich outlook", "hämta outlook", "hent outlook", "hanki outlook", "pobierz ", "скачать ",
    "получить outlook", "stáhnout outlook", "last ned outlook", "skaff deg outlook", "téléchargez outlook", "baixe o outlook",
    "consiga outlook", "obtén outlook", "obtenir outlook", "trimis de pe ", "trimis din ", "trimis cu ", "أُرسلت من", "أرسلت من",
    "تم الإرسال من", "נשלח מ", "στάλθηκε από ", "poslano s ", "poslano iz ", "poslano z ", "odoslané z ", "изпратено от ", "được gửi từ ",
    "dikirim dari ", "saadetud ", "enviat des ", "enviado pelo ", "enviada do ", "envoyé avec ", "enviado con ", "inviato con ",
    "skickades från ", "skickat med ", "sendt via ", "sendt med ", "wysłane za ", "wysłano za ", "отправлено через ", "надіслано через ",
    "sent from a ", "envoyé via ", "gesendet über ", "gesendet aus ",
)  # fmt: skip
SENT_ENDS = (
    "ról küldve",
    "umdan gönderildi",
    "mdan gönderildi",
    "から送信",
    "에서 보냄",
    "에서 보냈습니다",
    "傳送",
    "发送自手机",
)
"""How a line ends where the device stands first."""
LONG_SENT_FROM = ("diese ", "this message was ")
ALWAYS_DEVICE = (
    "sent from my ",
    "von meinem ",
    "get outlook for ",
    "via mobile",
    "发自我的",
    "發自我的",
    "从我的",
    "從我的",
)
DEVICE = re.compile(
    r"phone|iphon|ipad|ipod|android|blackberry|outlook|mail|mobil|handy|tablet|smart|samsung|galaxy|huawei|xiaomi|windows|"
    r"yahoo|proton|typeapp|sparrow|spark|aqua|\bcell|telefon|teléfono|téléphone|portable|dispositi|appareil|"
    r"nine|zoho|thunderbird|boxer|workspace|komórk|смартфон|устройств|puhelim|telefoni|cihaz|airmail|superhuman|mailbox|手机|gerät|k-9|mobiel",
    re.IGNORECASE,
)
APOLOGY = re.compile(
    r"typo|excuse|brevity|tippfehler|kürze|brièveté|fautes|errores|errori|brevità|brevidade", re.IGNORECASE
)
"""`Sent from my phone, please excuse typos` is still nothing but such a line."""
"""What every other line that begins so must name: `Sent via DHL yesterday` is news."""
DEVICE_CHARACTERS = 60
"""A longer line that begins so is a sentence, unless all of it behind is an address."""

# Closing formulas: what stands below, to the end, may be name, company and phone.
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
    "cheers", "best wishes", "all the best", "sincere regards", "warmest regards", "best", "regards and thanks", "thanks and regards",
    "thanks & regards", "thank you and best regards", "many thanks and best regards", "with regards", "rgds", "kr", "br",
    "schöne grüße", "schöne grüsse", "liebe grüße", "liebe grüsse", "herzliche grüße", "herzliche grüsse", "lg", "vg", "gruß", "grüße",
    "beste grüsse", "viele grüsse", "mit besten grüßen", "mit besten grüssen", "mit freundlichem gruss", "freundlicher gruß",
    "salutations", "meilleures salutations", "bien à toi", "salutations distinguées", "cdlt", "cdt", "sincèrement",
    "cordialmente saluto", "in fede", "un saluto", "buona giornata", "saludos atentos", "reciba un cordial saludo", "un saludo",
    "abraços", "abraço", "com os meus cumprimentos", "melhores cumprimentos", "att", "groeten", "groetjes", "hartelijke groet", "groet",
    "z wyrazami szacunku", "łączę pozdrowienia", "serdecznie pozdrawiam", "pozdrawiam serdecznie", "с наилучшими пожеланиями",
    "с уважение", "з найкращими побажаннями", "s pozdravom", "s úctou", "hezký den", "bästa hälsningar", "vänligen", "de bedste hilsner",
    "bedste hilsner", "mange hilsner", "beste hilsen", "vennlig hilsen", "hilsen fra", "parhain terveisin", "yst. terv", "saygılar",
    "üdvözlettel", "tisztelettel", "cu stimă", "cu respect", "με εκτίμηση", "φιλικά", "s poštovanjem", "lep pozdrav", "lijep pozdrav",
    "lugupidamisega", "pagarbiai", "ar cieņu", "よろしくお願いいたします", "以上", "祝好", "谢谢", "此致敬礼", "trân trọng", "salam", "hormat kami",
    "terv", "t.", "cordialità", "un caro saluto", "tanti saluti", "saluti cordiali", "con i migliori saluti", "con cordialità", "mit herzlichen grüßen", "viele liebe grüße", "sonnige grüße", "un saluto cordiale",
    "un fuerte abrazo", "saludos y gracias", "com os melhores", "melhores cumprimentos", "wyrazy szacunku", "с наилучшими", "всего доброго", "всего хорошего", "всього найкращого", "hezký zbytek dne", "hälsar", "hilsen fra oss",
    "mvh", "ystävällisin terveisin", "terveisin", "saygılarımla", "iyi çalışmalar", "敬具", "此致", "顺祝商祺",
))  # fmt: skip
THANKS = frozenset((
    "thanks", "thank you", "many thanks", "thanks a lot", "thanks again", "thank you very much", "thx", "grazie", "grazie mille", "molte grazie", "grazie ancora", "ringrazio",
    "danke", "vielen dank", "besten dank", "danke schön", "dankeschön", "herzlichen dank", "merci", "merci beaucoup", "merci d'avance", "gracias", "muchas gracias", "mil gracias",
    "obrigado", "obrigada", "muito obrigado", "muito obrigada", "bedankt", "alvast bedankt", "dank", "dank je wel", "dank u", "dziękuję", "z góry dziękuję", "спасибо", "большое спасибо",
    "заранее спасибо", "дякую", "щиро дякую", "děkuji", "díky", "předem děkuji", "ďakujem", "tack", "tack på förhand", "tak", "på forhånd tak", "mange tak", "takk", "på forhånd takk", "kiitos",
    "kiitos etukäteen", "teşekkürler", "teşekkür ederim", "köszönöm", "előre is köszönöm", "mulțumesc", "ευχαριστώ", "hvala", "buon lavoro", "buona serata", "schönen tag", "schönes wochenende",
    "bonne journée", "buen día", "bom dia", "fijne dag", "miłego dnia", "ha en bra dag", "have a nice day", "have a great day",
))  # fmt: skip
"""What people say above their name; below it a signature may begin, but they mean it."""
CLOSING_LINES = 12
CLOSING_LINE_CHARACTERS = 90

# What a line `Label: value` of a signature says where to reach somebody, or what the company is by law. Any other label is content.
CONTACT_LABELS = frozenset(
    (
        "t tel phone ph telephone m mob mobile cell cellphone f fax p o office direct desk d e email e-mail mail w web website www internet "
        "homepage url skype linkedin twitter facebook instagram whatsapp telegram signal xing address "
        "telefon telefax mobil mobiltelefon handy festnetz durchwahl zentrale adresse anschrift büro "
        "telefono cell. cellulare centralino indirizzo sede sito interno pec tél tél. téléphone portable mobile. télécopie standard "
        "telf tlfno tfno telm tlm cel móv teléfono móvil celular dirección telefone telemóvel fone endereço morada telefoon mobiel adres tlf tlf. mobilnr "
        "puh puhelin gsm kom komórka tel. тел тел. телефон моб факс адрес сайт телефон. cep telefonu faks "
        "電話 電話番号 携帯 住所 电话 手机 传真 地址 邮箱 網址 전화 "
        "vat vatid uid p.iva piva c.f cf siret siren kvk btw nip regon krs ičo dič org.nr orgnr cvr nif cif rea hrb ust-idnr ust-id "
        "ustidnr steuernr geschäftsführer registergericht amtsgericht handelsregister reg.nr bic iban"
    ).split()
)

STREETS = re.compile(
    r"(?:\b(?:via|viale|piazza|corso|vicolo|largo|strada|rue|avenue|boulevard|place|allée|chemin|calle|avenida|plaza|paseo|rua|praça|ulica|al|"
    r"street|st|road|rd|ave|lane|drive|blvd|suite|floor|square|court|sokak|cad|caddesi|postfach|box|пр|ул|улица|вул)\b\.?"
    r"|(?:straße|strasse|str\.|gasse|weg|platz|allee|ring|damm|straat|laan|plein|kade|gatan|vägen|vej|gade|gata|veien|katu|tie)\b)",
    re.IGNORECASE,
)
"""Words of postal addresses."""

OFFICE = re.compile(
    r"\b(?:ceo|cto|cfo|coo|cio|manager|director|head of|engineer|officer|president|founder|owner|sales|support|consultant|assistant|"
    r"administrator|specialist|department|dept|team|ltd|limited|inc|llc|corp|company|gmbh|ag|kg|ohg|e\.k|leiter|leiterin|leitung|"
    r"geschäftsführer|geschäftsführerin|vertrieb|abteilung|inhaber|direttore|responsabile|ufficio|titolare|amministrazione|s\.?r\.?l|"
    r"s\.?p\.?a|s\.?n\.?c|s\.?a\.?s|sarl|sa|directeur|directrice|responsable|service|chef de|gérant|director general|gerente|s\.l|lda|ltda|"
    r"diretor|bv|b\.v|nv|n\.v|directeur|medewerker|sp\. z o\.?o|kierownik|dyrektor|specjalista|директор|менеджер|отдел|ооо|тов|s\.r\.o|"
    r"a\.s|ředitel|jednatel|ab|chef|ansvarig|a/s|aps|direktør|oy|toimitusjohtaja|a\.ş|şti|müdür|kft|zrt)\b|株式会社|有限公司|\w @ \w",
    re.IGNORECASE,
)
"""An office somebody holds, or the form of a company."""
