"""What is kept of a camera's past frames, so that a new frame costs only its own pairs with them (CFSA)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from refseg_ros.engines.contract import Array
from refseg_ros.engines.frame_buffer import FrameBuffer
from refseg_ros.engines.reach import PAST

RING_NAME = re.compile(r"ring_([^_]+)_[^_]+")
"""Arrays of one frame that the clip's later frames look back at: `ring_LEVEL_PART`."""

MERGED = ("logsum", "attended", "shares")
"""What is made of the blocks among the earlier frames of a clip."""


class AttentionBlocks(NamedTuple):
    """Attention from the P keys of a frame to the G queries of another, for each of F pairs of frames at one level."""

    logsum: Array
    """(F, P) log of the sum of e^logit over the queries."""
    attended: Array
    """(F, P, d_v) values of the query frame, weighted by the softmax over its queries."""


class NewPairs(NamedTuple):
    """The blocks at one level that a frame brings into a clip with L earlier ones."""

    row: AttentionBlocks
    """The new frame's keys with the queries of each earlier frame and, last, its own; L + 1 blocks."""
    column: AttentionBlocks
    """The keys of each earlier frame with the new frame's queries; L blocks."""


class Looked(NamedTuple):
    """Names of what the frames of a clip look back at."""

    ring: tuple[str, ...]
    """The arrays `ring_LEVEL_PART` of a frame."""
    levels: tuple[str, ...]
    """Those at which the blocks among the earlier frames are wanted."""

    @classmethod
    def of(cls, made: Collection[str], wanted: Collection[str]) -> Looked:
        """Read it from the names of the arrays that are made of a frame and of those that the graphs want."""
        ring = tuple(name for name in made if RING_NAME.fullmatch(name) and name in wanted)
        levels = sorted({name.split("_")[1] for name in ring})
        return cls(ring, tuple(level for level in levels if f"{PAST}{level}_shares" in wanted))

    @property
    def past(self) -> set[str]:
        """The arrays that `ClipMemory.admit` gives."""
        merged = {f"{PAST}{name.split('_')[1]}_{part}" for name in self.ring for part in MERGED}
        return merged | {past_name(name) for name in self.ring}

    @property
    def brought(self) -> set[str]:
        """The arrays that `ClipMemory.keep` wants."""
        return {name for level in self.levels for name in pair_names(level)}


class ClipMemory:
    """The past of one camera's clip, in arrays that are allocated once and overwritten slot by slot.

    A block depends only on its two frames. So a new frame overwrites the blocks of the one that it evicts; nothing is
    ever subtracted, and errors do not grow. What the engine reads lies in the memory of the engine; blocks come to the
    host when their frame gets a slot, once per interval of the clip.
    """

    def __init__(
        self, frames: FrameBuffer, slots: int, zeros: Callable[[tuple[int, ...], Any], Array], looked: Looked
    ) -> None:
        """Begin without a frame; `frames` chooses those that are kept, in `slots` slots; `zeros` as `Engine.zeros`."""
        self._frames, self._slots, self._zeros, self._looked = frames, slots, zeros, looked
        self._ring: Mapping[str, Array] = {}
        self._pairs: Mapping[str, NewPairs] = {}
        self._kept: dict[str, Array] = {}
        self._blocks: dict[str, _LevelBlocks] = {}
        self._merged: dict[str, Array] = {}

    def admit(self, stamp: float, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Take the next frame; then call `keep` with its pairs, or `clear`.

        Args:
            stamp: seconds; see `FrameBuffer.admit`.
            arrays: what is made of the frame alone, including `ring_LEVEL_key` -> (1, P, d) of every position;
                `ring_LEVEL_query` -> (1, G, d) and `ring_LEVEL_value` -> (1, G, d_v) of the cells that these attend to.

        Returns:
            The L frames before it: `past_LEVEL_PART` -> (L, ., d); `past_LEVEL_logsum` (L, P) and `past_LEVEL_attended`
            (L, P, d_v), the blocks among these frames merged over the query frames; and `past_LEVEL_shares` (L, L, P),
            the share of each query frame (first axis) in them. Valid until the next call.

        Raises:
            ValueError: the stamp is not a finite number.
        """
        ring = {name: arrays[name] for name in self._looked.ring}
        slot = self._frames.admit(stamp)
        past = len(self._frames)
        if not self._kept:
            self._allocate(ring)
        if slot is not None:
            for name, array in self._ring.items():
                self._kept[name][slot] = array[0]
            for level, pairs in self._pairs.items():
                self._blocks[level].write(slot, pairs)
        if slot is not None or not past:
            for level, blocks in self._blocks.items():
                for part, array in zip(MERGED, blocks.merged(past), strict=True):
                    self._place(f"{PAST}{level}_{part}", array)
        self._ring, self._pairs = ring, {}
        return {past_name(name): array[:past] for name, array in self._kept.items()} | self._merged

    def keep(self, arrays: Mapping[str, Array]) -> None:
        """Keep what the newest frame brought: per level the fields of `NewPairs`, by the names of `pair_names`."""
        self._pairs = {level: _pairs(arrays, level) for level in self._looked.levels}

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()

    def _place(self, name: str, array: np.ndarray) -> None:
        """Put a merged array where the engine reads it; new memory is made only if the shape changed."""
        if name not in self._merged or self._merged[name].shape != array.shape:
            self._merged[name] = self._zeros(array.shape, array.dtype)
        self._merged[name][:] = array

    def _allocate(self, ring: Mapping[str, Array]) -> None:
        for name, array in ring.items():
            self._kept[name] = self._zeros((self._slots, *array.shape[1:]), array.dtype)
            _, level, part = name.split("_")
            if part == "key":
                self._blocks[level] = _LevelBlocks(self._slots, array, ring[f"ring_{level}_value"])


def past_name(ring_name: str) -> str:
    """`ring_1_key` of one frame is `past_1_key` of the frames before it."""
    return ring_name.replace("ring_", PAST, 1)


def pair_names(level: str) -> tuple[str, ...]:
    """Names of the arrays that `NewPairs` of a level is made of, in the order of its fields."""
    return tuple(f"{side}_{level}_{part}" for side in NewPairs._fields for part in AttentionBlocks._fields)


def _pairs(arrays: Mapping[str, Array], level: str) -> NewPairs:
    row_sum, row, column_sum, column = (arrays[name] for name in pair_names(level))
    return NewPairs(AttentionBlocks(row_sum, row), AttentionBlocks(column_sum, column))


class _LevelBlocks:
    """The blocks among the past frames of one level."""

    def __init__(self, slots: int, key: Array, value: Array) -> None:
        positions, channels = key.shape[1], value.shape[-1]
        # [frame of the queries, frame of the keys, key]
        self._logsum = np.zeros((slots, slots, positions), key.dtype)
        # [frame of the keys, key, frame of the queries, channel]: what is summed lies together
        self._attended = np.zeros((slots, positions, slots, channels), key.dtype)

    def write(self, slot: int, new: NewPairs) -> None:
        """Give a frame the slot; the blocks of the frame that had it are overwritten."""
        row, column = (AttentionBlocks(*map(np.asarray, side)) for side in new)
        earlier = len(column.logsum)
        self._logsum[slot, :earlier] = column.logsum
        self._logsum[:earlier, slot] = row.logsum[:-1]
        self._logsum[slot, slot] = row.logsum[-1]
        self._attended[:earlier, :, slot] = column.attended
        self._attended[slot, :, :earlier] = row.attended[:-1].swapaxes(0, 1)
        self._attended[slot, :, slot] = row.attended[-1]

    def merged(self, past: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The first `past` frames' (L, P) log-sums, (L, P, d_v) attended values and (L, L, P) shares."""
        logsum = self._logsum[:past, :past]
        highest = logsum.max(0, initial=-np.inf)
        shares = np.exp(logsum - highest)
        total = shares.sum(0)
        shares /= total
        weights = shares.transpose(1, 2, 0)[:, :, None]
        return highest + np.log(total), (weights @ self._attended[:past, :, :past])[:, :, 0], shares
