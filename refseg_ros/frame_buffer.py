"""The ring of past frames that one camera's clip is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np


class FrameBuffer:
    """What the encoder keeps of the last frames, in arrays that are allocated once and overwritten in place.

    The slots stand in no particular order: the network has no term for time. All slots but the newest are about
    `interval` apart, whatever the camera's rate; when the camera is slower than that, every frame gets a slot.

    Attributes:
        valid: (T,) bool, whether a slot holds a frame.
        arrays: name -> (T, ...) array with the dtype of what was admitted; zero where a slot holds no frame.
    """

    def __init__(self, length: int, interval: float, maximum_gap: float) -> None:
        """Make an empty ring of `length` slots; `interval` and `maximum_gap` in seconds."""
        self.valid = np.zeros(length, dtype=bool)
        self.arrays: dict[str, np.ndarray] = {}
        self._interval = interval
        self._maximum_gap = maximum_gap
        self._stamps = [0.0] * length
        self._order: list[int] = []  # slots that hold a frame, oldest first

    def __len__(self) -> int:
        """Count the frames in the ring."""
        return len(self._order)

    def admit(self, stamp: float, arrays: Mapping[str, np.ndarray]) -> int:
        """Write a frame into its slot, and return that slot.

        A stamp before the newest one, or later than `maximum_gap` after it, clears the ring first.

        Args:
            stamp: seconds, on any clock.
            arrays: name -> (1, ...) array; names and shapes are the same in every call.

        Raises:
            ValueError: the stamp is not a finite number.
        """
        if not math.isfinite(stamp):
            raise ValueError(f"the stamp of a frame must be a finite number of seconds, this is {stamp}")
        if self._order and not 0.0 <= stamp - self._stamps[self._order[-1]] <= self._maximum_gap:
            self.clear()
        slot = self._slot_for(stamp)
        for name, array in arrays.items():
            if name not in self.arrays:
                self.arrays[name] = np.zeros((len(self.valid), *array.shape[1:]), array.dtype)
            self.arrays[name][slot] = array[0]
        self._stamps[slot] = stamp
        self.valid[slot] = True
        return slot

    def clear(self) -> None:
        """Forget all frames."""
        self._order.clear()
        self.valid[:] = False
        for array in self.arrays.values():
            array[:] = 0

    def _slot_for(self, stamp: float) -> int:
        """Choose the slot of a new frame: the newest one, a free one or the oldest, in this order of preference.

        The newest slot is overwritten until its frame is the one nearest to `interval` after the slot before it.
        """
        if self._order:
            newest = self._stamps[self._order[-1]]
            if stamp == newest:
                return self._order[-1]
            if len(self._order) > 1:
                before = self._stamps[self._order[-2]]
                if (newest - before) + (stamp - before) < 2 * self._interval:
                    return self._order[-1]
        slot = len(self._order) if len(self._order) < len(self.valid) else self._order.pop(0)
        self._order.append(slot)
        return slot
