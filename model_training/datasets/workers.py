"""What processes that make batches have in common."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process


def end_with_parent(worker: int) -> None:
    """End this process as soon as the one that started it is gone, however that ended.

    A loader's worker would wait for ever to hand over a batch that nobody takes any more.
    """

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
