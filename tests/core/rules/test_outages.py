"""An outage concerns exactly those whom its scope names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.outages import Asked, Bought, Scope, concerns

ACME = Asked(customer="ACME", bought=(Bought(technologies=("Network",)), Bought(technologies=("Mail",))))
NETWORK_IN_VERONA = Bought(technologies=("Network",), sites=("Verona",))


@pytest.mark.parametrize(
    ("scope", "asked", "theirs"),
    [
        pytest.param(Scope(), ACME, True, id="everybody and everything"),
        pytest.param(Scope(), Asked(customer=None), True, id="everybody, a stranger among them"),
        pytest.param(
            Scope(), Asked(customer="ACME"), True, id="everybody, whoever has no contract among them"
        ),
        pytest.param(Scope(customers=("ACME",)), ACME, True, id="the customer is named"),
        pytest.param(Scope(customers=("BETA",)), ACME, False, id="another customer is named"),
        pytest.param(Scope(customers=("BETA",)), Asked(customer=None), False, id="a stranger is no customer"),
        pytest.param(Scope(sites=(("ACME", "Verona"),)), ACME, True, id="one of the customer's sites"),
        pytest.param(Scope(sites=(("BETA", "Verona"),)), ACME, False, id="a site of that name elsewhere"),
        pytest.param(
            Scope(sites=(("ACME", "Verona"),)), replace(ACME, sites=("Verona",)), True, id="asked there"
        ),
        pytest.param(
            Scope(sites=(("ACME", "Verona"),)), replace(ACME, sites=("Roma",)), False, id="asked elsewhere"
        ),
        pytest.param(
            Scope(customers=("ACME",), sites=(("ACME", "Verona"),)),
            replace(ACME, sites=("Roma",)),
            False,
            id="named sites say where the named customer is hit",
        ),
        pytest.param(
            Scope(customers=("ACME",), sites=(("BETA", "Verona"),)),
            replace(ACME, sites=("Roma",)),
            True,
            id="another's sites say nothing of this customer",
        ),
        pytest.param(Scope(technologies=("Network",)), ACME, True, id="a technology that is bought"),
        pytest.param(Scope(technologies=("Voice",)), ACME, False, id="a technology that is not bought"),
        pytest.param(
            Scope(technologies=("Voice",)),
            Asked(customer="ACME", bought=(Bought(),)),
            True,
            id="who bought everything bought it",
        ),
        pytest.param(Scope(technologies=("Voice",)), Asked(customer="ACME"), False, id="nothing bought"),
        pytest.param(
            Scope(technologies=("Voice",)), Asked(customer=None), False, id="a stranger bought nothing"
        ),
        pytest.param(
            Scope(technologies=("Network",)),
            replace(ACME, technologies=("Mail",)),
            False,
            id="asked about another technology",
        ),
        pytest.param(
            Scope(technologies=("Network", "Voice")),
            replace(ACME, technologies=("Voice",)),
            False,
            id="asked about one that is hit and not bought",
        ),
        pytest.param(
            Scope(sites=(("ACME", "Roma"),), technologies=("Network",)),
            Asked(customer="ACME", bought=(NETWORK_IN_VERONA,)),
            False,
            id="bought at another site only",
        ),
        pytest.param(
            Scope(technologies=("Network",)),
            Asked(customer="ACME", bought=(NETWORK_IN_VERONA,), sites=("Roma",)),
            False,
            id="asked for a site it was not bought for",
        ),
    ],
)
def test_an_outage_is_told_to_those_it_concerns(scope, asked, theirs):
    assert concerns(scope, asked) is theirs


CUSTOMERS, SITES, TECHNOLOGIES = ("A", "B"), ("x", "y"), ("N", "M")
some_sites = st.lists(st.sampled_from(SITES), unique=True).map(tuple)
some_technologies = st.lists(st.sampled_from(TECHNOLOGIES), unique=True).map(tuple)
scopes = st.builds(
    Scope,
    customers=st.lists(st.sampled_from(CUSTOMERS), unique=True).map(tuple),
    sites=st.lists(st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from(SITES)), unique=True).map(tuple),
    technologies=some_technologies,
)
lines = st.lists(st.builds(Bought, technologies=some_technologies, sites=some_sites), max_size=3)
questions = st.builds(
    Asked,
    customer=st.sampled_from((*CUSTOMERS, None)),
    bought=lines,
    sites=some_sites,
    technologies=some_technologies,
)


def hits(scope: Scope, customer: str | None, site: str, technology: str) -> bool:
    """The same, of one thing at one place, in so many words."""
    everywhere = not scope.customers and not scope.sites
    at_some_sites = any(of == customer for of, _ in scope.sites)
    there = (customer, site) in scope.sites if at_some_sites else customer in scope.customers
    return (everywhere or there) and (not scope.technologies or technology in scope.technologies)


@given(scopes, questions)
def test_it_concerns_whoever_bought_one_thing_at_one_place_that_is_hit(scope, asked):
    bought = any(
        hits(scope, asked.customer, site, technology)
        for site in asked.sites or SITES
        for technology in asked.technologies or TECHNOLOGIES
        if not scope.technologies
        or any(
            (not line.technologies or technology in line.technologies)
            and (not line.sites or site in line.sites)
            for line in asked.bought
        )
    )

    assert concerns(scope, asked) is bought


@given(scopes, questions, st.sampled_from(SITES), st.sampled_from(TECHNOLOGIES))
def test_who_asks_about_less_is_never_told_of_more(scope, asked, site, technology):
    narrower = replace(
        asked,
        sites=tuple(one for one in asked.sites if one == site) or (site,),
        technologies=tuple(one for one in asked.technologies if one == technology) or (technology,),
    )
    within = (not asked.sites or site in asked.sites) and (
        not asked.technologies or technology in asked.technologies
    )

    assert concerns(scope, asked) or not (within and concerns(scope, narrower))
