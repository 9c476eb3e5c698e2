"""Batches of simulated scenes with expressions: drawn anew at every step, a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch.utils.data import Dataset

from model_training.datasets.batch import STRIDES, Batch, SceneLabels
from model_training.datasets.own_pool import OwnFrame, OwnPool
from model_training.datasets.phrase_choice import THING_SHARE, choose, contrasted
from model_training.datasets.pool import Pool
from model_training.datasets.rendering import RenderedScene
from model_training.pictures.light import lit, tinted
from model_training.words import noun_of
from refseg_ros.expression import Vocabulary, tokenise
from refseg_ros.simulation.appearance import HELD_OUT_PAIRS
from refseg_ros.simulation.arrangement import MOVING, RESTING, goes, speed
from refseg_ros.simulation.phrases import Phrase
from refseg_ros.simulation.tabletop import CLASSES, COLOURS, ObjectTruth
from refseg_ros.simulation.wording import CLASS_WORDS, COLOUR_WORDS, DIRECTIONS, all_texts

LISTED = 0.5
"""Weight of the background in a photo's dense labels: a cup may be there that its list lacks."""

CLASS_OF_WORD = {name.split()[-1]: kind for kind, names in CLASS_WORDS.items() for name in names}
COLOUR_OF_WORD = {name: colour for colour in COLOURS for name in COLOUR_WORDS.get(colour, (colour,))}

TRIES = 100
"""After this many scenes in a row without any expression, a batch fails."""

MONOCHROME_SHARE = 0.25
"""Share of clips that are shown in shades of one tint, without expressions that name a colour, so that only its shape
tells a thing's class. No tint is one of the eleven colours, so no held-out pair is ever shown."""


def held_out(nouns: Sequence[str]) -> np.ndarray:
    """(colours, nouns) bool: the pairs that training on the simulator's own things never sees."""
    return np.array([[(colour, name) in HELD_OUT_PAIRS for name in nouns] for colour in COLOURS])


def tabletop_vocabulary(events: bool = False) -> Vocabulary:
    """All words that a simulated scene can be described with, events included or not."""
    return Vocabulary.of_texts(all_texts(events))


def flipped(thing: ObjectTruth, width: int) -> ObjectTruth:
    """An object's truth in the mirrored image."""
    x, y, w, h = thing.box
    return replace(
        thing,
        position=(-thing.position[0], *thing.position[1:]),
        velocity=(-thing.velocity[0], *thing.velocity[1:]),
        ground=(-thing.ground[0], thing.ground[1]),
        box=(width - x - w, y, w, h),
    )


@dataclass(frozen=True)
class _Drawn:
    """A frame of a batch with everything that is drawn at random for it."""

    clip: np.ndarray
    """(T, H, W, 3) uint8 RGB, as it is shown."""
    labels: np.ndarray
    """(H, W) uint8 instance ids."""
    objects: tuple[ObjectTruth, ...]
    phrases: list[Phrase]
    monochrome: bool
    pool: Pool


class SceneBatches(Dataset[Batch]):
    """Draws batches from scenes in memory.

    Args:
        pools: scenes or frames of one size; those with clips and those at rest are batched apart.
        vocabulary, max_words: of the network.
        frames, expressions: F and E of a batch of all ranks; with E = 0 it has frames and dense labels alone.
        moving_share: share of batches that are clips.
        seed: batch `step` depends on (seed, step) alone.
        rank, ranks: of this process, which gets the frames rank, rank + ranks, ... of each batch.
        nouns: the classes of the dense labels.
        contrasts: kinds of expressions, beside relations, that near copies follow; see `contrasted`.
    """

    def __init__(
        self,
        pools: Sequence[Pool | OwnPool],
        vocabulary: Vocabulary,
        max_words: int,
        frames: int,
        expressions: int,
        moving_share: float,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        nouns: Sequence[str] = CLASSES,
        contrasts: Sequence[str] = (),
    ) -> None:
        if not expressions:  # without them nothing is learned of a person's frames
            pools = [pool for pool in pools if isinstance(pool, Pool)]
        self.resting = [resting for pool in pools if (resting := pool.resting()).scenes]
        self.moving = [moving for pool in pools if (moving := pool.moving()).scenes]
        self.nouns, self.contrasts = nouns, contrasts
        self.vocabulary, self.max_words = vocabulary, max_words
        self.frames, self.expressions = frames, expressions
        self.moving_share, self.seed = moving_share, seed
        self.rank, self.ranks = rank, ranks

    def __getitem__(self, step: int) -> Batch:
        """The batch of a training step.

        Raises:
            ValueError: TRIES scenes in a row have no expression.
        """
        rng = np.random.default_rng([self.seed, step])
        pools = self.moving if self.moving and rng.random() < self.moving_share else self.resting
        # Every rank draws all frames, from one generator, and labels its own.
        drawn = [self._drawn(_drawn_from(pools, rng), rng) for _ in range(self.frames)]
        labelled = [self._labelled(frame) for frame in drawn[self.rank :: self.ranks]]
        clips, words, masks, present, labels = zip(*labelled, strict=True)
        joined = [
            {stride: np.stack([part[stride] for part in parts]) for stride in parts[0]}
            for parts in zip(*labels, strict=True)
        ]
        return Batch(np.stack(clips), np.stack(words), np.stack(masks), np.stack(present), SceneLabels(*joined))

    def _drawn(self, pool: Pool | OwnPool, rng: np.random.Generator) -> _Drawn | OwnFrame:
        """A frame with its expressions. If a scene has none, as a piece of a photo may, another scene is taken."""
        if isinstance(pool, OwnPool):
            return pool.drawn(self.expressions, rng)
        for _ in range(TRIES):
            scene, monochrome, offered = self._offering(pool, rng)
            if offered or not self.expressions:
                break
        else:
            raise ValueError(
                f"nothing can be said of {TRIES} scenes or photos in a row; give some whose things look larger"
            )
        chosen = []
        if self.expressions:
            chosen = contrasted(choose(offered, self.expressions, rng, THING_SHARE), rng, offered, self.contrasts)
        frames = tinted(scene.frames, scene.labels, rng) if monochrome else scene.frames
        return _Drawn(lit(frames, rng), scene.labels, scene.objects, chosen, monochrome, pool)

    def _offering(self, pool: Pool, rng: np.random.Generator) -> tuple[RenderedScene, bool, list[Phrase]]:
        """A scene, perhaps mirrored, whether it is shown in one tint, and all expressions about it."""
        scene = pool.scenes[int(rng.integers(len(pool.scenes)))]
        scene = pool.cut(scene, rng) if pool.cut else scene
        if rng.random() < 0.5:
            width = scene.labels.shape[1]
            objects = tuple(flipped(thing, width) for thing in scene.objects)
            scene = replace(scene, frames=scene.frames[:, :, ::-1], labels=scene.labels[:, ::-1], objects=objects)
        monochrome = not pool.nouns and bool(rng.random() < MONOCHROME_SHARE)
        offered = pool.said(scene, rng) if self.expressions else []
        if monochrome:
            offered = [phrase for phrase in offered if not COLOUR_OF_WORD.keys() & set(tokenise(phrase.text))]
        return scene, monochrome, offered

    def _labelled(self, drawn: _Drawn | OwnFrame) -> Batch:
        """A drawn frame with its labels, as a batch without the axis of frames."""
        if isinstance(drawn, OwnFrame):
            return drawn.labelled(self.vocabulary, self.max_words, self.nouns)
        objects, chosen = drawn.objects, drawn.phrases
        ids = [0, *[thing.instance_id for thing in objects]]
        areas = area_shares(drawn.labels, ids)
        row = {instance: index for index, instance in enumerate(ids)}

        def cover(instances: Sequence[int], stride: int) -> np.ndarray:
            return areas[stride][[row[i] for i in instances]].sum(0)

        words = np.array([self.vocabulary.encode(phrase.text, self.max_words).ids for phrase in chosen])
        masks = np.array([cover([] if phrase.target is None else [phrase.target], 2) for phrase in chosen])
        present = np.array([phrase.target is not None for phrase in chosen], np.float32)
        meant = [(p.candidates, p.anchors, [] if p.target is None else [p.target]) for p in chosen]
        references = {
            stride: np.array([[cover(part, stride) for part in parts] for parts in meant]) for stride in STRIDES[1:]
        }
        known = {thing.instance_id: motions_of(thing) for thing in objects} if len(drawn.clip) > 1 else {}
        sorts = [[[i for i, flags in known.items() if flags[m] is so] for m in range(5)] for so in (True, False)]
        motions = {
            stride: np.stack([[cover(sort, stride) for sort in group] for group in sorts]) for stride in STRIDES[1:]
        }
        paired = not drawn.monochrome and not drawn.pool.nouns
        unseen = [unseen_pairs(phrase, objects) if paired else [] for phrase in chosen]
        unjudged = {stride: np.array([cover(things, stride) for things in unseen]) for stride in STRIDES}
        groups = [[0]]
        groups += [[thing.instance_id for thing in objects if noun_of(thing.class_name) == name] for name in self.nouns]
        shown = () if drawn.monochrome else objects
        groups += [[thing.instance_id for thing in shown if thing.colour == name] for name in COLOURS]
        dense = {stride: np.stack([cover(group, stride) for group in groups]) for stride in STRIDES[1:]}
        if drawn.pool.cut:
            for shares in dense.values():
                shares[0] *= LISTED
        return Batch(drawn.clip, words, masks, present, SceneLabels(references, motions, unjudged, dense))


def _drawn_from(pools: Sequence[Pool | OwnPool], rng: np.random.Generator) -> Pool | OwnPool:
    if len(pools) == 1:
        return pools[0]
    weights = np.array([pool.weight for pool in pools])
    return pools[int(rng.choice(len(pools), p=weights / weights.sum()))]


def unseen_pairs(phrase: Phrase, objects: Sequence[ObjectTruth]) -> list[int]:
    """Instance ids of the things that the loss must not treat as negatives of an expression, due to held-out pairs.

    If (red, mug) is held out, training never sees a red mug, and would learn from every other red thing that red is no
    colour of mugs. So the loss does not judge red things for an expression about mugs, unless it refers to them.
    """
    classes = {name for word in tokenise(phrase.text) if (name := CLASS_OF_WORD.get(word))}
    colours = {name for word in tokenise(phrase.text) if (name := COLOUR_OF_WORD.get(word))}
    meant = {phrase.target, *phrase.candidates, *phrase.anchors}
    return [
        thing.instance_id
        for thing in objects
        if thing.instance_id not in meant
        and (
            any((thing.colour, name) in HELD_OUT_PAIRS for name in classes)
            or any((colour, thing.class_name) in HELD_OUT_PAIRS for colour in colours)
        )
    ]


def motions_of(thing: ObjectTruth) -> list[bool | None]:
    """Whether a thing moves, and whether to the left, right, away, towards the viewer; None where it is not clear."""
    pace = speed(thing)
    if pace < MOVING:
        return [False if pace <= RESTING else None] * 5
    return [True, *[goes(thing, direction) for direction in DIRECTIONS]]


def area_shares(labels: np.ndarray, ids: Sequence[int]) -> dict[int, np.ndarray]:
    """Stride -> (len(ids), H/stride, W/stride) float32: which share of each cell each instance covers."""
    shares, stride = {}, 1
    finest = np.stack([labels == instance for instance in ids]).astype(np.float32)
    for coarser in STRIDES:
        finest = _pooled(finest, coarser // stride)
        shares[coarser], stride = finest, coarser
    return shares


def _pooled(shares: np.ndarray, factor: int) -> np.ndarray:
    """Averages of factor x factor cells."""
    rows = sum(shares[:, i::factor] for i in range(factor))
    return sum(rows[:, :, i::factor] for i in range(factor)) / np.float32(factor * factor)
