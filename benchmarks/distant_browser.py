"""A browser on another machine, as the node `web` sees it: it takes the pictures, and what draws them is elsewhere.

    python -m benchmarks.distant_browser ADDRESS

Says WATCHES when the first picture is there, and takes pictures until it is terminated.
"""

from __future__ import annotations

import json
import re
import struct
import sys

import requests
from websockets.sync.client import connect

WATCHES = "it watches"
PATIENCE = 10.0
"""Seconds after which the page is given up."""


def main(address: str) -> None:
    """Take pictures as the page's script does: name the stamp of the last one, and get the next."""
    page = requests.get(address, timeout=PATIENCE)
    page.raise_for_status()
    path = re.search(r"/pictures/[\w-]+", page.text)
    if path is None:
        raise SystemExit(f"{address} is not the live page")
    with connect(re.sub(r"^http(://[^/]+)/.*$", rf"ws\1{path[0]}", address), max_size=None) as pictures:
        stamp = "0"
        while True:
            pictures.send(stamp)
            data = pictures.recv(PATIENCE)
            assert isinstance(data, bytes)
            if data and stamp == "0":
                print(WATCHES, flush=True)
            stamp = json.loads(data[4 : 4 + struct.unpack(">I", data[:4])[0]])["stamp"] if data else "0"


if __name__ == "__main__":
    main(sys.argv[1])
