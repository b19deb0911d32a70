"""What does a document that the desk hands out look like? One paper of plain blocks, and three writers of it.

How it is used:

    from core.papers import model, page, plain_text

    paper = model.Paper(title="…", language="it", hub="…", name="R 26-000123/2", at=now, hash="…", blocks=(
        model.Facts(rows=(("Cliente", "Acme S.p.A."),)),
        model.Grid(heading="Tempi", head=("Orologio", "Tempo"), rows=(("Soluzione", "2 ore"),)),
    ))
    html = page.write(paper, pictures)          # a part of a page, escaped
    text = plain_text.write(paper)              # for a mail, a telephone, a terminal
    pdf = await readers.draw(pdf.DRAW, model.pack(paper), pictures)   # in a process of its own (core.isolation)

All three show the same words in the same order. `pictures` are bytes by the names that the blocks give them (those of blobs).
Who keeps a paper, in versions, is `core.desk.papers`: `papers.make(…)` stores it and queues its drawing.
Strangers' words stay words: `model.cleaned` takes out what would turn or hide text, and each writer calls it.
"""
