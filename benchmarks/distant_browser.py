"""Stands for a browser on another machine: takes the pictures of the node `web`, but does not draw them.

    python -m benchmarks.distant_browser ADDRESS

Prints WATCHES when the first picture is there, and takes pictures until it is terminated.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
import sys

from aiohttp import ClientSession, ClientTimeout
from yarl import URL

WATCHES = "it watches"
PATIENCE = 10.0
"""Seconds after which the page is given up."""


async def watch(address: str) -> None:
    """Take pictures as the page's script does: name the stamp of the last one, and get the next."""
    async with ClientSession(raise_for_status=True, timeout=ClientTimeout(sock_read=PATIENCE)) as session:
        async with session.get(address) as page:
            path = re.search(r"/pictures/[\w-]+", await page.text())
        if path is None:
            raise SystemExit(f"{address} is not the live page")
        async with session.ws_connect(page.url.origin().join(URL(path[0])), max_msg_size=0) as pictures:
            stamp = "0"
            while True:
                await pictures.send_str(stamp)
                data = await pictures.receive_bytes(timeout=PATIENCE)
                if data and stamp == "0":
                    print(WATCHES, flush=True)
                stamp = json.loads(data[4 : 4 + struct.unpack(">I", data[:4])[0]])["stamp"] if data else "0"


if __name__ == "__main__":
    asyncio.run(watch(sys.argv[1]))
