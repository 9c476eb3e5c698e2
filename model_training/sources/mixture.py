"""Several sources in one run: simulated tables, scans on tables, photos, and a person's own frames.

Each frame of a batch is from one of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from numpy.random import Generator
from torch.utils.data import Dataset

from model_training.configs.schema import Config, Mix
from model_training.datasets.batch import Batch
from model_training.datasets.batches import Batches
from model_training.datasets.cutouts import Cutouts
from model_training.datasets.digest import digest_of
from model_training.datasets.dressing import IN_FRONT
from model_training.datasets.formats import open_folder
from model_training.datasets.own_pool import OwnPool
from model_training.datasets.photo_scenes import photo_scenes, piece, whole
from model_training.datasets.photos import Photos
from model_training.datasets.pool import Pool
from model_training.datasets.rendering import RenderedScene, SceneSet, Studio
from model_training.datasets.sample import Reader, as_one
from model_training.datasets.splits import described, to_validate
from model_training.learning.ranks import ALONE, Ranks
from model_training.learning.validation import SceneScores, SplitScores, score, score_split
from model_training.networks.base import System
from model_training.scoring.metrics import Scores
from model_training.sources.scenes import drawn_scenes, rendered
from model_training.sources.source import Source, batch_config
from model_training.words import known_nouns, noun_of
from refseg_ros.expression import Vocabulary
from refseg_ros.simulation.phrases import ALL_PAIRS
from refseg_ros.simulation.scan_list import left_out
from refseg_ros.simulation.scans import ScanSet
from refseg_ros.simulation.tabletop import CLASSES
from refseg_ros.simulation.wording import all_texts

LEARNED = "train"
"""The split of a person's frames that is learned."""
FRAMES, EXPRESSIONS = 64, 4
"""Of these frames, validation looks at this many, with this many expressions each."""


@dataclass
class MixScores:
    """Scores of each part of a mixture."""

    parts: list[SceneScores | SplitScores]

    @property
    def whole(self) -> Scores:
        """Scores of all parts."""
        return Scores.merged(part.whole for part in self.parts)

    def __str__(self) -> str:
        return "\n".join(map(str, self.parts))


@dataclass(frozen=True)
class _Part:
    """What one source brings to a mixture."""

    title: str
    learned: Pool | OwnPool
    unseen: Pool | None
    """For validation; None if everything is learned, or for frames."""


class Mixture(Source):
    """Draws frames from several sources by the weights of a configuration. Each process has all frames in memory.

    Scenes are rendered when the first batch is requested, so that a wrong folder or run is refused before that.

    Args:
        config: of the run, with a mix.
        data: folder of the rendered scenes; those that are not there yet are rendered.
        objects: folder of scans; None: no scans.
        photos: folders of photos. Scenes of scans get their surfaces from them; if the mix has photos, they must have
            instances and are learned, too.
        workers: processes that render, then those that make batches.
        ranks: the processes that share each batch, and the rendering.
        frames: folders of data sets; their split LEARNED is mixed in. Several have equal shares.
        words: of finished weights that the run begins with; they stay known.

    Raises:
        ValueError, OSError: a folder or a shard cannot be used, nothing is given to mix in, or something that the
            configuration does not mix; the message names it.
    """

    started = "fork"  # the workers share the scenes in memory

    def __init__(
        self,
        config: Config,
        data: Path,
        objects: Path | None,
        photos: Sequence[Path],
        workers: int,
        ranks: Ranks = ALONE,
        frames: Sequence[Path] = (),
        words: Sequence[str] = (),
    ) -> None:
        assert config.mix is not None and config.scenes is not None
        mix, network = config.mix, config.network
        shares = {"objects": mix.scans, "photos": mix.photos, "frames": mix.frames}
        given = {"objects": objects, "photos": photos, "frames": frames}
        if not any(share and given[name] for name, share in shares.items()):
            wanted = " or ".join(f"--{name}" for name, share in shares.items() if share)
            raise ValueError(f"the configuration {config.name} is given nothing to mix in; give {wanted}")
        usable = {**shares, "photos": mix.photos + mix.scans}  # scenes of scans have surfaces of photos
        for name, share in usable.items():
            if given[name] and not share:
                raise ValueError(f"the configuration {config.name} mixes no {name} in; leave --{name} out")
        self._data, self.workers, self._ranks = data, workers, ranks
        self._sources: list[Callable[[], _Part]] = []
        nouns = {noun_of(name) for name in CLASSES} if mix.tables else set()
        texts = [*all_texts(), *known_nouns(), *words]
        size = {"height": network.height, "width": network.width, "padding": network.padding}
        readers = [Photos(folder) for folder in photos] if mix.photos else []
        facts: dict[str, object] = {"mix": asdict(mix)}
        if mix.tables:
            self._sources.append(partial(self._tables, mix, config.scenes))
            facts["scenes"] = asdict(config.scenes)
        if mix.scans and objects:
            for line in left_out(objects) if ranks.first else ():
                print(line, file=sys.stderr)
            scans, studio = ScanSet.load(objects), Studio(objects, tuple(photos))
            said = {noun for reader in readers for noun in reader.nouns_without(IN_FRONT)}
            self._sources.append(partial(self._scans, mix, studio, scans.nouns, tuple(sorted({*scans.nouns, *said}))))
            nouns |= {noun_of(scan.names[0]) for scan in scans.scans}
            texts += scans.nouns
            facts["scans"] = studio.name
        if readers:
            learned = [(reader, scenes) for reader in readers if (scenes := photo_scenes(reader, "train"))]
            photos_in_all = sum(len(scenes) for _, scenes in learned)
            for reader, scenes in learned:
                unseen = [whole(scene, **size) for scene in photo_scenes(reader, "val")]
                # Each folder by itself: its list says nothing of what another folder's list names.
                part = _Part(
                    reader.name,
                    Pool(
                        scenes,
                        mix.photos * len(scenes) / photos_in_all,
                        nouns=reader.nouns,
                        cut=partial(_piece, size, Cutouts(scenes)),
                    ),
                    Pool(unseen, nouns=reader.nouns, cut=_as_it_is) if unseen else None,
                )
                self._sources.append(partial(_itself, part))
                nouns |= {noun_of(thing.class_name) for scene in (*scenes, *unseen) for thing in scene.objects}
                texts += reader.nouns
            facts["photos"] = [reader.name for reader in readers]
            facts["version of the photos"] = [digest_of(one, "train") for one in readers if "train" in one.splits]
        self._frames = [as_one(open_folder(folder)) for folder in frames]
        for reader in (*readers, *self._frames) if ranks.first else ():
            for remark in reader.remarks:
                print(f"{reader.folder}: {remark}", file=sys.stderr)
        for reader in self._frames:
            own = OwnPool.of_split(reader, LEARNED, mix.frames / len(self._frames), **size)
            self._sources.append(partial(_Part, reader.name, own, None))
            texts += reader.texts(LEARNED)
        if self._frames:
            facts["frames"] = [reader.name for reader in self._frames]
            facts["version of the frames"] = [digest_of(reader, LEARNED) for reader in self._frames]
        self.vocabulary = Vocabulary.of_texts(texts)
        self.config = replace(
            config, nouns=tuple(sorted(nouns)), network=replace(network, vocabulary=len(self.vocabulary))
        )
        self.facts = facts | {"vocabulary": list(self.vocabulary.words[2:])}

    @cached_property
    def _parts(self) -> list[_Part]:
        return [source() for source in self._sources]

    @property
    def _learned(self) -> list[Pool | OwnPool]:
        return [part.learned for part in self._parts]

    def _tables(self, mix: Mix, scenes: SceneSet) -> _Part:
        learned, unseen = rendered(self.config, scenes, self._data, self.workers, self._ranks)
        return _Part("tables", Pool(learned, mix.tables), Pool(unseen, pairs=ALL_PAIRS))

    def _scans(self, mix: Mix, studio: Studio, of_scans: tuple[str, ...], said: tuple[str, ...]) -> _Part:
        learned, unseen = rendered(self.config, mix.scan_scenes, self._data, self.workers, self._ranks, studio)
        return _Part("scans", Pool(learned, mix.scans, nouns=said), Pool(unseen, nouns=of_scans))

    def drawn(self, phase: int) -> Dataset[Batch]:
        """See `Source`."""
        return drawn_scenes(self.config, phase, self._learned, self.vocabulary, self._ranks)

    def validation(self, model: System) -> MixScores:
        """Score each part on scenes of the held-out split, or on photos that are not learned."""
        scores: list[SceneScores | SplitScores] = [
            score(model, part.unseen, self.vocabulary, part.title) for part in self._parts if part.unseen is not None
        ]
        return MixScores(scores + [self._score_frames(model, reader) for reader in self._frames])

    def _score_frames(self, model: System, reader: Reader) -> SplitScores:
        """Score frames that are not learned, or else those that are; the title says which."""
        split = to_validate(reader, LEARNED)
        config = batch_config(self.config, 1, EXPRESSIONS)
        batches = Batches(reader, split, self.vocabulary, config)
        title = f"{reader.name}, {described(split, reader.splits, (LEARNED,))}"
        return score_split(model, batches, min(len(reader.of_split(split)), FRAMES), title)


def _piece(size: dict[str, int], others: Cutouts, scene: RenderedScene, rng: Generator) -> RenderedScene:
    return others.laid_over(piece(scene, **size, rng=rng), rng)


def _itself(part: _Part) -> _Part:
    return part


def _as_it_is(scene: RenderedScene, rng: Generator) -> RenderedScene:
    return scene
