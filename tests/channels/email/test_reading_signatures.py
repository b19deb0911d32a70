"""Is what stands below a mail folded, and what only looks like it shown?"""

from __future__ import annotations

import pytest

from channels.email.reading import html_text
from core.envelope import SpanKind
from tests.channels.email.reading_mails import a_mail, folded, shown, understood, visible


@pytest.mark.parametrize(
    "below",
    [
        "-- \nAlice\nCust A\n+39 045 1",
        "Sent from my iPhone",
        "Inviato da iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Get Outlook for Android<https://aka.ms/x>",
        "Outlook für iOS beziehen <https://aka.ms/x>",
        "Verzonden vanuit Outlook voor iOS",
        "Az iPhone-omról küldve",
        "Trimis de pe iPhone-ul meu",
        "從我的 iPhone 傳送",
        "Diese Nachricht wurde von meinem Android-Mobiltelefon mit K-9 Mail gesendet.",
        "내 Galaxy에서 보냈습니다.",
        "Sent from my cell, please excuse any typos.",
        "(Sent from mobile device)",
        "Best regards,\n\nAlice Example\nCust A Ltd",
        "Regards,\n\nAlice Example\nCEO @ Cust A",
        "Cordiali saluti\nAlice\nCust A srl\nTel. 045 1",
        "Mit freundlichen Grüßen\n\nAlice Example\nLeiterin Einkauf\n\nCust A GmbH\nHauptstraße 5, 80331 München\nTel.: +49 89 123456\nwww.cust-a.test",
        "Cordialement,\nAlice\n01 23 45 67 89 | alice@cust-a.test",
        "Kind regards\nAlice\nM: +44 7700 900333\n12 Station Road, Leeds",
        "---------------\n\nAlice Example\n\nt. 555-931-0702\n\nf. 555-875-7611\n\nhttp://cust-a.test/",
        "This e-mail and any attachments are confidential.",
        "Le informazioni contenute in questo messaggio sono riservate.",
        "Distinti saluti.\nDott.ssa Anna Verdi\nTel. 045 1234567 - Fax 045 1234568\nPEC: cust-a@pec.test\n\nPrima di stampare, pensa all'ambiente.",
        (
            "Mit freundlichen Grüßen\n\ni.A. Anna Grün\nSachbearbeiterin Einkauf\n__________\nCust A GmbH & Co. KG\nHauptstraße 5\n"
            "D-70173 Stuttgart\nTelefon: +49 711 123456\nAmtsgericht Stuttgart HRB 1234"
        ),
        (
            "Distinti saluti\n\nGeom. Anna Verdi\n\nCust A S.p.A.\nVia Roma, 1\n37100 - Verona\nTel. 045/123456 (r.a.) Fax 045/123457\n"
            "Sede legale: Via Po 2, 20100 Milano\nCap. Soc. € 10.000,00 i.v. - Reg. Imp. Verona 01234567890"
        ),
        "Pozdrawiam / Best regards\n\nAnna Zielona\nSpecjalista ds. zakupów\ntel. +48 22 123 45 67\nCust A sp. z o.o.",
        "********\n株式会社キャク\n購買部 緑 アンナ\nTEL：03-1234-5678 FAX：03-1234-5679\nE-mail：anna@kyaku.test\n********",
        (
            "--\nAnna Verdi\nUfficio Acquisti\nTel. 045 1234567\n\nI contenuti della comunicazione sono riservati e destinati esclusivamente ai soggetti "
            "indicati: chi la riceve per errore è pregato di cancellarla."
        ),
        "--\nDiese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.",
        "Это сообщение конфиденциально и предназначено только адресату; удалите его, если получили по ошибке.",
        "____________\nusers mailing list\nusers@lists.test",
        "Ai sensi del Regolamento UE 2016/679 (GDPR), le informazioni contenute in questo messaggio sono riservate.",
        "Ai sensi e per gli effetti del Reg. UE 679/2016 si precisa che quanto trasmesso con la presente e-mail è riservato.",
        "In ottemperanza al D.Lgs. 196/2003 le informazioni contenute nella presente comunicazione sono riservate.",
        "In conformità al GDPR le informazioni contenute in questo messaggio sono riservate. Vi invitiamo a distruggerlo.",
        "Il contenuto di questa e-mail è rivolto unicamente alle persone cui è indirizzato e la sua riservatezza è tutelata.",
        (
            "Cordiali saluti\n\nAlice Verdi\nCust A S.p.A.\nTel. +39 045 123456\n\nAi sensi del GDPR le informazioni contenute in questa mail "
            "sono riservate."
        ),
    ],
)
def test_signatures_and_notices_are_folded(below):
    text = f"Fine.\n\n{below}"

    assert shown(text) == "Fine."
    assert folded(text, SpanKind.SIGNATURE) or folded(text, SpanKind.DISCLAIMER)


@pytest.mark.parametrize(
    "text",
    [
        "Fine.\n\nRegards,\nAlice\n\nPS: the monitor is broken too",
        "Fine.\n\nSaluti\nMario\n\nIl monitor non funziona da ieri mattina.",
        "Fine.\n\nRegards\nAlice\n\nWhen will you come?",
        "Fine.\n\nRegards\nAlice\nplease call me back today",
        "Aiuto.\n\nQuesto messaggio è urgente: il server è fermo.",
        "Hello.\n\nThis message may contain a typo, but the printer is still dead.",
        "The parcel.\n\nSent via DHL yesterday",
        "Sent from my desk, where nothing works any more.",
        "Log:\n\n--\nThe server stopped at ten and nobody knows why it did.\n--\nIt started again.",
        "One.\n\n________________\n\nTwo.",
        "The new one:\n\n--\nSerial: 4711\nRoom: B12",
        "The new one:\n\n-- \nSerial: 4711\nRoom: B12",
        "The new ones:\n\n--\n- monitor 27 inch\n- keyboard",
        "Buongiorno,\nnon va.\n\nQuesto messaggio è apparso quando ho provato a stampare.",
        "Hallo.\n\nDiese Nachricht ist beim Empfänger mit einem Fehler angekommen.",
        "Bonjour.\n\nCe message est affiché quand j'imprime : destinataire inconnu, erreur 12.",
        "It jams.\n\nBefore printing, the machine makes a noise.",
        "Si blocca.\n\nPrima di stampare è necessario togliere la carta dal cassetto.",
        "Hi.\n\n###########\nERROR 17 on device LT-4\n###########\nCan you help?",
        "Hi.\n\nRegards to all,\n\n+++++\nCode 12345\n+++++\nplease check",
        "It stopped.\n\nThis message appears: confidential data was deleted, only the intended recipient may open it.\n\nWhat now?",
        "It says:\n\nThis e-mail and any attachment is confidential, delete it.\n\nPS: it says so every day",
        "Please call on site:\n\n----------\nMario Bianchi\nTel. +39 333 1234567\nmario@cust-a.test",
        "Ein Konto für:\n\nBeste Grüße\n\nMax Braun\nLeiter Einkauf\nTel. 089 123456",
        "新用户：\n\n--\n用户名：zhang\n部门：采购",
        "Buongiorno.\n\nAi sensi del Regolamento UE 2016/679 chiedo copia dei dati riservati e di questo messaggio.",
        "Buongiorno.\n\nIn ottemperanza al GDPR, i miei dati riservati in questa comunicazione vanno tolti.",
        "Hello.\n\nPursuant to the GDPR I request all confidential data that this message is about.",
        "La stampante non va.\n\nAi sensi dell'art. 15 GDPR si richiede l'accesso ai dati riservati di cui a questa mail.",
        "La stampante non va.\n\nIn osservanza del GDPR vi preghiamo di inviare la documentazione riservata a questa mail.",
        "It is broken.\n\nPursuant to Article 15 GDPR please send us the confidential records referred to in this email.",
        "Guten Tag.\n\nGemäß Art. 15 DSGVO bitten wir um die vertraulichen Daten zu dieser E-Mail.",
        "Bonjour.\n\nConformément au RGPD nous demandons les données confidentielles dont parle ce message.",
        "Hola.\n\nDe conformidad con el RGPD solicitamos los datos confidenciales de este correo.",
        "Hello.\n\nIn accordance with our policy the privileged account named in this email must be disabled today.",
        "Buongiorno.\n\nAi sensi dell'art. 17 GDPR vogliate cancellare i dati del destinatario di cui a questo messaggio riservato.",
        "Buongiorno.\n\nAi sensi della policy privacy abbiamo cancellato per errore la casella di Rossi: va ripristinata entro oggi.",
        "Hello.\n\nPursuant to GDPR article 17 I want everything deleted. This email is confidential.",
        "Guten Tag.\n\nGemäß Art. 15 DSGVO möchte ich Auskunft. Diese E-Mail ist vertraulich.",
        "Bonjour.\n\nConformément au RGPD je souhaite la suppression de mes fichiers. Ce message est confidentiel.",
        "Buongiorno.\n\nIn conformità all'art. 15 del GDPR vi invito a comunicarmi i dati. La presente comunicazione è riservata.",
        "Buongiorno.\n\nAi sensi del GDPR i dati in questo messaggio sono riservati: il mio account va chiuso.",
        "Buongiorno.\n\nAi sensi del contratto C-1 la linea va riparata entro oggi.",
    ],
)
def test_what_only_looks_like_an_ending_is_shown(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    "below",
    [
        "Surname: Ferri\nFirst name: Gaia\nStart: 1 December\nRole: purchasing, level 2\nCopy rights of: Anna Verdi",
        "Seriennummer: 4711-0815\nGerät: NAS-02",
        "Mario\n\nModello: Lasertron 900\nMatricola: LT9-004711",
        "Anna Verdi\nNAS-02",
        "Anna\n\nPC-ACME-0412\nPC-ACME-0413",
        "Anna\nS/N 4711-22-09",
        "Anna\nTicket 45678 and 45679",
        "Anna\n12345 Printer",
        "Anna\nIP 10.0.0.12, mask 255.255.255.0",
        "Anna\n\nhttps://files.cust-a.test/logs/monday.txt",
        "Anna\nuser = gferri\npassword = changeme",
        "Numéro de série : 4711\nSite : Lyon",
        "Anna\nError code\t0x80070005",
        "Серийный номер: 4711",
    ],
)
@pytest.mark.parametrize(
    "closing", ["Best regards", "Mit freundlichen Grüßen", "Cordiali saluti,", "С уважением,"]
)
def test_data_below_a_closing_formula_is_shown(closing, below):
    text = f"Hello,\nplease create the user below.\n\n{closing}\n\n{below}"

    assert shown(text) == text
    assert visible(understood(a_mail(text))) == text


def test_a_name_below_a_closing_formula_is_folded_where_it_is_known_to_be_the_writers():
    text = "It works.\n\nMit freundlichen Grüßen\n\nAlice Example"

    assert visible(understood(a_mail(text, **{"from": "Alice Example <alice@cust-a.test>"}))) == "It works."
    assert visible(understood(a_mail(text, **{"from": "alice.example@cust-a.test"}))) == "It works."
    assert visible(understood(a_mail(text, **{"from": "Office <office@cust-a.test>"}))) == text
    assert shown(text) == text


def test_whom_a_quoted_mail_greets_is_the_writer():
    history = "On 23/11/2026 06:00, Desk wrote:\n> Hi Alice,\n> does it work?"

    assert shown(f"It works.\n\nBest regards\nAlice\n\n{history}") == "It works."
    assert shown(f"It works.\n\n/Alice\n\n{history}") == "It works."
    assert shown(f"It works.\n\nBest regards\nGaia\n\n{history}") == "It works.\n\nBest regards\nGaia"


def test_a_long_text_below_a_closing_formula_is_no_signature():
    text = (
        "Fine.\n\nBest regards,\nAlice\n\nPS: "
        + "and another thing that must be said here, at some length. " * 4
    )

    assert shown(text) == text.strip()


@pytest.mark.parametrize(
    "mark", ['class="gmail_signature"', 'name="messageSignatureSection"', 'id="AppleMailSignature"']
)
def test_a_signature_that_the_mail_program_marked_is_folded(mark):
    converted = html_text.convert(f"<p>Fine, thanks for it.</p><div {mark}>Alice<br>Cust A</div>")

    assert (
        shown(converted.text, cuts=converted.cuts, signatures=converted.signatures) == "Fine, thanks for it."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Fine.\n\nGrazie e buona giornata.\n\nAnna Verdi\nBack Office\nTel: 045 8077111", "Fine.\n\nGrazie e buona giornata."),
        ("Fine.\n\nMuchas gracias y un saludo,\n\nAnna Verde\nTel. 91 123 45 67", "Fine.\n\nMuchas gracias y un saludo,"),
        ("Fine.\n\nThanks,\n\nAnna Green\nIT Manager, Cust Ltd\nDirect: +44 20 7946 0000", "Fine.\n\nThanks,"),
        ("Fine.\n\nС уважением, Анна Зелёная\nООО «Клиент»\nтел. +7 495 123-45-67", "Fine."),
        ("Fine.\n\nİyi çalışmalar,\nAnna Yeşil\nTel: 0212 123 45 67", "Fine."),
        ("Fine.\n\nUn cordiale saluto,\nGeom. Anna Verdi\nComune di Verona\nTel. 045/8077111 - int. 23", "Fine."),
        ("Fine.\n\nZ poważaniem\nAnna Zielona\ntel. kom. 601 234 567", "Fine."),
        ("Fine.\n\nThanks,\nthe new key is 4711-22.", "Fine.\n\nThanks,\nthe new key is 4711-22."),
        ("Grazie\n\nSeriale: 4711\nStanza: B12", "Grazie\n\nSeriale: 4711\nStanza: B12"),
    ],
)  # fmt: skip
def test_thanks_stay_where_the_name_below_them_is_folded(text, said):
    assert shown(text) == said


def test_a_card_below_the_writers_whole_name_needs_no_closing_formula():
    card = "Anna Verdi\nCust A S.p.A.\nCell: +39 348 1234567"

    assert shown(f"Fine.\n\n{card}", author="Anna Verdi <anna@cust-a.test>") == "Fine."
    assert (
        shown(f"New colleague:\n\n{card}", author="Teo Neri <teo@cust-a.test>") == f"New colleague:\n\n{card}"
    )


@pytest.mark.parametrize(
    "question",
    ["And what about the one in room 12?", "E quando venite a prendere la vecchia?", "月曜日はどうですか？"],
)
def test_a_question_below_the_signature_is_seen(question):
    text = f"Fine, thank you.\n\n-- \nAlice Verdi\nTel. +39 045 123456\n\n{question}\n"

    assert shown(text) == f"Fine, thank you.\n\n{question}"


@pytest.mark.parametrize(
    "slogan", ["Need help?", "Benötigen Sie Hilfe?", "Pumps since 1950. Have you seen them all"]
)
def test_what_a_firm_asks_below_a_signature_folds_with_it(slogan):
    assert shown(f"Fine, thank you.\n\n-- \nAlice Verdi\n\n{slogan}\n") == "Fine, thank you."
