"""Finds what a camera's other topics said at the moment of an image: by stamp, never simply the latest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Generic, TypeVar

Item = TypeVar("Item")

CAPACITY = 20
"""Messages that are remembered of one topic: two thirds of a second at 30 Hz. Depth images are large."""
NANOSECONDS = 1_000_000_000


class StampedBuffer(Generic[Item]):
    """The last messages of one topic by their stamps, at most CAPACITY of them. For one thread, or under a lock.

    Messages may come late, early, twice or not at all. After a clock jumps back, older messages are useless: those with
    stamps more than `jump` seconds later than the new message are forgotten.

    Attributes:
        tolerance: how far apart two stamps of one moment may be, in seconds.
    """

    def __init__(self, tolerance: float, capacity: int = CAPACITY, jump: float = 1.0) -> None:
        if not 0.0 <= tolerance < jump:
            raise ValueError(f"the tolerance must be from 0 s to less than {jump} s, it is {tolerance}")
        self.tolerance = tolerance
        self._jump = round(jump * NANOSECONDS)
        self._items: deque[tuple[int, Item]] = deque(maxlen=capacity)

    def __len__(self) -> int:
        """Count the messages."""
        return len(self._items)

    def put(self, stamp: int, item: Item) -> None:
        """Keep a message; `stamp` in nanoseconds. It replaces one of the same stamp; if full, the oldest goes."""
        kept = [(other, old) for other, old in self._items if other != stamp and other - stamp <= self._jump]
        self._items = deque([*kept, (stamp, item)], self._items.maxlen)

    def at(self, stamp: int) -> Item | None:
        """The message nearest to a stamp in nanoseconds; None if it is not within the tolerance."""
        if not self._items:
            return None
        nearest, item = min(self._items, key=lambda entry: abs(entry[0] - stamp))
        return item if abs(nearest - stamp) <= round(self.tolerance * NANOSECONDS) else None

    def is_final(self, stamp: int) -> bool:
        """Whether later messages cannot change what `at` gives, if they come in order and at the usual pace."""
        stamps = sorted(other for other, _ in self._items)
        if not stamps:
            return False
        pace = min((later - earlier for earlier, later in pairwise(stamps)), default=0)
        gone = stamp - stamps[-1]
        return gone <= pace / 2 or pace - gone > round(self.tolerance * NANOSECONDS)

    def begin(self) -> int | None:
        """The earliest stamp that is remembered; None if there is no message."""
        return min((stamp for stamp, _ in self._items), default=None)

    def newest(self, suits: Callable[[Item], bool]) -> Item | None:
        """The last received message that suits, whatever its stamp; None if no message suits."""
        return next((item for _, item in reversed(self._items) if suits(item)), None)

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
