"""Batches of simulated scenes with expressions: drawn anew at every step, a pure function of (seed, step)."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from torch.utils.data import Dataset

from model_training.datasets.rendering import Scene
from refseg_ros.expression import Vocabulary, tokenise
from refseg_ros.simulation.appearance import HELD_OUT_PAIRS
from refseg_ros.simulation.arrangement import MOVING, RESTING, goes, speed
from refseg_ros.simulation.phrases import ALL_PAIRS, Phrase, phrases
from refseg_ros.simulation.tabletop import CLASSES, COLOURS, ObjectTruth
from refseg_ros.simulation.wording import CLASS_WORDS, COLOUR_WORDS, DIRECTIONS, all_texts

HELD_OUT = np.array([[(colour, name) in HELD_OUT_PAIRS for name in CLASSES] for colour in COLOURS])
"""(colours, classes) bool: the pairs that training never sees."""

TRAIN_PAIRS = ALL_PAIRS - HELD_OUT_PAIRS
"""(colour, class) pairs that training texts may name. Naming the others as absent would teach that they never exist."""

KIND_WEIGHTS = {
    "class": 0.06, "colour": 0.20, "size": 0.10, "place": 0.14, "order": 0.14, "relation": 0.22, "negation": 0.08,
    "motion": 0.20,
}  # fmt: skip
"""How often each kind of expression is drawn among those that a scene offers."""

ABSENT_SHARE = 0.27
"""Share of expressions that fit nothing."""

CLASS_OF_WORD = {name.split()[-1]: kind for kind, names in CLASS_WORDS.items() for name in names}
COLOUR_OF_WORD = {name: colour for colour in COLOURS for name in COLOUR_WORDS.get(colour, (colour,))}

MONOCHROME_SHARE = 0.25
"""Share of clips that are shown in shades of one tint, and without expressions that name a colour: there a class can
only be told by its shape. The tints are of none of the eleven colours, so no pair that is held out is ever shown."""

TINTS = ((75.0, 100.0), (175.0, 195.0))
"""Hues in degrees: lime, and teal to cyan."""

STRIDES = (2, 8, 16)
"""At which the targets of a batch are given."""


def tabletop_vocabulary() -> Vocabulary:
    """All words that a simulated scene can be described with."""
    return Vocabulary.of_texts(all_texts())


@dataclass(frozen=True)
class Batch:
    """F clips with E expressions each, and what is true of them. Area shares are float32 in [0, 1]."""

    clips: np.ndarray
    """(F, T, H, W, 3) uint8 RGB, the target frame last."""
    words: np.ndarray
    """(F, E, N) int64."""
    masks: np.ndarray
    """(F, E, H/2, W/2): share of each 2x2 cell that the target covers."""
    present: np.ndarray
    """(F, E) float32: 1 where there is a target."""
    references: dict[int, np.ndarray]
    """Stride -> (F, E, 3, H/stride, W/stride): shares of what fits the head noun, of the anchors, and of the target."""
    motions: dict[int, np.ndarray]
    """Stride -> (F, 2, 5, H/stride, W/stride): shares of things of which each motion (they move; to the left, right,
    away, towards the viewer) is so, and is not so. All zero in a clip of one frame."""
    unjudged: dict[int, np.ndarray]
    """Stride -> (F, E, H/stride, W/stride): shares of things of which the loss must not say that they are not meant."""
    dense: dict[int, np.ndarray]
    """Stride -> (F, 1 + classes + colours, H/stride, W/stride): shares of background, of each class, of each colour."""


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


class TabletopBatches(Dataset[Batch]):
    """Draws batches from scenes in memory.

    Args:
        scenes: of one size; those with clips and those at rest are batched apart.
        vocabulary, max_words: of the network.
        frames, expressions: F and E of a batch; with E = 0 it has frames and dense labels alone.
        moving_share: share of batches that are clips.
        seed: batch `step` depends on (seed, step) alone.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        vocabulary: Vocabulary,
        max_words: int,
        frames: int,
        expressions: int,
        moving_share: float,
        seed: int,
    ) -> None:
        self.resting = [scene for scene in scenes if len(scene.frames) == 1]
        self.moving = [scene for scene in scenes if len(scene.frames) > 1]
        self.vocabulary, self.max_words = vocabulary, max_words
        self.frames, self.expressions = frames, expressions
        self.moving_share, self.seed = moving_share, seed

    def __getitem__(self, step: int) -> Batch:
        """The batch of a training step."""
        rng = np.random.default_rng([self.seed, step])
        scenes = self.moving if self.moving and rng.random() < self.moving_share else self.resting
        drawn = [self._sample(scenes[int(rng.integers(len(scenes)))], rng) for _ in range(self.frames)]
        clips, words, masks, present, references, motions, unjudged, dense = zip(*drawn, strict=True)
        return Batch(
            np.stack(clips),
            np.stack(words),
            np.stack(masks),
            np.stack(present),
            {stride: np.stack([part[stride] for part in references]) for stride in STRIDES[1:]},
            {stride: np.stack([part[stride] for part in motions]) for stride in STRIDES[1:]},
            {stride: np.stack([part[stride] for part in unjudged]) for stride in STRIDES},
            {stride: np.stack([part[stride] for part in dense]) for stride in STRIDES[1:]},
        )

    def _sample(self, scene: Scene, rng: np.random.Generator) -> tuple:
        height, width = scene.labels.shape
        frames, labels, objects = scene.frames, scene.labels, scene.objects
        if rng.random() < 0.5:
            frames, labels = frames[:, :, ::-1], labels[:, ::-1]
            objects = tuple(flipped(thing, width) for thing in objects)
        monochrome = rng.random() < MONOCHROME_SHARE
        chosen = []
        if self.expressions:
            offered = phrases(objects, width, height, rng, TRAIN_PAIRS)
            if monochrome:
                offered = [phrase for phrase in offered if not COLOUR_OF_WORD.keys() & set(tokenise(phrase.text))]
            chosen = contrasted(choose(offered, self.expressions, rng), rng)
        ids = [0, *[thing.instance_id for thing in objects]]
        areas = area_shares(labels, ids)
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
        told = {thing.instance_id: motions_of(thing) for thing in objects} if len(frames) > 1 else {}
        sorts = [[[i for i, flags in told.items() if flags[m] is so] for m in range(5)] for so in (True, False)]
        motions = {
            stride: np.stack([[cover(sort, stride) for sort in group] for group in sorts]) for stride in STRIDES[1:]
        }
        unseen = [[] if monochrome else unseen_pairs(phrase, objects) for phrase in chosen]
        unjudged = {stride: np.array([cover(things, stride) for things in unseen]) for stride in STRIDES}
        groups = [[0]]
        groups += [[thing.instance_id for thing in objects if thing.class_name == name] for name in CLASSES]
        shown = [] if monochrome else objects
        groups += [[thing.instance_id for thing in shown if thing.colour == name] for name in COLOURS]
        if monochrome:
            frames = tinted(frames, labels, rng)
        dense = {stride: np.stack([cover(group, stride) for group in groups]) for stride in STRIDES[1:]}
        return _lighting(frames, rng), words, masks, present, references, motions, unjudged, dense


def unseen_pairs(phrase: Phrase, objects: Sequence[ObjectTruth]) -> list[int]:
    """Instance ids of the things that an expression might mean if they had their colour, or class, by another pair.

    Training never sees a red mug when that pair is held out, and would learn from every red thing that red is no
    colour of mugs. So what an expression about mugs makes of red things is not judged, unless they are its referents.
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


def choose(offered: Sequence[Phrase], count: int, rng: np.random.Generator) -> list[Phrase]:
    """Some of a scene's expressions: kinds by their weight, absent ones by their reason, alike within each."""
    kinds: dict[str, list[Phrase]] = {}
    reasons: dict[str, list[Phrase]] = {}
    for phrase in offered:
        if phrase.target is None:
            reasons.setdefault(phrase.reason, []).append(phrase)
        else:
            kinds.setdefault(phrase.kind, []).append(phrase)
    weights = np.array([KIND_WEIGHTS[kind] for kind in kinds])
    chosen = []
    for _ in range(count):
        if kinds and rng.random() >= ABSENT_SHARE:
            group = list(kinds.values())[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        else:
            group = list(reasons.values())[int(rng.integers(len(reasons)))]
        chosen.append(group[int(rng.integers(len(group)))])
    return chosen


def contrasted(chosen: list[Phrase], rng: np.random.Generator) -> list[Phrase]:
    """The same, but most relations are followed by their like that fits nothing: with an absent anchor, or with a
    relation of the same things that does not hold. Only the anchor, or the relation, tells them apart.
    """
    for index, phrase in enumerate(chosen[:-1]):
        lot = rng.random()
        if phrase.swapped and lot < 0.4:
            chosen[index + 1] = Phrase(
                phrase.swapped, "absent", None, phrase.candidates, phrase.anchors[1:], reason="anchor"
            )
        elif phrase.untrue and lot < 0.8:
            text = phrase.untrue[int(rng.integers(len(phrase.untrue)))]
            chosen[index + 1] = Phrase(text, "absent", None, phrase.candidates, phrase.anchors, reason="relation")
    return chosen


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


def tinted(frames: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A clip (T, H, W, 3) uint8 RGB in shades of one tint.

    In a still image each thing gets a brightness of its own too: otherwise the bottle would be known by being dark.
    """
    low, high = TINTS[int(rng.integers(len(TINTS)))]
    tint = np.array(colorsys.hsv_to_rgb(rng.uniform(low, high) / 360, rng.uniform(0.5, 0.9), 1.0), np.float32)
    grey = frames @ np.array([0.299, 0.587, 0.114], np.float32)
    if len(frames) == 1:
        gain = np.exp(rng.uniform(-0.7, 0.7, 256)).astype(np.float32)
        gain[0] = 1  # the table
        grey = np.minimum(grey * cv2.GaussianBlur(gain[labels], (3, 3), 0.5), 255)
    return ((38 + 0.85 * grey)[..., None] * tint).astype(np.uint8)


def _lighting(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same clip under a slightly other exposure and white balance, with blur and noise; colours keep their names.

    The blur stands for the robot's way to the input size: a larger image is averaged down.
    """
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.94, 1.06, 3)
    table = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.float32)
    lit = np.stack([table[:, c][frames[..., c]] for c in range(3)], -1)
    if rng.random() < 0.6:
        sigma = rng.uniform(0.3, 0.7)
        lit = np.stack([cv2.GaussianBlur(image, (3, 3), sigma) for image in lit])
    noise = rng.normal(0, rng.uniform(0, 5), frames.shape[1:]).astype(np.float32)
    return np.clip(lit + noise, 0, 255).astype(np.uint8)
