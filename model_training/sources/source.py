"""What training needs to know of a source of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal, Protocol

from torch.utils.data import Dataset

from model_training.configs.schema import Config
from model_training.datasets.batch import Batch
from model_training.datasets.batches import prefetched
from model_training.networks.base import System
from model_training.scoring.metrics import Scores
from refseg_ros.expression import Vocabulary


class Validation(Protocol):
    """A quick look at how a network does; its text is a line."""

    @property
    def whole(self) -> Scores:
        """Of the masks of all expressions."""
        ...


class Source(ABC):
    """A source of data.

    Attributes:
        config: of the run, with what depends on the data filled in.
        vocabulary: the words of the data.
        facts: what is kept with the weights; a run on data with other facts does not go on from them. They are
            known before anything is rendered, so that such a run is refused first.
        workers: processes that make batches.
        started: how these begin, see `prefetched`.
    """

    config: Config
    vocabulary: Vocabulary
    facts: dict[str, object]
    workers: int
    started: Literal["spawn", "fork"] = "spawn"

    @abstractmethod
    def drawn(self, phase: int) -> Dataset[Batch]:
        """The batches of a phase by their step, made when they are asked for; the part of each that this process has.

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
        """A look at a network in evaluation mode."""
