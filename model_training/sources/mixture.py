"""Several sources in one run: simulated tables, scans on tables, and photos, each frame of a batch from one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from numpy.random import Generator
from torch.utils.data import Dataset

from model_training.configs.schema import Config
from model_training.datasets.batch import Batch
from model_training.datasets.cutouts import Cutouts
from model_training.datasets.photo_scenes import photo_scenes, piece, whole
from model_training.datasets.photos import Photos
from model_training.datasets.pool import Pool
from model_training.datasets.rendering import RenderedScene, SceneSet, Studio, load_shards, render_shards
from model_training.learning.ranks import ALONE, Ranks
from model_training.learning.validation import SceneScores, score
from model_training.networks.base import System
from model_training.scoring.metrics import Scores
from model_training.sources.scenes import UNSEEN_SEED, drawn_scenes
from model_training.sources.source import Source
from model_training.words import known_nouns, noun_of
from refseg_ros.expression import Vocabulary
from refseg_ros.simulation.phrases import ALL_PAIRS
from refseg_ros.simulation.scans import ScanSet
from refseg_ros.simulation.tabletop import CLASSES
from refseg_ros.simulation.wording import all_texts


@dataclass
class MixScores:
    """Scores of each part of a mixture."""

    parts: list[SceneScores]

    @property
    def whole(self) -> Scores:
        """Of all parts."""
        return Scores.merged(part.whole for part in self.parts)

    def __str__(self) -> str:
        return "\n".join(map(str, self.parts))


class Mixture(Source):
    """Frames of several sources by the weights of a configuration. Each process has them all in memory.

    Args:
        config: of the run, with a mix.
        data: folder of the rendered scenes; those that are not there yet are rendered.
        objects: folder of scans; None: no scans.
        photos: folders of photos with instances. They are the surfaces of the scenes of scans, too.
        workers: processes that render, then those that make batches.
        ranks: the processes that share each batch, and the rendering.

    Raises:
        ValueError, OSError: a folder or a shard is not what it should be; the message names it.
    """

    started = "fork"  # the scenes are in memory once

    def __init__(
        self,
        config: Config,
        data: Path,
        objects: Path | None,
        photos: Sequence[Path],
        workers: int,
        ranks: Ranks = ALONE,
    ) -> None:
        assert config.mix is not None and config.scenes is not None
        mix, network = config.mix, config.network
        self.workers, self._ranks = workers, ranks
        self._learned: list[Pool] = []
        self._validated: list[tuple[str, Pool]] = []
        nouns = {noun_of(name) for name in CLASSES} if mix.tables else set()
        texts = [*all_texts(), *known_nouns()]
        readers = [Photos(folder) for folder in photos] if mix.photos else []
        of_photos = tuple(sorted({noun for reader in readers for noun in reader.nouns}))
        facts: dict[str, object] = {"mix": asdict(mix)}

        def scenes_of(
            scenes: SceneSet, studio: Studio | None = None
        ) -> tuple[list[RenderedScene], list[RenderedScene]]:
            unseen = replace(scenes, split="held_out", first_seed=UNSEEN_SEED, scenes=config.unseen_scenes)
            learned, held_out = (
                list(load_shards(render_shards(each, data, max(1, workers), ranks.rank, ranks.count, studio)))
                for each in (scenes, unseen)
            )
            return learned, held_out

        if mix.tables:
            learned, unseen = scenes_of(config.scenes)
            self._learned.append(Pool(learned, mix.tables))
            self._validated.append(("tables", Pool(unseen, pairs=ALL_PAIRS)))
            facts["scenes"] = asdict(config.scenes)
        if mix.scans and objects:
            scans, studio = ScanSet.load(objects), Studio(objects, tuple(photos))
            learned, unseen = scenes_of(mix.scan_scenes, studio)
            said = tuple(sorted({*scans.nouns, *of_photos}))
            self._learned.append(Pool(learned, mix.scans, nouns=said))
            self._validated.append(("scans", Pool(unseen, nouns=scans.nouns)))
            nouns |= {noun_of(scan.names[0]) for scan in scans.scans}
            texts += scans.nouns
            facts["scans"] = studio.name
        if readers:
            size = {"height": network.height, "width": network.width, "padding": network.padding}
            learned = [scene for reader in readers for scene in photo_scenes(reader, "train")]
            self._learned.append(
                Pool(learned, mix.photos, nouns=of_photos, cut=partial(_piece, size, Cutouts(learned)))
            )
            unseen = [whole(scene, **size) for reader in readers for scene in photo_scenes(reader, "val")]
            if unseen:
                self._validated.append(("photos", Pool(unseen, nouns=of_photos, cut=_as_it_is)))
            nouns |= {noun_of(thing.class_name) for scene in (*learned, *unseen) for thing in scene.objects}
            texts += of_photos
            facts["photos"] = [reader.name for reader in readers]
        if not self._learned:
            raise ValueError(f"the configuration {config.name} mixes scans and photos; give --objects or --photos")
        self.vocabulary = Vocabulary.of_texts(texts)
        self.config = replace(
            config, nouns=tuple(sorted(nouns)), network=replace(network, vocabulary=len(self.vocabulary))
        )
        self.facts = facts | {"vocabulary": list(self.vocabulary.words[2:])}

    def drawn(self, phase: int) -> Dataset[Batch]:
        """See `Source`."""
        return drawn_scenes(self.config, phase, self._learned, self.vocabulary, self._ranks)

    def validation(self, model: System) -> MixScores:
        """Of each part: scenes of the held-out split, and photos that are not learned."""
        return MixScores([score(model, pool, self.vocabulary, title) for title, pool in self._validated])


def _piece(size: dict[str, int], others: Cutouts, scene: RenderedScene, rng: Generator) -> RenderedScene:
    return others.laid_over(piece(scene, **size, rng=rng), rng)


def _as_it_is(scene: RenderedScene, rng: Generator) -> RenderedScene:
    return scene
