"""Training batches from any reader: letterboxed, tokenised, and a pure function of (seed, step).

    reader = open_folder(Path("refcoco"))[0]
    vocabulary = Vocabulary.of_texts(reader.texts("train"))
    batches = Batches(reader, "train", vocabulary, BatchConfig(height=320, width=320, max_words=20, frames=8))
    for clips, words, masks, present in prefetched(batches, range(first_step, last_step), workers=2):
        ...

A frame is drawn with some of its expressions, which share its encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from torch.utils.data import DataLoader, Dataset

from model_training.datasets.letterboxed import LetterboxCache, Letterboxed, letterboxed
from model_training.datasets.sample import STILL, Clip, Expression, Reader
from model_training.datasets.workers import end_with_parent
from refseg_ros.config import check, setting
from refseg_ros.expression import Vocabulary


class Batch(NamedTuple):
    """F clips with E expressions each. Arrays from `Batches[step]`, tensors from `prefetched`."""

    clips: np.ndarray
    """(F, T, H, W, 3) uint8 RGB, the target frame last."""
    words: np.ndarray
    """(F, E, N) int64, 0 behind the last word."""
    masks: np.ndarray
    """(F, E, H, W) float32 in [0, 1]: the share of each input pixel that the thing covers."""
    present: np.ndarray
    """(F, E) float32: 1 where the thing is in the target frame."""


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """What batches are made of."""

    height: int = setting("of the network's input", unit="px", range=(1, 8192))
    width: int = setting("of the network's input", unit="px", range=(1, 8192))
    max_words: int = setting("words of an expression that the network sees", range=(1, 1000))
    frames: int = setting("target frames in a batch, of all ranks together", range=(1, 65536))
    expressions: int = setting("expressions on each frame", default=1, range=(1, 1000))
    clip: Clip = STILL
    seed: int = setting("a batch depends on it and on the step alone", default=0, range=(0, 2**62))
    rank: int = setting("of this process: it gets the frames rank, rank + ranks, ... of each batch", default=0)
    ranks: int = setting("processes that share each batch", default=1, range=(1, 65536))

    def __post_init__(self) -> None:
        check(self)
        if not 0 <= self.rank < self.ranks:
            raise ValueError(f"rank is {self.rank}; with {self.ranks} ranks it must be 0 to {self.ranks - 1}")
        if self.frames % self.ranks:
            raise ValueError(f"frames is {self.frames}; it must be a multiple of the {self.ranks} ranks")


class Batches(Dataset[Batch]):
    """Draws batches from a split of a reader.

    An epoch shows each frame once, in an order of its own; each time with other expressions, none of them twice before
    all were shown. A frame with fewer than E expressions shows some again.

    Args:
        reader, split: where samples come from.
        vocabulary: of the network; of the texts of the split that is trained on.
        config: what a batch is.
        cache: folder that keeps the letterboxed frames, so that nothing is decoded twice; may be deleted at any time.

    Raises:
        ValueError: there is no such split, or it has no published masks.
    """

    def __init__(
        self, reader: Reader, split: str, vocabulary: Vocabulary, config: BatchConfig, cache: Path | None = None
    ) -> None:
        self._reader, self._vocabulary, self._config = reader, vocabulary, config
        self._records = reader.of_split(split)
        if any(record.truth is None for record in self._records):
            raise ValueError(f"{reader.folder}: the masks of the split {split} are not published; train on another")
        self._cache = LetterboxCache(cache) if cache else None
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def __getitem__(self, step: int) -> Batch:
        """The batch of a training step.

        Raises:
            ValueError, OSError: a file of a sample is missing or damaged; the message names it.
        """
        config = self._config
        parts = []
        for slot in range(config.rank, config.frames, config.ranks):
            position = step * config.frames + slot
            epoch, place = divmod(position, len(self._records))
            record = self._records[self._order_of(epoch)[place]]
            told = chosen(record.expressions, config.expressions, config.seed, position)
            rows = sorted({of.referent for of in told})
            if self._cache:
                drawn = self._cache.get(self._reader, record, rows, config.clip, config.height, config.width)
            else:
                drawn = letterboxed(self._reader.load(record.narrowed(rows), config.clip), config.height, config.width)
            parts.append((drawn, [(of.text, rows.index(of.referent)) for of in told]))
        return assemble(parts, self._vocabulary, config.max_words)

    def _order_of(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            rng = np.random.default_rng([self._config.seed, epoch])
            self._epoch, self._order = epoch, rng.permutation(len(self._records))
        return self._order


def chosen(expressions: tuple[Expression, ...], count: int, seed: int, position: int) -> list[Expression]:
    """`count` of the expressions of a frame, each once before any comes again; which ones follows from the position."""
    rng = np.random.default_rng([seed, position, 1])
    order = np.tile(rng.permutation(len(expressions)), -(-count // len(expressions)))
    return [expressions[index] for index in order[:count]]


def assemble(parts: list[tuple[Letterboxed, list[tuple[str, int]]]], vocabulary: Vocabulary, max_words: int) -> Batch:
    """A batch of frames with (text, row of its mask) for each expression. One frame stands for a clip of itself."""
    length = max(len(part.frames) for part, _ in parts)
    shape = (length, *parts[0][0].frames.shape[1:])
    return Batch(
        np.stack([np.broadcast_to(part.frames, shape) for part, _ in parts]),
        np.stack([vocabulary.encode_all([text for text, _ in told], max_words) for _, told in parts]),
        np.stack([part.areas[[row for _, row in told]] for part, told in parts]) / np.float32(255),
        np.array([[part.present[row] for _, row in told] for part, told in parts], np.float32),
    )


def prefetched(batches: Dataset[Batch], steps: range, workers: int) -> Iterator[Batch]:
    """The batches of some steps as tensors, in order; `workers` processes make the next ones meanwhile (0: none).

    Raises:
        ValueError, OSError: as the batches do, in one line, whichever process it came from.
    """
    # Spawned: the threads of OpenCV and torch do not survive a fork, and a worker would wait for them for ever.
    context = {"multiprocessing_context": "spawn", "prefetch_factor": 3} if workers else {}
    guarded = _Guarded(batches)
    loader = DataLoader(guarded, sampler=steps, batch_size=None, num_workers=workers, worker_init_fn=_alone, **context)
    for batch in loader:
        if isinstance(batch, Exception):
            raise batch
        yield batch


class _Guarded(Dataset):
    """Hands an error over as a value: a loader would bury it in the traceback of its worker."""

    def __init__(self, batches: Dataset[Batch]) -> None:
        self._batches = batches

    def __getitem__(self, step: int) -> Batch | Exception:
        try:
            return self._batches[step]
        except (ValueError, OSError) as error:
            return error


def _alone(worker: int) -> None:
    """OpenCV takes all cores otherwise, in each of the processes."""
    cv2.setNumThreads(1)
    end_with_parent(worker)
