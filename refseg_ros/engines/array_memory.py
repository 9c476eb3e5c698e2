"""Keeps arrays of a camera's past frames for a network that takes them unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from refseg_ros.engines.contract import Array
from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.reach import PAST


class ArrayMemory:
    """The past of one camera's clip: some arrays of each frame, laid side by side in the order of time."""

    def __init__(
        self,
        frames: FrameBuffer,
        slots: int,
        zeros: Callable[[tuple[int, ...], Any], Array],
        kept: tuple[str, ...],
    ) -> None:
        """Begin without a frame; `frames` chooses those that are kept, `slots` at most; `zeros` as `Engine.zeros`."""
        self._frames, self._slots, self._zeros, self._kept = frames, slots, zeros, kept
        self._newest: Mapping[str, Array] = {}
        self._by_slot: dict[int, Mapping[str, Array]] = {}
        self._past: dict[str, Array] = {}

    def admit(self, stamp: float, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Take the next frame.

        Args:
            stamp: seconds; see `FrameBuffer.admit`.
            arrays: what is made of the frame alone, with a leading axis of 1.

        Returns:
            `past_X` of each array X that is kept: (L, ...) of the L frames before it, the oldest first. Valid until the
            next call.

        Raises:
            ValueError: the stamp is not a finite number.
        """
        newest = {name: arrays[name] for name in self._kept}
        slot = self._frames.admit(stamp)
        if not self._past:
            self._past = {
                name: self._zeros((self._slots, *array.shape[1:]), array.dtype) for name, array in newest.items()
            }
        if slot is not None:
            self._by_slot[slot] = self._newest
            for place, one in enumerate(self._frames.slots):
                for name, array in self._by_slot[one].items():
                    self._past[name][place] = array[0]
        self._newest = newest
        return {PAST + name: array[: len(self._frames)] for name, array in self._past.items()}

    def keep(self, arrays: Mapping[str, Array]) -> None:
        """Do nothing: arrays that depend on earlier frames are not kept."""

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()
        self._by_slot.clear()
