"""Batches streamed from shards, for data sets larger than the disk; also a pure function of (seed, step)."""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import dataclass, field

import numpy as np
import webdataset
from webdataset.gopen import gopen

from model_training.datasets import shards
from model_training.datasets.batches import BatchConfig, FrameBatches
from model_training.datasets.letterboxed import Letterboxed, letterboxed
from model_training.datasets.sample import STILL, ClipFrames, Record
from refseg_ros.expression import Vocabulary
from refseg_ros.open_vocabulary import Tokenizer

LANES = 4
"""Number of streams of shards; steps take turns. If the number of workers divides it, no two read the same shard."""

_NAME = re.compile(r"[\w.-]+\.tar")


@dataclass
class _Lane:
    """A stream that repeats the same shards, each time in a new order."""

    shards: list[int]
    open: int = -1
    records: list[Record] = field(default_factory=list)


def vocabulary_of(place: str) -> Vocabulary:
    """The words of the shards at a place.

    Raises:
        ValueError, OSError: their list of words cannot be read; the message names it.
    """
    address = f"{place.rstrip('/')}/{shards.VOCABULARY}"
    with gopen(address) as file:
        return Vocabulary.parse(file.read(), address)


class ShardBatches(FrameBatches):
    """Draws batches from shards; each epoch of a lane shows each of its samples once.

    A lane keeps one shard in memory, not decoded. Every rank reads every shard.

    Args:
        place: folder of the shards, or the address before their names, such as "https://host/folder".
        vocabulary: of the network; `vocabulary.txt` in that folder has the words of the shards.
        config: of the batches, with the clip that the shards were written with.
        split: the one that the shards must be of.

    Raises:
        ValueError, OSError: the list of shards is missing, damaged or of another split or clip; the message names it.
    """

    def __init__(self, place: str, vocabulary: Tokenizer, config: BatchConfig, split: str = "train") -> None:
        super().__init__(vocabulary, config)
        self._place = place.rstrip("/")
        index = f"{self._place}/{shards.INDEX}"
        try:
            with gopen(index) as file:
                facts = json.loads(file.read())
            if facts["format"] != shards.FORMAT:
                raise ValueError(f"format {facts['format']} instead of {shards.FORMAT}")
            self._files = [(str(shard["file"]), int(shard["samples"])) for shard in facts["shards"]]
            if not self._files or not all(_NAME.fullmatch(name) and size > 0 for name, size in self._files):
                raise ValueError("no plain names of tar files with samples")
            if facts["split"] != split:
                raise ValueError(f"they are of the split {facts['split']}, {split} is wanted")
            clip = ClipFrames(**facts["clip"])
            if clip not in (STILL, config.clip):
                raise ValueError(f"its clips are {clip}, wanted are {config.clip}")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{index}: not a list of shards that can be used ({error})") from None
        lanes = min(LANES, len(self._files))
        self._lanes = [_Lane(list(range(lane, len(self._files), lanes))) for lane in range(lanes)]

    def _record(self, step: int, slot: int) -> Record:
        number, turn = step % len(self._lanes), step // len(self._lanes)
        position = turn * self._config.frames + slot
        lane = self._lanes[number]
        epoch, place = divmod(position, sum(self._files[shard][1] for shard in lane.shards))
        rng = np.random.default_rng([self._config.seed, number, epoch])
        for shard in rng.permutation(lane.shards):
            size = self._files[shard][1]
            if place < size:
                break
            place -= size
        if lane.open != shard:
            lane.records, lane.open = self._read(int(shard)), int(shard)
        within = np.random.default_rng([self._config.seed, number, epoch, shard]).permutation(size)
        return lane.records[within[place]]

    def _drawn(self, record: Record, rows: list[int]) -> Letterboxed:
        config = self._config
        return letterboxed(shards.load(record.narrowed(rows)), config.height, config.width, config.padding)

    def _read(self, shard: int) -> list[Record]:
        name, size = self._files[shard]
        address = f"{self._place}/{name}"
        try:
            found = list(webdataset.WebDataset([address], shardshuffle=False, workersplitter=None, nodesplitter=None))
        except (OSError, tarfile.TarError, ValueError, EOFError) as error:
            raise ValueError(f"{address}: not a shard that can be read ({error})") from None
        if len(found) != size:
            raise ValueError(f"{address}: has {len(found)} samples, {shards.INDEX} says {size}; write it again")
        return [shards.read_record(members, address) for members in found]
