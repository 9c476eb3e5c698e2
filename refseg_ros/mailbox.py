"""A mailbox between the thread that receives and the thread that works: of each sender the newest item wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds the newest item of each sender only, so that slow work never makes a queue; senders take turns."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: dict[object, Item] = {}  # in the order in which the senders began to wait
        self._closed = False

    def put(self, sender: object, item: Item) -> bool:
        """Leave an item, and tell whether it took the place of one of its sender that was not taken."""
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
