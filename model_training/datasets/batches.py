"""Training batches from any reader, letterboxed and tokenised; a pure function of (seed, step).

    reader = open_folder(Path("refcoco/refs(unc).p"))[0]
    vocabulary = Vocabulary.of_texts(reader.texts("train"))
    config = BatchConfig(height=320, width=320, padding=0, max_words=20, frames=8)
    batches = Batches(reader, "train", vocabulary, config)
    for batch in prefetched(batches, range(first_step, last_step), workers=2):
        ...

Several expressions of a frame share its encoding.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from torch.utils.data import DataLoader, Dataset

from model_training.datasets.batch import Batch
from model_training.datasets.letterboxed import LetterboxCache, Letterboxed, letterboxed
from model_training.datasets.sample import STILL, ClipFrames, Expression, Reader, Record
from model_training.datasets.workers import end_with_parent
from refseg_ros.config import Settings, setting
from refseg_ros.open_vocabulary import Tokenizer


@dataclass(frozen=True, kw_only=True)
class BatchConfig(Settings):
    """The shape and contents of batches."""

    height: int = setting("of the network's input", unit="px", range=(1, 8192))
    width: int = setting("of the network's input", unit="px", range=(1, 8192))
    padding: int = setting("grey level around an image that does not fill the input", range=(0, 255))
    max_words: int = setting("words of an expression that the network sees", range=(1, 1000))
    frames: int = setting("target frames in a batch, of all ranks together", range=(1, 65536))
    expressions: int = setting("expressions on each frame", default=1, range=(1, 1000))
    clip: ClipFrames = STILL
    dilated: bool = setting("whether a pixel belongs wholly to each thing that touches it", default=False)
    seed: int = setting("a batch depends on it and on the step alone", default=0, range=(0, 2**62))
    rank: int = setting("of this process: it gets the frames rank, rank + ranks, ... of each batch", default=0)
    ranks: int = setting("processes that share each batch", default=1, range=(1, 65536))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.rank < self.ranks:
            raise ValueError(f"rank is {self.rank}; with {self.ranks} ranks it must be 0 to {self.ranks - 1}")
        if self.frames % self.ranks:
            raise ValueError(f"frames is {self.frames}; it must be a multiple of the {self.ranks} ranks")


class FrameBatches(Dataset[Batch], ABC):
    """Batches of frames of any origin, each frame with E expressions; these repeat only if the frame has fewer than E.

    Args:
        vocabulary: of the network, made from the texts of the training split.
        config: of the batches.
    """

    def __init__(self, vocabulary: Tokenizer, config: BatchConfig) -> None:
        self._vocabulary, self._config = vocabulary, config

    @abstractmethod
    def _record(self, step: int, slot: int) -> Record:
        """The record for a slot of a batch."""

    @abstractmethod
    def _drawn(self, record: Record, rows: list[int]) -> Letterboxed:
        """A record's frames, and its masks in these rows."""

    def __getitem__(self, step: int) -> Batch:
        """The batch of a training step.

        Raises:
            ValueError, OSError: a file of a sample is missing or damaged; the message names it.
        """
        config, parts = self._config, []
        for slot in range(config.rank, config.frames, config.ranks):
            record = self._record(step, slot)
            position = step * config.frames + slot
            expressions = chosen(record.expressions, config.expressions, config.seed, position)
            rows = sorted({expression.referent for expression in expressions})
            texts = [(expression.text, rows.index(expression.referent)) for expression in expressions]
            parts.append((self._drawn(record, rows), texts))
        batch = assemble(parts, self._vocabulary, config.max_words)
        return batch._replace(masks=(batch.masks > 0).astype(np.float32)) if config.dilated else batch


class Batches(FrameBatches):
    """Draws batches from a split of a reader. Each epoch shows each frame once, in a new order.

    Args:
        reader, split: source of the samples.
        vocabulary, config: as of `FrameBatches`.
        cache: folder for letterboxed frames, so that nothing is decoded twice; may be deleted at any time.

    Raises:
        ValueError: there is no such split, or it has no published masks.
    """

    def __init__(
        self, reader: Reader, split: str, vocabulary: Tokenizer, config: BatchConfig, cache: Path | None = None
    ) -> None:
        super().__init__(vocabulary, config)
        self._reader, self._records = reader, reader.of_split(split)
        if not reader.is_published(split):
            raise ValueError(f"{reader.folder}: the masks of the split {split} are not published; train on another")
        self._cache = LetterboxCache(cache) if cache else None
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def _record(self, step: int, slot: int) -> Record:
        epoch, place = divmod(step * self._config.frames + slot, len(self._records))
        return self._records[self._order_of(epoch)[place]]

    def _drawn(self, record: Record, rows: list[int]) -> Letterboxed:
        config = self._config
        size = (config.height, config.width, config.padding)
        if self._cache:
            return self._cache.get(self._reader, record, rows, config.clip, *size)
        return letterboxed(self._reader.load(record.narrowed(rows), config.clip), *size)

    def _order_of(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            rng = np.random.default_rng([self._config.seed, epoch])
            self._epoch, self._order = epoch, rng.permutation(len(self._records))
        return self._order


def chosen(expressions: tuple[Expression, ...], count: int, seed: int, position: int) -> list[Expression]:
    """Draw `count` expressions of a frame by seed and position; none repeats before all were drawn."""
    rng = np.random.default_rng([seed, position, 1])
    order = np.tile(rng.permutation(len(expressions)), -(-count // len(expressions)))
    return [expressions[index] for index in order[:count]]


def assemble(parts: list[tuple[Letterboxed, list[tuple[str, int]]]], vocabulary: Tokenizer, max_words: int) -> Batch:
    """Make a batch of frames with (text, row of its mask) for each expression. A still image is repeated as a clip."""
    length = max(len(part.frames) for part, _ in parts)
    shape = (length, *parts[0][0].frames.shape[1:])
    return Batch(
        np.stack([np.broadcast_to(part.frames, shape) for part, _ in parts]),
        np.stack([vocabulary.encode_all([text for text, _ in texts], max_words) for _, texts in parts]),
        np.stack([part.areas[[row for _, row in texts]] for part, texts in parts]) / np.float32(255),
        np.array([[part.present[row] for _, row in texts] for part, texts in parts], np.float32),
    )


def prefetched(
    batches: Dataset[Batch], steps: range, workers: int, started: Literal["spawn", "fork"] = "spawn"
) -> Iterator[Batch]:
    """The batches of some steps as tensors, in order.

    Args:
        batches: dataset of batches, indexed by step.
        steps: the steps.
        workers: processes that prepare the next batches; 0: none.
        started: start method of the workers. Forked ones share the memory of this process, but not its threads; batches
            made with the threads of OpenCV or torch would wait for ever.

    Raises:
        ValueError, OSError: an error of a batch, in one line, from any process.
    """
    context = {"multiprocessing_context": started, "prefetch_factor": 3} if workers else {}
    begin = _alone if started == "spawn" else end_with_parent
    guarded = _Guarded(batches)
    loader = DataLoader(guarded, sampler=steps, batch_size=None, num_workers=workers, worker_init_fn=begin, **context)
    for batch in loader:
        if isinstance(batch, Exception):
            raise batch
        yield batch


class _Guarded(Dataset):
    """Returns an error as a value, because a loader would bury it in the traceback of its worker."""

    def __init__(self, batches: Dataset[Batch]) -> None:
        self._batches = batches

    def __getitem__(self, step: int) -> Batch | Exception:
        try:
            return self._batches[step]
        except (ValueError, OSError) as error:
            return error


def _alone(worker: int) -> None:
    """Limit OpenCV to one thread; otherwise each process would use all cores."""
    cv2.setNumThreads(1)
    end_with_parent(worker)
