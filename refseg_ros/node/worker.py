"""The thread that computes, beside the one that receives, and the mailbox between them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Job = Callable[[], None]


class Mailbox(Generic[Item]):
    """Holds the newest item of each sender only, so that slow work never makes a queue; senders are served in turn."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: dict[object, Item] = {}  # in the order in which the senders began to wait
        self._closed = False

    def put(self, sender: object, item: Item) -> bool:
        """Put an item in; returns whether it replaced an item of the same sender that nobody had taken."""
        with self._changed:
            replaces = sender in self._items
            self._items[sender] = item
            self._changed.notify()
            return replaces

    def take(self) -> Item | None:
        """Wait for an item and take it; None once the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            return None if self._closed else self._items.pop(next(iter(self._items)))

    def close(self) -> None:
        """End every wait, now and later."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()


class Worker:
    """Does jobs in a thread of its own; only the newest job of each sender waits. Jobs raise nothing."""

    def __init__(self) -> None:
        self._mailbox: Mailbox[Job] = Mailbox()
        self._thread = threading.Thread(target=self._work, name="segment", daemon=True)
        self._thread.start()

    def put(self, sender: object, job: Job) -> bool:
        """Put a job in; returns whether it replaced an older job of the same sender."""
        return self._mailbox.put(sender, job)

    def stop(self, patience: float) -> bool:
        """Take no more jobs; returns whether the one under way ended within `patience` seconds."""
        self._mailbox.close()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._mailbox.take()) is not None:
            job()
            del job  # it holds an image, and the next job may come much later
