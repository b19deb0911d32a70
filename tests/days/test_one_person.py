"""One person on a bot, on a web page, by mail and on the telephone has one request, and is answered where they wrote last."""

from __future__ import annotations

import re
from typing import Any

from tests.channels.telegram.bot_api import TOKEN, bot_api
from tests.days.conftest import MakeDay
from tests.days.hubs import until
from tests.days.posting import Relay, mail, post
from tests.days.telephones import ALICE, Softphone
from tests.days.visitors import in_portal_chat
from tests.web.chatting import Browser as ChatPage


def test_one_request_by_bot_by_web_chat_by_mail_and_by_telephone_is_closed_where_it_began(
    a_day: MakeDay, relay: Relay
) -> None:
    with bot_api() as telegram:
        day = a_day(
            channels__telegram__enabled="true",
            channels__telegram__token=TOKEN,
            channels__telegram__api_url=telegram.root,
            channels__email__relay_host="127.0.0.1",
            channels__email__relay_port=relay.port,
        )
        hub = day.hub
        hub.start()
        ann = hub.browser("ann@hub.test", "correct horse battery")
        portal = hub.browser("alice@acme.test", "a staple for alice")
        alice = telegram.person("Ali", number=4242)

        # She connects her account from the portal, and the bot knows who she is.
        code = hub.api(hub.token("--contact", "alice@acme.test")).post("/me/links", {"channel": "telegram"})
        assert code["url"].endswith(f"?start={code['code']}")
        alice.starts(code["code"])
        alice.sees("Alice Rossi")
        alice.writes("The line at the office is down")
        number = re.search(r"\d\d-\d{6}", alice.sees("26-").text)[0]  # type: ignore[index]
        ticket = day.ann.get(f"/tickets/{number}")
        assert (ticket["origin"], ticket["trust"], ticket["customer"]["code"]) == (
            "telegram",
            "verified",
            "ACME",
        )
        day.ann.post(
            f"/tickets/{number}/qualify",
            {"request_type": "Incident", "technology": "Network", "impact": 3, "urgency": 3},
        )
        day.ann.post(f"/tickets/{number}/take")

        # She goes on in the chat of the portal, which asks which request she means.
        async def goes_on(page: ChatPage) -> None:
            await page.say("It is both lines, by the way.")
            asked = await page.asked()
            (mine,) = [one for one in asked["buttons"] if number in one["label"]]
            await page.asks("say", "done", id="0123456789abcdef0123", button=mine["id"])

        in_portal_chat(hub, portal, goes_on)
        until(lambda: "both lines" in said(day, number), "the words of the web chat are not there")

        # Then by mail, from another machine, with the number alone.
        post(
            hub.smtp,
            mail("alice@acme.test", subject=f"[#{number}] And the telephone", text="Also the telephone."),
        )
        until(lambda: "Also the telephone" in said(day, number), "the mail is not there")
        ticket = day.ann.get(f"/tickets/{number}")
        assert [one["channel"] for one in ticket["threads"]] == ["telegram", "webchat", "email"]

        # Staff answer once, in one box; she hears it once, where she wrote last.
        ann.submit(ann.get(f"/desk/tickets/{number}"), "/do/reply", text="A technician is on the way.")
        answer = relay.next("alice@acme.test")
        while "A technician is on the way." not in answer.text:
            answer = relay.next("alice@acme.test")
        replies = until(
            lambda: [
                one for one in deliveries(day, number) if one["kind"] == "reply" and one["state"] == "sent"
            ],
            "the answer did not leave",
        )
        assert [(one["channel"], one["address"]) for one in replies] == [("email", "alice@acme.test")]
        assert not any("technician" in words for words in alice.screen)

        # The telephone tells how the same request stands.
        phone = Softphone(ann, caller=ALICE).dial().press("471100#", "1")
        assert " ".join(number.partition("-")[2]) in " ".join(phone.heard)
        phone.hang_up()

        # A hub that falls over in between changes nothing.
        hub.kill()
        hub.start()

        # It is solved: the report comes where it began, and asks; her press closes it; then she may say how it went.
        day.ann.post(f"/tickets/{number}/resolve", {"cause": "network", "text": "A new cable.", "minutes": 5})
        report = alice.sees("A new cable.")
        assert report.labels == ["Solved", "Still broken"]
        alice.presses("Solved", of=report)
        until(lambda: day.ann.get(f"/tickets/{number}")["state"] == "closed", "her press closed nothing")
        stars = telegram.until(
            lambda: next((one for one in alice.chat.messages.values() if "5 ★" in one.labels), None),
            "no stars",
        )
        alice.presses("5 ★", of=stars)
        alice.sees("Thank you")
        assert day.ann.get(f"/tickets/{number}")["rating"]["score"] == 5

        hub.stop()
        hub.balances()
        assert hub.astonished() == []
        assert TOKEN not in hub.said()


def said(day: Any, number: str) -> str:
    """Everything that was said on the ticket."""
    return "\n".join(one["text"] for one in day.ann.get(f"/tickets/{number}")["messages"])


def deliveries(day: Any, number: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = day.ann.get("/deliveries", ticket=number)["items"]
    return found
