"""Shared by processes that make batches and scenes."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process


def end_with_parent(worker: int = 0) -> None:
    """End this process as soon as its parent has ended, by whatever cause; a loader passes the worker's number.

    Otherwise it would wait for ever to hand over its results.
    """

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
