"""Did the writer answer inside what they quote? Then the questions are shown with the answers."""

from __future__ import annotations

from collections.abc import Sequence

from channels.email.reading import formulas

LINES = 60
"""Of the writer's own text above the history, in which such an announcement is looked for."""
LINE_CHARACTERS = 300
PASSAGE_LINES = 10
"""A longer quote with one text below it is a whole mail that was answered at its end."""

_ANSWERS = (
    "answer answers answered reply replies replied response responses responded comment comments commented remark remarks notes feedback "
    "antwort antworten geantwortet beantwortet kommentar kommentare kommentiert anmerkung anmerkungen ergänzungen rückmeldung "
    "risposta risposte risposto commento commenti commentato osservazioni note rispondo "
    "réponse réponses répondu réponds commentaire commentaires commenté remarques respuesta respuestas respondo contesto comentario comentarios "
    "resposta respostas respondi comentário comentários antwoord antwoorden beantwoord reactie reacties opmerking opmerkingen commentaar "
    "odpowiedź odpowiedzi odpowiadam odpowiedziałem odpowiedziałam komentarz komentarze uwagi ответ ответы ответил ответила отвечаю комментарий "
    "комментарии відповідь відповіді відповідаю коментар коментарі odpověď odpovědi odpovídám komentář komentáře odpoveď odpovede "
    "svar svaren svarene svarar svarat svarer svaret besvaret kommentarer vastaus vastaukset vastaukseni vastasin kommentti kommentit kommenttini "
    "yanıt yanıtlar yanıtlarım yanıtladım cevap cevaplar cevaplarım cevapladım yorum yorumlar yorumlarım válasz válaszok válaszaim "
    "răspuns răspunsuri răspunsurile comentarii"
)
ANSWERS = frozenset(_ANSWERS.split())

LOOKS = (
    "see|please see|look|check|find|siehe|s|sieh|sehen sie|schauen|schau|vedi|vedere|vedete|trovi|trovate|trova|guarda|voir|voyez|vois|cf|ver|vea|"
    "véase|consulta|veja|vide|zie|kijk|patrz|zobacz|zob|proszę zobaczyć|см|смотри|смотрите|див|дивіться|viz|podívej|se|katso|ks|bak|bakın|bakınız|lásd|vezi"
).split("|")

COLOURS_AND_PLACES = (
    "inline|in line|in-line|inlined|interspersed|in between|between the lines|in red|in blue|in green|in bold|in purple|in orange|in pink|in magenta|"
    "in yellow|in grey|in italics|are red|are blue|are green|marked in|in the body|under each|below each|follow each|inside the text|embedded|in colour|in color|in capitals|in caps|in the text|in your text|in your mail|in your email|in your e mail|within your|marked red|marked blue|"
    "in rot|in blau|in grün|in gelb|sind rot|sind blau|sind grün|unter den fragen|unter deinen fragen|unter ihren fragen|in fett|rot markiert|blau markiert|grün markiert|farbig|in farbe|rot geschrieben|zwischen den zeilen|im text|in deinem text|"
    "in ihrem text|in ihrer mail|in ihrer e mail|in deiner mail|direkt im|im folgenden|dazwischen|in roter|in blauer|in grüner|"
    "in rosso|in blu|in giallo|sono rosse|sono blu|sotto ogni|sotto ad ogni|nel corpo|in verde|in grassetto|in azzurro|in arancione|in viola|fra le righe|tra le righe|nel testo|nella tua|nella sua|nella vostra|in colore|"
    "dans le corps|en rouge|en bleu|en jaune|en vert|en gras|en couleur|entre les lignes|dans le texte|dans ton|dans votre|en rojo|en azul|en verde|en negrita|en color|"
    "entre líneas|entre lineas|en el texto|em vermelho|em azul|em verde|em negrito|nas entrelinhas|entre linhas|no texto|no corpo|"
    "in het rood|in rood|in blauw|in het blauw|in groen|in het groen|in vet|tussen de regels|in de tekst|tussendoor|"
    "na czerwono|na niebiesko|na zielono|czerwonym|niebieskim|zielonym|w tekście|między wierszami|w treści|"
    "внутри текста|в теле|красным|синим|зелёным|зеленым|в тексте|между строк|по тексту|червоним|синім|зеленим|у тексті|по тексту|між рядками|"
    "červeně|modře|zeleně|v textu|mezi řádky|červenou|modrou|"
    "i rött|i blått|i grönt|röd text|i texten|mellan raderna|i rødt|med rødt|med rød|i blåt|med blåt|med blå|i grønt|i teksten|mellem linjerne|"
    "mellom linjene|punaisella|sinisellä|vihreällä|tekstissä|tekstin seassa|tekstin joukossa|rivien väliin|"
    "en línea|em linha|en ligne|in maiuscolo|in lettere maiuscole|en majuscules|en mayúsculas|em maiúsculas|in großbuchstaben|in hoofdletters|"
    "wielkimi literami|заглавными|in lila|in violett|en violet|en orange|en naranja|em laranja|"
    "kırmızı|kırmızıyla|mavi|maviyle|yeşil|metin içinde|satır arasında|satır aralarında|pirossal|kékkel|cu roșu|cu albastru"
).split("|")

BELOW = (
    "below|underneath|beneath|further down|down below|bellow|unten|weiter unten|unterhalb|nachfolgend|untenstehend|sotto|qui sotto|di seguito|in calce|"
    "più sotto|ci dessous|ci-dessous|plus bas|en dessous|abajo|más abajo|a continuación|debajo|abaixo|mais abaixo|em baixo|a seguir|"
    "hieronder|onder|onderaan|verderop|beneden|poniżej|niżej|ниже|внизу|нижче|níže|níž|dole|nižšie|nedan|nedanför|här under|nedenfor|herunder|her under|"
    "nedenunder|alla|alempana|alapuolella|aşağıda|aşağıdaki|altta|alább|lent|mai jos"
).split("|")

TOGETHER = (
    "回答如下",
    "回复如下",
    "回覆如下",
    "答复如下",
    "见下文",
    "見下文",
    "红色",
    "紅色",
    "蓝色字",
    "藍色字",
    "下記の通り回答",
    "以下に回答",
    "下記に回答",
    "赤字で",
    "赤字にて",
    "青字で",
    "青字にて",
    "インラインで",
    "インラインにて",
    "文中に",
    "行間に",
    "빨간색으로",
    "파란색으로",
    "아래에 답변",
    "באדום",
    "בכחול",
    "بالأحمر",
    "باللون الأحمر",
    "με κόκκινο",
    "με κόκκινα",
    "με μπλε",
    "ตัวสีแดง",
    "màu đỏ",
)
"""Where no spaces part the words, or hardly anything else is called so."""
SHORT = 8
"""Words of a line that is nothing but an announcement."""


def announced(own: Sequence[str]) -> bool:
    """Does the writer say that the answers stand inside what follows? `own`: their lines above it.

    >>> announced(["Hi, see my answers below in red."]), announced(["The lamp in red is on."])
    (True, False)
    """
    for line in own[:LINES]:
        if not line or len(line) < 4:
            continue
        text = line[:LINE_CHARACTERS].lower()
        if not text.isascii() and any(phrase in text for phrase in TOGETHER):
            return True
        words = "".join(c if c.isalnum() else " " for c in text.replace("-", " ")).split()
        spaced = f" {' '.join(words)} "
        if spaced.strip() in ("inline", "in line", "im text", "nel testo", "dans le texte"):
            return True
        answers = not ANSWERS.isdisjoint(words)
        looks = any(f" {look} " in spaced for look in LOOKS)
        if not answers and not looks and len(words) > SHORT:
            continue
        place = any(f" {place} " in spaced for place in COLOURS_AND_PLACES)
        below = any(f" {place} " in spaced for place in BELOW)
        if (place and below) or ((place or below) and (answers or looks)):
            return True
    return False


def passages(quoted: Sequence[bool], own: Sequence[bool], bare: Sequence[str]) -> list[tuple[int, int]]:
    """The quoted passages that have an answer below them and are shown with it, as first line and line behind.

    `quoted`: lines with quote marks; `own`: lines of the writer, closing formulas not counted. Two passages or more
    are a conversation: all that are answered are shown. One is shown when it is a passage, not a whole mail: those are
    long, or begin with a greeting.
    """
    found: list[tuple[int, int, int]] = []
    begin, behind, texts = -1, 0, 0
    for at, line in enumerate(bare):
        if quoted[at]:
            if begin < 0:
                begin, texts = at, 0
            texts += bool(line.strip("> "))
            behind = at + 1
        elif begin >= 0 and line:
            if own[at]:
                found.append((begin, behind, texts))
            begin = -1
    if len(found) == 1:
        begin, behind, texts = found[0]
        opening = next((text for line in bare[begin:behind] if (text := line.strip("> "))), "")
        if texts > PASSAGE_LINES or formulas.greets(opening):
            return []
    return [(first, last) for first, last, _ in found]
