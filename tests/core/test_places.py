"""A port that is taken is one clear line before anything starts; port 0 becomes a number that others are told."""

from __future__ import annotations

import socket

import pytest

from core import places


def test_a_free_port_stays_as_it_is_and_none_becomes_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]

    found = places.free({"a": ("127.0.0.1", free), "b": ("127.0.0.1", 0), "c": ("127.0.0.1", 0)})

    assert found["a"] == free
    assert 0 not in found.values()
    assert len(set(found.values())) == 3


def test_every_place_that_cannot_be_had_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        wanted = {"http.port": ("127.0.0.1", port), "smtp": ("192.0.2.1", 25000), "fine": ("127.0.0.1", 0)}

        with pytest.raises(places.CannotListen) as refused:
            places.free(wanted)

    assert str(refused.value).splitlines() == [
        f"http.port: 127.0.0.1:{port} is in use by another program: stop it, or choose another port",
        "smtp: 192.0.2.1:25000 is no address of this machine",
    ]


def test_two_parts_never_share_one_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    with pytest.raises(places.CannotListen, match="smtp: "):
        places.free({"http.port": ("127.0.0.1", port), "smtp": ("127.0.0.1", port)})


def test_a_place_that_is_held_is_for_those_who_share_it_and_takes_no_client() -> None:
    port = places.free({"a": ("127.0.0.1", 0)})["a"]
    (held,) = places.hold([("127.0.0.1", port)])
    with held:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)

        with (
            socket.create_server(("127.0.0.1", port), reuse_port=True),
            socket.create_server(("127.0.0.1", port), reuse_port=True),
            pytest.raises(places.CannotListen, match="in use by another program"),
        ):
            places.free({"a": ("127.0.0.1", port)})
