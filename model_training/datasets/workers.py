"""What processes that make batches and scenes have in common."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process


def end_with_parent(worker: int = 0) -> None:
    """End this process as soon as the one that started it is gone, however that ended; a loader gives its number.

    It would wait for ever to hand over what nobody takes any more.
    """

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
