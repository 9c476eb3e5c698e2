"""Simulated tabletops. Everything about them is known: every class, colour, motion and anchor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

from torch.utils.data import Dataset

from model_training.configs.schema import Config
from model_training.datasets.batch import Batch
from model_training.datasets.own_pool import OwnPool
from model_training.datasets.pool import Pool
from model_training.datasets.rendering import RenderedScene, SceneSet, Studio, load_shards, render_shards
from model_training.datasets.scene_batches import SceneBatches, tabletop_vocabulary
from model_training.learning.ranks import ALONE, Ranks
from model_training.learning.validation import SceneScores, score
from model_training.networks.base import System
from model_training.sources.source import Source
from refseg_ros.expression import Vocabulary
from refseg_ros.simulation.phrases import ALL_PAIRS

UNSEEN_SEED = 5_000_000
"""Seed of the first scene for validation."""


class SimulatedScenes(Source):
    """Simulated scenes. Each process has them all in memory.

    Those that are not on disk yet are rendered when the first batch is requested.

    Args:
        config: of the run.
        data: folder of the scenes.
        workers: processes that render, then those that make batches.
        ranks: the processes that share each batch, and the rendering.

    Raises:
        ValueError, OSError: a shard is broken, or cannot be written.
    """

    started = "fork"  # the workers share the scenes in memory

    def __init__(self, config: Config, data: Path, workers: int, ranks: Ranks = ALONE) -> None:
        assert config.scenes is not None
        self.config, self._data, self.workers, self._ranks = config, data, workers, ranks
        self.vocabulary = tabletop_vocabulary(config.scenes.events)
        self.facts = {"scenes": asdict(config.scenes), "vocabulary": list(self.vocabulary.words[2:])}

    @cached_property
    def _pools(self) -> tuple[Pool, Pool]:
        """The scenes to learn, and those for validation."""
        assert self.config.scenes is not None
        learned, unseen = rendered(self.config, self.config.scenes, self._data, self.workers, self._ranks)
        return Pool(learned), Pool(unseen, pairs=ALL_PAIRS)

    def drawn(self, phase: int) -> Dataset[Batch]:
        """See `Source`."""
        return drawn_scenes(self.config, phase, [self._pools[0]], self.vocabulary, self._ranks)

    def validation(self, model: System) -> SceneScores:
        """Score scenes of the held-out split."""
        return score(model, self._pools[1], self.vocabulary)


def rendered(
    config: Config, scenes: SceneSet, data: Path, workers: int, ranks: Ranks, studio: Studio | None = None
) -> tuple[list[RenderedScene], list[RenderedScene]]:
    """The scenes of a set, and scenes of the same sort for validation; renders what is not on disk yet.

    Raises:
        ValueError, OSError: a shard is broken, or cannot be written.
    """
    unseen = replace(scenes, split="held_out", first_seed=UNSEEN_SEED, scenes=config.unseen_scenes)
    learned, held_out = (
        list(load_shards(render_shards(each, data, workers, ranks.rank, ranks.count, studio)))
        for each in (scenes, unseen)
    )
    return learned, held_out


def drawn_scenes(
    config: Config, phase: int, pools: Sequence[Pool | OwnPool], vocabulary: Vocabulary, ranks: Ranks
) -> Dataset[Batch]:
    """The batches of a phase that a process of a run draws from pools of scenes."""
    current = config.phases[phase]
    return SceneBatches(
        pools,
        vocabulary,
        config.network.max_words,
        current.frames,
        current.expressions,
        config.moving_share if current.expressions else 0.0,
        config.seed + phase,
        ranks.rank,
        ranks.count,
        config.nouns,
        config.contrasts,
    )
