"""What domains must say in the DNS, on its page and over the API: the text to copy, and in words what is wrong."""

from __future__ import annotations

import pytest

from core.channel import DeliveryError
from core.domain_records import Finding, Looked, Verdict, Wanted
from tests import rows
from tests.fakes import FakePublishing
from tests.web import api_desk
from tests.web.api_desk import Caller
from tests.web.desk_pages import serving
from web import domain_words
from web.words import say

IT, EN = say("it"), say("en")
ABOVE = Finding(verdict=Verdict.REMARK, code="dmarc_above", values={"place": "<i>_dmarc.test"})
NONE = Finding(verdict=Verdict.WRONG, code="dmarc_no_policy")


@pytest.fixture
def channel():
    return FakePublishing(says=(ABOVE, NONE), found=("v=DMARC1; p=<b>",))


@pytest.fixture
async def pages(db, desk, tmp_path, channel):
    async with serving(db, tmp_path, publishing=[channel]) as pages:
        yield pages


@pytest.mark.parametrize(("name", "t"), [("TECHNICIAN", IT), ("LEADER", EN)])
async def test_staff_read_what_to_publish_and_what_is_wrong_in_their_language(pages, channel, name, t):
    who = await pages.as_(getattr(rows, name))
    plain = await who.get("/desk/domains")
    assert (plain.status, channel.looks) == (200, 0), "nobody is asked before somebody wants to know"
    assert "v=DMARC1; p=none" in plain.text
    assert t("dns.verdict.unseen") in plain.text

    looked = await who.get("/desk/domains?look=1")

    assert channel.looks == 1
    assert t("dns.verdict.wrong") in looked.text
    assert t("dns.say.dmarc_no_policy") in looked.text
    assert "v=DMARC1; p=&lt;b&gt;" in looked.text
    assert "<i>" not in looked.text
    assert 'href="/desk/domains"' in (await (await pages.as_(rows.LEADER)).get("/desk/")).text


def test_what_is_there_as_it_was_asked_for_is_not_asked_for_again():
    wanted = Wanted(what="dmarc", name="_dmarc.x.test", type="TXT", value="v=DMARC1; p=none", domain="x.test")
    none = Finding(verdict=Verdict.REMARK, code="dmarc_none")
    there = [
        "\n".join(domain_words.lines(EN, [Looked(wanted=wanted, findings=(none,), found=found)]))
        for found in (("v=DMARC1; p=none",), ("v=DMARC1; p=none; pct=5",))
    ]

    assert [EN("dns.publish") in one for one in there] == [False, True]
    assert all(EN("dns.say.dmarc_none") in one for one in there)


async def test_a_key_that_cannot_be_used_is_said(pages, channel):
    channel.fails_with = DeliveryError("the key for signatures cannot be used: x.pem")

    page = await (await pages.as_(rows.LEADER)).get("/desk/domains")

    assert page.status == 200
    assert "x.pem" in page.text


async def test_customers_have_no_such_page(pages, channel):
    assert (await (await pages.as_(rows.ALICE)).get("/desk/domains?look=1")).status in (403, 404)
    assert channel.looks == 0


async def test_the_api_says_the_same_to_staff_and_asks_nobody_for_others(db, channel):
    found = await db.write(api_desk.furnish)
    async with api_desk.serving(db, domains=[channel]) as client:
        lea, alice = Caller(client, found.tokens["Lea"]), Caller(client, found.tokens["Alice"])
        (plain,) = (await (await lea.get("/domain-records")).json())["items"]
        (looked,) = (await (await lea.get("/domain-records?look=true")).json())["items"]
        assert (await alice.get("/domain-records?look=true")).status == 404
        channel.fails_with = DeliveryError("no key")
        refused = await lea.get("/domain-records")
        assert (refused.status, "no key" in await refused.text()) == (409, True)

    assert (plain["verdict"], plain["findings"], plain["found"]) == ("unseen", [], [])
    assert plain["line"] == '_dmarc.desk.test. IN TXT "v=DMARC1; p=none"'
    assert looked["verdict"] == "wrong"
    assert [one["code"] for one in looked["findings"]] == ["dmarc_above", "dmarc_no_policy"]
    assert looked["found"] == ["v=DMARC1; p=<b>"]
    assert channel.looks == 1
