"""What training needs to know of a source of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from model_training.configs.schema import Config
from model_training.metrics import Scores
from model_training.networks.refseg import ReferringSegmentation


class Learner(nn.Module, ABC):
    """A network, and beside it what exists only while it learns.

    Attributes:
        model: the network.
    """

    model: ReferringSegmentation

    @abstractmethod
    def forward(self, batch: Any, with_expressions: bool) -> dict[str, Tensor]:
        """The terms of the loss on a batch; without expressions those of the encoder alone."""

    @staticmethod
    @abstractmethod
    def parts(batch: Any, count: int) -> Sequence[Any]:
        """A batch cut into so many of the same size; the mean of their losses is its loss."""


class Validation(Protocol):
    """A quick look at how a network does; its text is a line."""

    @property
    def whole(self) -> Scores:
        """Of the masks of all expressions."""
        ...


class Task(ABC):
    """A source of data.

    Attributes:
        config: of the run, with what depends on the data filled in.
        facts: what is kept with the finished weights.
        identity: what is kept with a checkpoint; one with another is not gone on from.
    """

    config: Config
    facts: dict[str, object]
    identity: dict[str, object]

    @abstractmethod
    def batches(self, phase: int, steps: range) -> Iterable[Any]:
        """The batches of some steps of a phase; the next ones are made by other processes meanwhile."""

    @abstractmethod
    def validation(self, model: ReferringSegmentation) -> Validation:
        """A look at a network in evaluation mode."""
