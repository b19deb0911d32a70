"""A call flow is changed in the pages: the form of each part says what there is, and keeps what was typed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from aiohttp import FormData

from core.desk import flows
from core.desk.principal import Principal
from core.store import tables
from core.store.opening import open_database
from ivr import rules
from ivr.actions import ACTIONS
from ivr.editing import KINDS, new_node
from ivr.flow import of_plain, to_plain
from ivr.picture import picture
from tests import rows
from tests.core.desk.test_flows import WAV
from tests.ivr.test_validation import BREACHES
from tests.web.desk_pages import furnish, serving
from tests.web.test_settled import says_the_same
from web.desk import flow_editor, flow_forms
from web.desk.flow_words import difference
from web.words import catalogue

SHIPPED = rules.DEFAULT.read_text(encoding="utf-8")
FLOW = rules.parse(SHIPPED)
SAM = Principal(kind="agent", id=rows.LEADER.id, name="Lea", roles=frozenset({"supervisor"}))


class Fields(HTMLParser):
    """What a browser would send of each form, by the address it goes to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, list[tuple[str, str]]] = {}
        self._form: list[tuple[str, str]] = []
        self._select = self._text = ""
        self._options: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        one = dict(attrs)
        if tag == "form":
            self._form = self.forms.setdefault(one.get("action", ""), [])
        elif tag == "input" and one.get("name") and one.get("type") not in ("file", "submit"):
            if one.get("type") != "checkbox" or "checked" in one:
                self._form.append((one["name"], one.get("value", "on") or ""))
        elif tag == "select":
            self._select, self._options = one["name"], []
        elif tag == "option" and self._select:
            self._options.append((one.get("value", ""), "selected" in one))
        elif tag == "textarea":
            self._text = one["name"]
            self._form.append((self._text, ""))

    def handle_data(self, data: str) -> None:
        if self._text:
            name, before = self._form.pop()
            self._form.append((name, before + (data if before else data.removeprefix("\n"))))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            chosen = [value for value, selected in self._options if selected]
            self._form.append((self._select, (chosen or [self._options[0][0]])[0]))
            self._select = ""
        elif tag == "textarea":
            self._text = ""


@pytest.fixture
async def site(sqlite_url, facts, tmp_path):
    db = open_database(sqlite_url, facts)
    await db.write(furnish)
    await db.write(lambda tx: tx.update(tables.agent, {"id": rows.LEADER.id}, roles=["supervisor"]))
    digest = rules.digest(FLOW)
    await db.write(flows.install, "default", SHIPPED, digest, now=datetime.now(UTC))
    async with serving(db, tmp_path) as pages:
        yield pages
    db.close()


@pytest.fixture
async def lea(site):
    """A supervisor who reads English."""
    return await site.as_(rows.LEADER)


async def send(who, path: str, fields: list[tuple[str, str]], **files: bytes):
    form: Any = FormData(default_to_multipart=True)
    for name, value in fields:
        form.add_field(name, value)
    for name, content in files.items():
        form.add_field(name.replace("__", "."), content, filename="prompt.wav")
    headers = who.headers | {"Sec-Fetch-Site": "same-origin"}
    return await who.client.post(path, data=form, headers=headers, allow_redirects=False)


def changed(fields: list[tuple[str, str]], **values: str) -> list[tuple[str, str]]:
    """The same with other values; `__` for a dot."""
    values = {name.replace("__", "."): value for name, value in values.items()}
    return [(name, values.get(name, value)) for name, value in fields]


async def form(who, page: str, action: str) -> list[tuple[str, str]]:
    return Fields((await who.get(page)).text).forms[action]


async def body(site, number: int) -> dict[str, Any]:
    return json.loads((await site.db.read(flows.show, SAM, "default", number)).body)


# --- The forms ----------------------------------------------------------------------------------------------------


async def test_a_form_that_is_sent_as_it_is_changes_nothing(site, lea):
    for name in FLOW.nodes:
        fields = await form(lea, f"/desk/flows/1?node={name}", "/desk/flows/1/node/do")

        sent = await send(lea, "/desk/flows/1/node/do", fields)

        assert (sent.status, sent.headers["Location"]) == (303, f"/desk/flows/1?node={name}#chosen"), name


async def test_settings_prompts_and_text_that_are_sent_as_they_are_change_nothing(lea):
    for page, action in (
        ("?part=settings", "settings/do"),
        ("?prompt=bye", "prompt/do"),
        ("?part=text", "text"),
    ):
        fields = await form(lea, f"/desk/flows/1{page}", f"/desk/flows/1/{action}")

        sent = await send(lea, f"/desk/flows/1/{action}", fields)

        assert sent.status == 303, page
        assert sent.headers["Location"].startswith("/desk/flows/1?"), page
    assert flow_forms.USUAL["max_wait"] == FLOW.nodes["queue"].max_wait


async def test_what_is_changed_in_a_form_is_a_draft_of_ones_own(site, lea):
    fields = await form(lea, "/desk/flows/1?node=main", "/desk/flows/1/node/do")
    fields = changed(fields, timeout="9,5", no_input__tries="3", text__main__en="Press  one.")
    fields += [("choice.key", "5"), ("choice.goto", "voicemail"), ("choice.set", "language = en, x=1")]
    fields += [("no_input.last", "bye")]

    sent = await send(lea, "/desk/flows/1/node/do", fields)

    assert sent.headers["Location"] == "/desk/flows/2?node=main#chosen"
    made = await body(site, 2)
    main = made["nodes"]["main"]
    assert (main["timeout"], main["no_input"]["tries"], main["no_input"]["last"]) == (9.5, 3, ["bye"])
    assert main["choices"]["5"] == {"goto": "voicemail", "set": {"language": "en", "x": "1"}}
    assert made["prompts"]["main"]["en"] == {"text": "Press one."}
    assert (await lea.get("/desk/flows/2?node=main")).words.count("Draft") == 1


async def test_nodes_and_prompts_come_are_renamed_and_go(site, lea):
    async def act(page: str, action: str, **values: str) -> str:
        fields = await form(lea, page, f"{page.partition('?')[0]}/{action}")
        sent = await send(lea, f"{page.partition('?')[0]}/{action}", changed(fields, **values))
        assert sent.status == 303, await sent.text()
        return sent.headers["Location"].removesuffix("#chosen")

    assert await act("/desk/flows/1?node=main", "node-new/do", name="extra", kind="say") == (
        "/desk/flows/2?node=extra"
    )
    assert await act("/desk/flows/2?node=extra", "node-rename/do", name="more") == "/desk/flows/2?node=more"
    assert (
        await act("/desk/flows/2?part=prompts", "prompt-new/do", name="hello") == "/desk/flows/2?prompt=hello"
    )
    assert await act("/desk/flows/2?prompt=hello", "prompt-rename/do", name="hi") == "/desk/flows/2?prompt=hi"
    made = await body(site, 2)
    assert ("more" in made["nodes"], "hi" in made["prompts"]) == (True, True)
    assert await act("/desk/flows/2?prompt=hi", "prompt-remove/do") == "/desk/flows/2?part=prompts"
    assert await act("/desk/flows/2?node=more", "node-remove/do") == "/desk/flows/2?part=node"
    assert of_plain(await body(site, 2)) == FLOW


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_node_has_a_form(site, lea, kind):
    plain = new_node(to_plain(FLOW), "extra", kind)
    number = await site.db.write(flows.add, SAM, "default", json.dumps(plain), rules, now=datetime.now(UTC))

    page = await lea.get(f"/desk/flows/{number}?node=extra")

    assert page.status == 200
    assert catalogue("en")[f"flows.kind_is.{kind}"] in page.words
    sent = await send(
        lea,
        f"/desk/flows/{number}/node/do",
        Fields(page.text).forms[f"/desk/flows/{number}/node/do"],
    )
    assert sent.status == 303, await sent.text()
    if kind != "action":  # its answers lead nowhere yet, and are not in the form's node
        assert of_plain(await body(site, number)) == of_plain(plain)


async def test_what_cannot_be_a_field_is_told_and_what_was_typed_stays(site, lea):
    fields = await form(lea, "/desk/flows/1?node=main", "/desk/flows/1/node/do")
    fields = changed(fields, timeout="soon", text__main__en="Typed <b>words</b>")
    fields += [("choice.key", "1"), ("choice.goto", "bye"), ("choice.set", "x")]

    sent = await send(lea, "/desk/flows/1/node/do", fields)

    text = await sent.text()
    assert sent.status == 422
    assert "Typed &lt;b&gt;words&lt;/b&gt;" in text
    assert "Seconds until the first key: “soon” cannot be used here" in text[text.index('id="wrong"') :][:600]
    with pytest.raises(Exception, match="no version 2"):
        await body(site, 2)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("node-new/do", {"name": "a b", "kind": "say"}),
        ("node-new/do", {"name": "extra", "kind": "jump"}),
        ("node-rename/do", {"about": "main", "name": "bye"}),
        ("node-remove/do", {"about": "no-such"}),
        ("node/do", {"about": "no-such"}),
        ("settings/do", {"title": "x", "start": "main", "then": "bye", "max_turns": "many"}),
        ("text", {"body": "{"}),
        ("text", {"body": SHIPPED.replace('"default"', '"other"')}),
    ],
)
async def test_a_change_that_cannot_be_is_refused_with_a_reason(lea, action, fields):
    edition = flows.edition(SHIPPED)

    sent = await send(
        lea, f"/desk/flows/1/{action}", [("csrf", lea.csrf), ("seen", edition), *fields.items()]
    )

    assert sent.status == 422
    assert 'id="wrong"' in await sent.text()


async def test_who_saves_over_a_newer_text_is_told_and_keeps_what_they_typed(lea):
    old = await form(lea, "/desk/flows/1?part=text", "/desk/flows/1/text")
    sent = await send(lea, "/desk/flows/1/text", changed(old, body=SHIPPED.replace("Centralino", "Uno")))
    assert sent.headers["Location"] == "/desk/flows/2?part=text#chosen"
    first = await form(lea, "/desk/flows/2?part=text", "/desk/flows/2/text")
    two, three = (first[-1][1].replace("Uno", name) for name in ("Due", "Tre"))
    assert (await send(lea, "/desk/flows/2/text", changed(first, body=two))).status == 303

    late = await send(lea, "/desk/flows/2/text", changed(first, body=three))
    node = await send(
        lea, "/desk/flows/2/node-new/do", [*first[:2], ("name", "extra"), ("kind", "say"), ("about", "")]
    )

    text = await late.text()
    assert (late.status, node.status) == (409, 409)
    assert "Somebody saved meanwhile" in text
    assert "&#34;Tre&#34;" in text


# --- Recordings -----------------------------------------------------------------------------------------------------


async def test_a_prompt_is_replaced_by_a_recording_that_is_heard_in_the_page(site, lea):
    fields = await form(lea, "/desk/flows/1?prompt=bye", "/desk/flows/1/prompt/do")

    sent = await send(lea, "/desk/flows/1/prompt/do", fields, sound__bye__it=WAV)

    assert sent.headers["Location"] == "/desk/flows/2?prompt=bye#chosen"
    page = await lea.get("/desk/flows/2?prompt=bye")
    (address,) = re.findall(r'<audio [^>]*src="([^"]+)"', page.text)
    heard = await lea.client.get(address, headers=lea.headers)
    assert (await heard.read(), heard.content_type) == (WAV, "audio/wav")
    assert "media-src 'self'" in page.headers["Content-Security-Policy"]
    assert (await lea.get("/desk/flows/1/sound/" + "0" * 64)).status == 404
    # The text stays beside it; a box takes the recording out again.
    kept = Fields(page.text).forms["/desk/flows/2/prompt/do"]
    assert (await send(lea, "/desk/flows/2/prompt/do", kept)).status == 303
    assert "recording" in (await body(site, 2))["prompts"]["bye"]["it"]
    await send(lea, "/desk/flows/2/prompt/do", [*kept, ("silent.bye.it", "on")])
    assert of_plain(await body(site, 2)) == FLOW


async def test_what_is_no_sound_is_refused(lea):
    fields = await form(lea, "/desk/flows/1?prompt=bye", "/desk/flows/1/prompt/do")

    sent = await send(lea, "/desk/flows/1/prompt/do", fields, sound__bye__it=b"<html>")

    assert sent.status == 422
    assert "must be a WAV or an MP3 file" in await sent.text()


# --- The list, and in force ---------------------------------------------------------------------------------------


async def test_a_draft_is_reviewed_published_and_gone_back_from(site, lea):
    fields = await form(lea, "/desk/flows/1?prompt=bye", "/desk/flows/1/prompt/do")
    await send(lea, "/desk/flows/1/prompt/do", changed(fields, text__bye__en="So long."))

    review = await lea.get("/desk/flows/2/publish")
    assert "Changed prompts: bye" in review.words
    assert "So long." in review.text[review.text.index('class="plus"') :]
    publish = changed(Fields(review.text).forms["/desk/flows/2/publish"], comment="A shorter goodbye")
    assert (await send(lea, "/desk/flows/2/publish", publish)).headers["Location"] == "/desk/flows"

    listed = await lea.get("/desk/flows")
    assert re.findall(r'id="v-(\d+)"', listed.text) == ["2", "1"]
    assert "A shorter goodbye" in listed.words
    back = changed(Fields(listed.text).forms["/desk/flows/1/back"], comment="Too short")
    assert (await send(lea, "/desk/flows/1/back", back)).status == 303
    assert (await site.db.read(flows.published)).version == 3
    assert (await send(lea, "/desk/flows/1/back", changed(back, comment=" "))).status == 422
    assert (await send(lea, "/desk/flows/2/publish", publish)).status == 409


async def test_a_flow_with_findings_says_them_with_a_link_to_their_place_and_is_not_published(site, lea):
    plain = json.loads(SHIPPED)
    plain["prompts"]["bye"]["it"]["text"] = "{ora|alta}"
    number = await site.db.write(flows.add, SAM, "default", json.dumps(plain), rules, now=datetime.now(UTC))

    page = await lea.get(f"/desk/flows/{number}")
    review = await lea.get(f"/desk/flows/{number}/publish")

    assert f'href="/desk/flows/{number}?prompt=bye#chosen"' in page.text
    assert "uses the filter “alta”" in page.words
    assert f'href="/desk/flows/{number}?node=bye#chosen"' in page.text
    assert "▲" in page.text
    fields = Fields(review.text).forms[f"/desk/flows/{number}/publish"]
    assert re.search(r"<button[^>]* disabled>", review.text)
    refused = await send(lea, f"/desk/flows/{number}/publish", changed(fields, comment="x"))
    assert refused.status == 422


async def test_a_file_comes_in_as_a_draft_goes_out_the_same_and_is_thrown_away(lea):
    ours = SHIPPED.replace("Centralino", "Nostro")
    csrf = [("csrf", lea.csrf)]

    assert (await send(lea, "/desk/flows/import", csrf, files=ours.encode())).headers["Location"] == (
        "/desk/flows/2"
    )
    assert (await lea.get("/desk/flows/2/file")).text == ours
    for wrong in (b"{", b"\xff"):
        assert (await send(lea, "/desk/flows/import", csrf, files=wrong)).status == 422
    fields = await form(lea, "/desk/flows/2/publish", "/desk/flows/2/discard")
    assert (await send(lea, "/desk/flows/2/discard", changed(fields, seen="x"))).status == 409
    assert (await send(lea, "/desk/flows/2/discard", fields)).status == 303
    assert (await lea.get("/desk/flows/2")).status == 404


async def test_staff_look_and_only_supervisors_and_administrators_change(site):
    teo, alice = await site.as_(rows.TECHNICIAN), await site.as_(rows.ALICE)
    editable = re.compile(r'<form method="post" action="/desk/flows')

    for path in ("", "/1", "/1?part=prompts", "/1?part=text", "/1/publish", "/1/rehearse", "/1/file"):
        page = await teo.get(f"/desk/flows{path}")
        assert page.status == 200, path
        assert path != "" or not editable.search(page.text)
        assert (await alice.get(f"/desk/flows{path}")).status == 404
    assert (
        "<button"
        not in (await teo.get("/desk/flows/1")).text.partition('id="main"')[2].partition("<dialog")[0]
    )
    for path in ("/1/text", "/1/node-new/do", "/import", "/1/publish", "/1/back", "/1/discard"):
        fields = [("csrf", teo.csrf), ("seen", ""), ("name", "x"), ("kind", "say"), ("body", SHIPPED)]
        assert (await send(teo, f"/desk/flows{path}", fields, files=SHIPPED.encode())).status == 403, path
    assert (await send(teo, "/desk/flows/1/text", [("csrf", "x")])).status == 403
    assert (await teo.get("/desk/flows/99")).status == 404
    assert (await send(teo, "/desk/flows/1/jump/do", [("csrf", teo.csrf)])).status == 404


# --- Rehearsing -----------------------------------------------------------------------------------------------------


async def press(lea, page, **pressed: str):
    """The page after a key was pressed there."""
    fields = [
        (name, value)
        for name, value in Fields(page.text).forms["/desk/flows/1/rehearse/press"]
        if name not in pressed
    ]
    sent = await send(lea, "/desk/flows/1/rehearse/press", [*fields, *pressed.items()])
    assert sent.status == 303, await sent.text()
    assert "123456" not in sent.headers["Location"]
    return await lea.get(sent.headers["Location"])


async def test_a_call_is_walked_key_by_key_and_one_step_back(lea):
    begun = await lea.get("/desk/flows/1/rehearse?language=en&a.find_caller=unknown")
    assert "The call begins find_caller" in begun.words
    assert "For English, press two." in begun.words

    asked = await press(lea, begun, press="2")
    assert "Please enter your customer code" in asked.words
    pin = await press(lea, asked, press="keys", keys=" 10 01")
    assert "Presses 1001" in pin.words
    known = await press(lea, pin, press="keys", keys="123456")
    assert "Presses ••••••" in known.words
    assert "123456" not in known.text
    silent = await press(lea, pin, press="")
    assert silent.words.count("I did not receive anything.") == 1
    back = await press(lea, silent, undo="1")
    assert back.words == pin.words
    assert (await press(lea, begun, again="1")).words == begun.words


async def test_another_answer_of_the_desk_is_another_call(lea):
    begun = await lea.get("/desk/flows/1/rehearse?language=en&a.find_caller=unknown")
    fields = Fields(begun.text).forms["/desk/flows/1/rehearse/press"]

    sent = await send(lea, "/desk/flows/1/rehearse/press", changed(fields, a__find_caller="blocked"))

    assert "The call is over." in (await lea.get(sent.headers["Location"])).words


async def test_a_walk_ends_and_a_draft_that_breaks_says_where(site, lea):
    over = await lea.get("/desk/flows/1/rehearse?a.find_caller=blocked&e=d:1")
    assert "The call is over." in over.words
    assert 'name="press"' not in over.text
    plain = json.loads(SHIPPED) | {"start": "nowhere"}
    await site.db.write(flows.add, SAM, "default", json.dumps(plain), rules, now=datetime.now(UTC))
    broken = await lea.get("/desk/flows/2/rehearse?e=d:1&e=q:1&language=zz&a.find_caller=maybe")
    assert "cannot go on here: nowhere" in broken.words


@pytest.mark.parametrize(
    ("walked", "offered"),
    [
        ("a.find_caller=unknown&e=d:0&a.who_answers=somebody", ["bridged", "1"]),
        ("a.find_caller=unknown&e=d:0&a.who_answers=nobody", ["recorded", "empty"]),
        ("a.find_caller=known", ["0", "9", ""]),
    ],
)
async def test_what_a_caller_can_do_depends_on_where_they_are(lea, walked, offered):
    page = await lea.get(f"/desk/flows/1/rehearse?{walked}")

    found = re.findall(r'name="press" value="([^"]*)"', page.text)
    assert set(offered) <= set(found), found


async def test_a_walk_is_kept_as_a_scenario_that_keeps_a_flow_from_going_another_way(site, lea):
    page = await lea.get("/desk/flows/1/rehearse?a.find_caller=unknown&e=d:2&e=d:1001")
    keep = changed(Fields(page.text).forms["/desk/flows/1/rehearse"], name="English caller")
    assert (await send(lea, "/desk/flows/1/rehearse", keep)).headers["Location"] == (
        "/desk/flows/2/rehearse#scenarios"
    )
    assert (await site.db.read(flows.show, SAM, "default", 2)).version.digest == rules.digest(FLOW)
    kept = await lea.get("/desk/flows/2/rehearse")
    assert "As expected English caller" in kept.words
    (address,) = re.findall(r'href="([^"]+)">English caller', kept.text)
    assert "Presses 1001" in (await lea.get(address.replace("&amp;", "&"))).words
    assert "Scenarios walked with this version: 1." in (await lea.get("/desk/flows/2/publish")).words

    fields = await form(lea, "/desk/flows/2?node=language", "/desk/flows/2/node/do")
    keys = [place for place, (name, _) in enumerate(fields) if name == "choice.goto"]
    fields[keys[1]] = ("choice.goto", "to_person")
    await send(lea, "/desk/flows/2/node/do", fields)
    review = await lea.get("/desk/flows/2/publish")
    assert (
        "goes another way: English caller: 1: code (ask_code) → queue (conversation_recorded, please_hold)"
        in review.words
    )
    publish = changed(Fields(review.text).forms["/desk/flows/2/publish"], comment="x")
    assert (await send(lea, "/desk/flows/2/publish", publish)).status == 422

    wrong = await lea.get("/desk/flows/2/rehearse")
    remove = Fields(wrong.text).forms["/desk/flows/2/rehearse/remove"]
    assert "Goes another way English caller" in wrong.words
    assert (await send(lea, "/desk/flows/2/rehearse/remove", changed(remove, number="7"))).status == 422
    assert (await send(lea, "/desk/flows/2/rehearse/remove", remove)).status == 303
    publish = changed(
        await form(lea, "/desk/flows/2/publish", "/desk/flows/2/publish"), comment="English callers wait"
    )
    assert (await send(lea, "/desk/flows/2/publish", publish)).status == 303


async def test_a_walk_without_a_name_or_that_breaks_is_not_kept(site, lea):
    plain = json.loads(SHIPPED) | {"start": "nowhere"}
    await site.db.write(flows.add, SAM, "default", json.dumps(plain), rules, now=datetime.now(UTC))
    edition = (await site.db.read(flows.show, SAM, "default", 2)).edition

    for number, seen, name in ((1, flows.edition(SHIPPED), " "), (2, edition, "Uno")):
        fields = [("csrf", lea.csrf), ("seen", seen), ("name", name)]
        assert (await send(lea, f"/desk/flows/{number}/rehearse", fields)).status == 422


@pytest.mark.parametrize(
    "place",
    ["", "/1?node=pin", "/1?prompt=bye", "/1?part=settings", "/1?part=text", "/2/publish", "/1/rehearse"],
)
async def test_every_page_says_what_stock_jinja_makes_of_it(site, lea, place, monkeypatch):
    plain = json.loads(SHIPPED) | {"title": "Other", "start": "nowhere"}
    await site.db.write(flows.add, SAM, "default", json.dumps(plain), rules, now=datetime.now(UTC))

    await says_the_same(site, lea, f"/desk/flows{place}", monkeypatch)


async def test_the_last_node_stays_and_a_number_that_is_none_is_refused(site, lea):
    plain = to_plain(FLOW) | {"start": "bye", "nodes": {"bye": {"type": "hangup"}}}
    plain["limits"] = {"then": "bye"}
    await site.db.write(flows.add, SAM, "default", json.dumps(plain), rules, now=datetime.now(UTC))
    edition = [("csrf", lea.csrf), ("seen", (await site.db.read(flows.show, SAM, "default", 2)).edition)]

    last = await send(lea, "/desk/flows/2/node-remove/do", [*edition, ("about", "bye")])
    endless = [*edition, ("title", "x"), ("start", "bye"), ("then", "bye"), ("max_turns", "9" * 30)]

    assert last.status == 422
    refused = await send(lea, "/desk/flows/2/settings/do", endless)
    assert refused.status == 422
    told = await refused.text()
    assert re.search("Passi di una chiamata|Steps of a call, at most: “9{30}” cannot be used here", told), (
        "it is the number that is wrong, and no name"
    )
    assert not re.search("no name that can be|non è un nome possibile", told)


async def test_what_stands_for_scenarios_and_is_none_is_found_and_hides_nothing(site, lea):
    plain = json.loads(SHIPPED) | {"metadata": {"scenarios": "x"}}
    await site.db.write(flows.add, SAM, "default", json.dumps(plain), rules, now=datetime.now(UTC))

    assert "is no scenario" in (await lea.get("/desk/flows/2")).words
    assert "No scenarios" in (await lea.get("/desk/flows/2/rehearse")).words
    assert (await lea.get("/desk/flows/2/publish")).status == 200


async def test_after_its_end_a_call_takes_no_keys(lea):
    over = await lea.get("/desk/flows/1/rehearse?a.find_caller=blocked")

    assert (await press(lea, over, press="1")).words == over.words


async def test_the_first_version_of_a_desk_has_nothing_to_be_compared_with(site, lea):
    await site.db.write(lambda tx: tx.run(tables.flow_version.update().values(state="draft")))

    assert "This is the first version" in (await lea.get("/desk/flows/1/publish")).words


# --- Words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["it", "en"])
def test_every_rule_action_answer_and_field_has_words(language):
    words = catalogue(language)
    labels = {label for call in ACTIONS.values() for label in call.branches} | {
        "no_input",
        "invalid",
        "wrong",
    }
    fields = {field.rstrip("*#.?") for kind in flow_forms.KINDS.values() for field in kind}

    assert {rule for rule, *_ in BREACHES} <= {name.removeprefix("flows.rule.") for name in words}
    assert {f"flows.call.{name}" for name in ACTIONS} <= set(words)
    assert {f"flows.label.{name}" for name in labels} <= set(words)
    assert {f"flows.field.{name}" for name in fields} <= set(words)
    assert {f"flows.kind.{name}" for name in KINDS} <= set(words)
    assert set(flow_editor.ICONS) == set(KINDS)


def test_in_english_an_action_is_said_as_its_table_says():
    words = catalogue("en")

    assert {name: words[f"flows.call.{name}"] for name in ACTIONS} == {
        name: call.does for name, call in ACTIONS.items()
    }


def test_a_comparison_names_what_came_changed_and_went():
    plain = new_node(to_plain(FLOW), "extra", "hangup")
    del plain["nodes"]["bye"]
    plain["nodes"]["main"]["timeout"] = 3.0
    plain["title"] = "Other"

    found = difference(FLOW, of_plain(plain))

    assert found.nodes == {"added": ("extra",), "changed": ("main",), "removed": ("bye",)}
    assert found.prompts == {"added": (), "changed": (), "removed": ()}
    assert found.settings == ("title",)
    assert {line.sign for line in found.lines} == {"+", "-", " ", "@"}
    assert difference(FLOW, FLOW).lines == ()
    assert len(picture(FLOW).boxes) == len(FLOW.nodes)
