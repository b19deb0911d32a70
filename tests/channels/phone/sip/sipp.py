"""Callers played by sipp: what they do is a list, and becomes a scenario. Keys are events in the sound unless said otherwise."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.days.hubs import WORKER

VOICE = Path("/usr/share/sip-tester/g711a.pcap")
"""Eight seconds of somebody who speaks, as packets."""
AVAILABLE = shutil.which("sipp") is not None

_KINDS = (socket.SOCK_DGRAM, socket.SOCK_STREAM)

Step = tuple[str, str]


def pause(seconds: float) -> Step:
    return "pause", str(round(seconds * 1000))


def keys(some: str) -> Step:
    return "keys", some


def info(key: str) -> Step:
    """One key by INFO, at the same time as what comes before."""
    return "info", key


def speak() -> Step:
    return "speak", ""


BYE: Step = ("bye", "")
WAIT_FOR_BYE: Step = ("wait", "")
CANCEL: Step = ("cancel", "")


_GIVEN: set[int] = set()
SOUND = (10_000, 14_998)
"""Ports of programs that look for a free one themselves: none of those that `free_port` gives to others."""


def free_port() -> int:
    """For UDP and TCP, with room for the three after it; never the same twice."""
    while True:
        port = random.SystemRandom().randrange(26_000 + 1_500 * WORKER, 27_500 + 1_500 * WORKER, 4)
        if port not in _GIVEN and all(_free(one, kind) for one in range(port, port + 4) for kind in _KINDS):
            _GIVEN.add(port)
            return port


def _free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Sipp:
    """What came of it."""

    def __init__(self, code: int, errors: str) -> None:
        self.code = code
        self.errors = errors

    @property
    def well(self) -> bool:
        return self.code == 0


async def callers(
    port: int,
    number: str,
    steps: Sequence[Step],
    *,
    calls: int = 1,
    rate: float = 10,
    rows: Sequence[str] = ("+390612345678;4711;915203",),
    codecs: str = "8 96",
    expect: int = 200,
    timeout: int = 60,
) -> Sipp:
    """So many of them. `rows`: number, code and PIN of each in turn; `expect`: what the call is answered with."""
    with tempfile.TemporaryDirectory(prefix="sipp-") as name:
        folder = Path(name)
        (folder / "callers.csv").write_text("SEQUENTIAL\n" + "\n".join(f"{row};" for row in rows) + "\n")
        (folder / "scenario.xml").write_text(
            scenario(number, steps, codecs=codecs, expect=expect), encoding="latin-1"
        )
        process = await asyncio.create_subprocess_exec(
            *("sipp", f"127.0.0.1:{port}", "-sf", "scenario.xml", "-inf", "callers.csv", "-nostdin"),
            *("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(free_port()), "-mp", str(free_port())),
            *(
                "-m",
                str(calls),
                "-l",
                str(calls),
                "-r",
                str(rate),
                "-timeout",
                str(timeout),
                "-timeout_error",
            ),
            *("-trace_err", "-error_file", "errors.log", "-recv_timeout", str(timeout * 1000)),
            cwd=folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        errors = folder / "errors.log"
        return Sipp(code, errors.read_text(errors="replace")[:3000] if errors.exists() else "")


def scenario(number: str, steps: Sequence[Step], *, codecs: str, expect: int) -> str:
    taken = expect == 200
    lines = [
        _INVITE % _sdp(codecs),
        *(f'<recv response="{code}" optional="true"/>' for code in (100, 180, 183)),
    ]
    if steps and steps[0] == CANCEL:
        lines = [lines[0], '<recv response="100" optional="true"/>', '<recv response="180"/>', _CANCEL]
        return _written(number, [*lines, "</scenario>"])
    if not taken:
        lines += [f'<recv response="{expect}"/>', _ACK_REFUSED]
        return _written(number, [*lines, "</scenario>"])
    lines.append(
        '<recv response="200"><action><ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/></action></recv>'
    )
    # The engine asks again at once, with one codec only.
    lines += [_ACK, '<recv request="INVITE"/>', _OK % _sdp(codecs), '<recv request="ACK"/>']
    for turn, (kind, what) in enumerate(steps, start=2):
        match kind:
            case "pause":
                lines.append(f'<pause milliseconds="{what}"/>')
            case "keys":
                lines.append(f'<nop><action><exec play_dtmf="{what}"/></action></nop>')
            case "info":
                lines += [_INFO % (turn, what), '<recv response="200"/>']
            case "speak":
                lines.append(f'<nop><action><exec play_pcap_audio="{VOICE}"/></action></nop>')
            case "bye":
                lines += [_BYE % turn, '<recv response="200"/>']
            case "wait":
                lines += ['<recv request="BYE"/>', _OK_BYE]
    return _written(number, [*lines, '<Reference variables="to"/></scenario>'])


def _written(number: str, lines: Sequence[str]) -> str:
    return _HEAD + "\n".join(lines).replace("NUMBER", number)


def _sdp(codecs: str) -> str:
    names = {
        "0": "PCMU/8000",
        "8": "PCMA/8000",
        "9": "G722/8000",
        "18": "G729/8000",
        "96": "telephone-event/8000",
    }
    maps = "\n".join(f"a=rtpmap:{number} {names[number]}" for number in codecs.split())
    return _SDP % (codecs, maps)


_HEAD = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="caller">\n'
_SDP = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP %s
%s"""
_LINES = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[call_number]
Call-ID: [call_id]
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
"""
_TO = "To: <sip:NUMBER@[remote_ip]:[remote_port]>\n"
_SEND = '<send retrans="500"><![CDATA[\n\n%s\n]]></send>'
_ONCE = "<send><![CDATA[\n\n%s\n]]></send>"
_BODY = "Content-Type: application/sdp\nContent-Length: [len]\n\n%s\n"
_URI = "sip:NUMBER@[remote_ip]:[remote_port]"
_INVITE = _SEND % (f"INVITE {_URI} SIP/2.0\n{_LINES}{_TO}CSeq: 1 INVITE\n{_BODY}")
_ACK = _ONCE % f"ACK {_URI} SIP/2.0\n{_LINES}[last_To:]\nCSeq: 1 ACK\nContent-Length: 0\n"
_ACK_REFUSED = _ACK
_CANCEL = (
    _SEND
    % f"CANCEL {_URI} SIP/2.0\n{_LINES}{_TO}CSeq: 1 CANCEL\nContent-Length: 0\n".replace(
        "[branch]", "[branch-4]"
    )
    + '\n<recv response="200"/>\n<recv response="487"/>\n'
    + _ACK.replace("[branch]", "[branch-4]")
)
_ECHO = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
_OK = _ONCE % (f"SIP/2.0 200 OK\n{_ECHO}Contact: <sip:caller@[local_ip]:[local_port]>\n{_BODY}")
_OK_BYE = _ONCE % f"SIP/2.0 200 OK\n{_ECHO}Content-Length: 0\n"
_INFO = _SEND % (
    f"INFO {_URI} SIP/2.0\n{_LINES}To:[$to]\nCSeq: %d INFO\nContent-Type: application/dtmf-relay\n"
    "Content-Length: [len]\n\nSignal=%s\nDuration=160\n"
)
_BYE = _SEND % f"BYE {_URI} SIP/2.0\n{_LINES}To:[$to]\nCSeq: %d BYE\nContent-Length: 0\n"
