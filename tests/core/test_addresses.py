"""One customer writes its domain in many ways, and is one customer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import addresses
from core.envelope import Address


@pytest.mark.parametrize(
    "written",
    [
        "info@müller.test",
        "INFO@MÜLLER.TEST",
        "info@xn--mller-kva.test",
        "info@XN--MLLER-KVA.TEST.",
        "info@müller.test.",
    ],
)
def test_all_ways_to_write_an_address_are_one(written):
    assert addresses.key(written) == "info@xn--mller-kva.test"
    assert Address(written).key == "info@xn--mller-kva.test"


def test_people_read_a_domain_as_letters():
    assert addresses.shown("info@xn--mller-kva.test") == "info@müller.test"
    assert addresses.shown("info@xn--zz--zz.test") == "info@xn--zz--zz.test"  # an A-label that means nothing


@given(st.text(max_size=80))
def test_whatever_is_given_the_normal_form_of_the_normal_form_is_the_same(text):
    once = addresses.key(text)
    assert addresses.key(once) == once
    assert isinstance(addresses.shown(once), str)
