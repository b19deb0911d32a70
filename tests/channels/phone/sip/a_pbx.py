"""A telephone switch on loopback, Kamailio with digest authentication, and telephones: baresip, led by a script."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from channels.phone import sounds
from tests.channels.phone.sip.sipp import SOUND, free_port

MODULES = Path("/usr/lib/baresip/modules")
MISSING = [name for name in ("kamailio", "baresip") if shutil.which(name) is None]
REALM = "pbx.test"


def password(user: str) -> str:
    return f"secret-{user}"


@asynccontextmanager
async def switch(folder: Path) -> AsyncIterator[int]:
    """Its port. Who registers there with the right password is called under their number; nobody else: 404."""
    port = free_port()
    config = folder / "kamailio.cfg"
    config.write_text(_KAMAILIO.replace("PORT", str(port)).replace("REALM", REALM))
    with (folder / "kamailio.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("kamailio", "-f", str(config), "-DD", "-E"),
            *("-P", str(folder / "pid"), "-Y", str(folder)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
    try:
        await _answers(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


@dataclass(slots=True)
class Phone:
    """One telephone with its number. Plays a tone of its own to whoever it talks to, and keeps what it hears."""

    user: str
    folder: Path
    tone: float
    """Hertz."""
    events: list[dict[str, Any]] = field(default_factory=list)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _listening: asyncio.Task[None] | None = None
    _process: asyncio.subprocess.Process | None = None

    async def start(self, switch: int, *, answers: bool = True) -> None:
        self.folder.mkdir(parents=True)
        port, control = free_port(), free_port()
        (self.folder / "tone.wav").write_bytes(sounds.wav(_tone(self.tone) * 120))
        mode = "auto" if answers else "manual"
        (self.folder / "accounts").write_text(
            f"<sip:{self.user}@127.0.0.1:{switch}>;auth_user={self.user};auth_pass={password(self.user)};"
            f"answermode={mode};regint=600;audio_codecs=PCMA/8000/1,PCMU/8000/1\n"
        )
        (self.folder / "contacts").touch()
        (self.folder / "config").write_text(
            _BARESIP.format(
                port=port,
                control=control,
                first=SOUND[0],
                last=SOUND[1],
                modules=MODULES,
                folder=self.folder,
            )
        )
        with (self.folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("baresip", "-f", str(self.folder)),
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
            )
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    self._reader, self._writer = await asyncio.open_connection("127.0.0.1", control)
                    break
                await asyncio.sleep(0.05)
            while b"200 OK" not in (self.folder / "log").read_bytes():  # noqa: ASYNC110 - of the registrar
                await asyncio.sleep(0.05)
        self._listening = asyncio.create_task(self._listen())

    async def do(self, command: str, parameters: str = "") -> None:
        assert self._writer is not None
        told = json.dumps({"command": command, "params": parameters}).encode()
        self._writer.write(b"%d:%b," % (len(told), told))
        await self._writer.drain()

    async def press(self, keys: str) -> None:
        for key in keys:
            await self.do("sndcode", key)
            await asyncio.sleep(0.25)

    async def happened(self, kind: str, within: float = 10.0) -> None:
        """Since the last time it was asked."""
        async with asyncio.timeout(within):
            while not any(event.get("type") == kind for event in self.events):
                self._news.clear()
                await self._news.wait()
        self.events.clear()

    def heard(self) -> bytes:
        """Of the last call: samples for `channels.phone.sounds`."""
        files = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        return _raw(files[-1]) if files else b""

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()

    async def _listen(self) -> None:
        assert self._reader is not None
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await self._reader.readuntil(b":"))[:-1])
                told = json.loads(await self._reader.readexactly(length))
                await self._reader.readexactly(1)
                if told.get("event"):
                    self.events.append(told)
                    self._news.set()


def holds(pcm: bytes, hertz: float) -> float:
    """How much of the sound is this tone: 0 to 1 (Goertzel)."""
    samples = memoryview(pcm[: len(pcm) // 2 * 2]).cast("h")
    if not len(samples):
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hertz / sounds.RATE)
    power = energy = 0.0
    size = 400
    for start in range(0, len(samples) - size + 1, size):
        before = last = 0.0
        for sample in samples[start : start + size]:
            before, last = last, sample + turn * last - before
        power += 2 * (before * before + last * last - turn * before * last) / size
        energy += sum(sample * sample for sample in samples[start : start + size])
    return power / energy if energy else 0.0


def sides(content: bytes) -> tuple[bytes, bytes]:
    """The two channels of a recording."""
    samples = memoryview(content[44:]).cast("h")
    return samples[0::2].tobytes(), samples[1::2].tobytes()


def _tone(hertz: float) -> bytes:
    """A second."""
    return sounds._note(hertz, 1.0)


def _raw(path: Path) -> bytes:
    """A WAV that is still being written says a wrong length; the samples follow the header."""
    content = path.read_bytes()
    start = content.find(b"data")
    return content[start + 8 :] if start >= 0 else b""


async def _answers(port: int) -> None:
    """Until the switch says anything to a question."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        asking.setblocking(False)
        own = asking.getsockname()[1]
        question = (
            f"OPTIONS sip:nobody@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKup\r\n"
            f"From: <sip:a@b>;tag=1\r\nTo: <sip:nobody@127.0.0.1>\r\nCall-ID: up\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
        )
        async with asyncio.timeout(10):
            while True:
                await loop.sock_sendto(asking, question.encode(), ("127.0.0.1", port))
                with contextlib.suppress(TimeoutError, ConnectionError):
                    async with asyncio.timeout(0.2):
                        await loop.sock_recv(asking, 2000)
                        return


_KAMAILIO = """#!KAMAILIO
debug=1
log_stderror=yes
children=2
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:PORT
listen=tcp:127.0.0.1:PORT
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules:/usr/lib/kamailio/modules"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 1)
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    if (has_totag()) {
        if (!loose_route() && is_method("ACK") && !t_check_trans()) { exit; }
        t_relay();
        exit;
    }
    if (is_method("OPTIONS")) { sl_send_reply("200", "Up"); exit; }
    if (is_method("REGISTER|INVITE")) {
        if (!pv_www_authenticate("REALM", "secret-$fU", "0")) { www_challenge("REALM", "0"); exit; }
        consume_credentials();
    }
    if (is_method("REGISTER")) { save("location"); exit; }
    if (is_method("INVITE")) { record_route(); }
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
}
"""

# Two ports apart: TLS takes the one after.
_BARESIP = """poll_method epoll
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
rtp_ports {first}-{last}
audio_player aufile,/dev/null
audio_source aufile,{folder}/tone.wav
audio_alert aufile,/dev/null
snd_path {folder}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
module g711.so
module aufile.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""
