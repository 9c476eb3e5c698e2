"""What training needs to know of a source of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal, Protocol

from torch.utils.data import Dataset

from model_training.configs.schema import Config
from model_training.datasets.batch import Batch
from model_training.datasets.batches import BatchConfig, prefetched
from model_training.networks.base import System
from model_training.scoring.metrics import Scores
from refseg_ros.open_vocabulary import Tokenizer


class Validation(Protocol):
    """Quick scores of a network during training; `str` shows them."""

    @property
    def whole(self) -> Scores:
        """Scores of the masks of all expressions."""
        ...


class Source(ABC):
    """A source of data.

    Attributes:
        config: of the run, with what depends on the data filled in.
        vocabulary: what turns the expressions of the data into ids.
        facts: what is kept with the weights; a run on data with other facts does not go on from them. They are known
            before anything is rendered, so that such a run is refused at once.
        workers: processes that make batches.
        started: start method of the workers, see `prefetched`.
    """

    config: Config
    vocabulary: Tokenizer
    facts: dict[str, object]
    workers: int
    started: Literal["spawn", "fork"] = "spawn"

    @abstractmethod
    def drawn(self, phase: int) -> Dataset[Batch]:
        """The batches of a phase by step, made on request; only this process's part of each.

        A batch depends on the seed and on the step alone.
        """

    def batches(self, phase: int, steps: range) -> Iterator[Batch]:
        """The batches of some steps of a phase; workers make the next ones meanwhile.

        Raises:
            ValueError, OSError: a batch cannot be made; the message names the file.
        """
        return prefetched(self.drawn(phase), steps, self.workers, self.started)

    @abstractmethod
    def validation(self, model: System) -> Validation:
        """Score a network that is in evaluation mode."""


def batch_config(config: Config, frames: int, expressions: int, seed: int = 0) -> BatchConfig:
    """Batches of a data set for the network of a run."""
    network = config.network
    return BatchConfig(
        height=network.height,
        width=network.width,
        padding=network.padding,
        max_words=network.max_words,
        frames=frames,
        expressions=expressions,
        clip=config.clip,
        seed=seed,
    )
