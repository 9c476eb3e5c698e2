"""The thread that computes, beside the one that receives."""

from __future__ import annotations

import threading
from collections.abc import Callable

from refseg_ros.mailbox import Mailbox

Job = Callable[[], None]


class Worker:
    """Does jobs in a thread of its own; of each sender only the newest waits. Jobs raise nothing."""

    def __init__(self) -> None:
        self._mailbox: Mailbox[Job] = Mailbox()
        self._thread = threading.Thread(target=self._work, name="segment", daemon=True)
        self._thread.start()

    def put(self, sender: object, job: Job) -> bool:
        """Leave a job, and tell whether it took the place of an older one of its sender."""
        return self._mailbox.put(sender, job)

    def stop(self, patience: float) -> bool:
        """Take no more jobs, and tell whether the one under way ended within so many seconds."""
        self._mailbox.close()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._mailbox.take()) is not None:
            job()
            del job  # it holds an image, and the next one may be long in coming
