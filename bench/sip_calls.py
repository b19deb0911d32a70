"""How many callers at once does the hub understand by SIP? More and more of them, until a digit is lost.

Callers are played by sipp on the same machine: they speak, press keys as events in the sound, and listen.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.processes import cpu, free_port
from bench.table import Figure

AIM = 100
FULL = (20, 60, 100, 150, 200, 250)
QUICK = (20, 50)
SPEAKS = 8.0  # seconds before the first key
COMING = 10  # seconds within which all of them call
MEDIA = 11000, 13000  # ports for sound, of the hub and of the callers
VOICE = Path("/usr/share/sip-tester/g711a.pcap")


def missing() -> str:
    """What is not here and is needed."""
    programs = [name for name in ("sipp", "espeak-ng") if shutil.which(name) is None]
    return ", ".join([*programs, *([] if find_spec("baresip") else ["baresip-python"])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """So many callers, all at the same time."""

    callers: int
    right: int
    """Of whom every digit arrived."""
    at_once: int
    seconds: float
    cpu: float
    """Seconds of processor that the hub took for it."""
    slowest: float
    """Seconds of the longest round of its sound."""
    sipp: float
    """Seconds of processor that the callers took."""

    @property
    def well(self) -> bool:
        return self.right == self.callers


def measure(rounds: tuple[int, ...] = FULL, *, speaks: float = SPEAKS) -> list[Figure]:
    """The figure, and what limited it."""
    with tempfile.TemporaryDirectory(prefix="sip-") as name:
        folder = Path(name)
        port = free_port()
        errors = folder / "errors.txt"
        with (
            errors.open("wb") as said,
            subprocess.Popen(
                [sys.executable, "-m", "bench.sip_line", str(port), str(MEDIA[0]), str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            ) as line,
        ):
            try:
                if not _ask(line):
                    raise RuntimeError(f"no calls are taken: {errors.read_text(errors='replace')[-2000:]}")
                done: list[Round] = []
                for callers in rounds:
                    done.append(_call(line, port, folder, callers, speaks=speaks))
                    print(f"  {done[-1].right} of {callers} callers right", file=sys.stderr)
                    if not done[-1].well:
                        break
            finally:
                line.kill()
    best = max((one for one in done if one.well), key=lambda one: one.callers, default=None)
    last = done[-1]
    used = best or last
    limit = (
        f"{last.callers - last.right} of {last.callers} lost a digit or the call"
        if not last.well
        else f"{last.callers} is the most that was tried"
    )
    return [
        Figure(
            what="callers at once by SIP, no digit lost",
            database="telephone",
            measured=best.callers if best else 0,
            unit="callers",
            at_least=AIM if rounds == FULL else None,
            note=f"{used.at_once} of them at the same moment; the hub took {used.cpu / used.seconds * 100:.0f} % of a "
            f"core, the callers {used.sipp / used.seconds * 100:.0f} %, its slowest round of sound "
            f"{used.slowest * 1000:.0f} ms; {limit}",
        )
    ]


def _ask(line: subprocess.Popen[str]) -> dict[str, object]:
    """Its answer; empty: it has ended."""
    assert line.stdout is not None
    return dict(json.loads(line.stdout.readline() or "{}"))


def _call(line: subprocess.Popen[str], port: int, folder: Path, callers: int, *, speaks: float) -> Round:
    chance = random.Random(callers)
    wanted = {
        f"+39061{n:05}": ["1", f"{chance.randrange(10**4):04}", f"{chance.randrange(10**6):06}"]
        for n in range(callers)
    }
    rows = [f"{number};{code};{pin};" for number, (_, code, pin) in wanted.items()]
    (folder / "callers.csv").write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
    (folder / "scenario.xml").write_text(
        _SCENARIO.replace("VOICE", str(VOICE)).replace("SPEAKS", str(round(speaks * 1000))),
        encoding="latin-1",
    )
    began, before = time.monotonic(), cpu(line.pid)
    sipp = subprocess.Popen(
        [
            *("sipp", f"127.0.0.1:{port}", "-sf", "scenario.xml", "-inf", "callers.csv", "-nostdin"),
            *("-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(free_port()), "-mp", str(MEDIA[1])),
            *("-m", str(callers), "-l", str(callers), "-r", str(max(1, callers // COMING))),
            *("-timeout", "120", "-recv_timeout", "60000"),
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    took = 0.0
    while sipp.poll() is None:
        took = max(took, cpu(sipp.pid))
        time.sleep(0.2)
    seconds, used = time.monotonic() - began, cpu(line.pid) - before
    assert line.stdin is not None
    line.stdin.write("\n")
    line.stdin.flush()
    told = _ask(line)
    entered = told["entered"]
    assert isinstance(entered, dict)
    return Round(
        callers=callers,
        right=sum(entered.get(number) == keys for number, keys in wanted.items()),
        at_once=int(str(told["most"])),
        seconds=seconds,
        cpu=used,
        slowest=float(str(told["slowest"])),
        sipp=took,
    )


# The engine asks again right after answering; telephone events have payload type 96, which sipp takes for granted.
_SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
<send retrans="500"><![CDATA[

INVITE sip:700@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:700@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 96
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000

]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200"/>
<send><![CDATA[

ACK sip:700@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv request="INVITE"/>
<send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:caller@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 96
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000

]]></send>
<recv request="ACK"/>
<nop><action><exec play_pcap_audio="VOICE"/></action></nop>
<pause milliseconds="SPEAKS"/>
<nop><action><exec play_dtmf="1"/></action></nop>
<pause milliseconds="2000"/>
<nop><action><exec play_dtmf="[field1]#"/></action></nop>
<pause milliseconds="4000"/>
<nop><action><exec play_dtmf="[field2]#"/></action></nop>
<pause milliseconds="5000"/>
<nop><action><exec play_pcap_audio="VOICE"/></action></nop>
<recv request="BYE"/>
<send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""
