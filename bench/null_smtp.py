"""The reference for mail: a stock aiosmtpd server that throws every message away. `python -m bench.null_smtp PORT`."""

from __future__ import annotations

import asyncio
import sys

from aiosmtpd.smtp import SMTP


class Discard:
    """Takes everything, keeps nothing."""

    async def handle_DATA(self, _server: object, _session: object, _envelope: object) -> str:  # noqa: N802
        """250, and that was it."""
        return "250 OK"


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Discard(), hostname="null", loop=loop), "127.0.0.1", port)
    print("ready", flush=True)  # noqa: T201 - the parent waits for this line
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
