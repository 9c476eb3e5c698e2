"""Takes simulated frames with a realistic camera: the same effects over a clip, and the truth after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from model_training.pictures import effects
from model_training.pictures.effects import Picture
from refseg_ros.simulation.tabletop import ObjectTruth


@dataclass(frozen=True, kw_only=True)
class TakingConfig:
    """How often each effect is applied, 0 to 1; the effects themselves define their strength."""

    occluder: float = 0.25
    lens_distortion: float = 0.4
    white_balance: float = 0.8
    exposure: float = 0.8
    blur: float = 0.35
    noise: float = 0.6
    jpeg: float = 0.5

    def __post_init__(self) -> None:
        for name, share in vars(self).items():
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"the share of {name} is {share}, but must be 0 to 1")


def take(
    frames: np.ndarray,
    labels: np.ndarray,
    seed: Sequence[int],
    config: TakingConfig,
    cutouts: Sequence[np.ndarray] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Take the frames of a clip with one camera: all effects but the noise are the same in each frame.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        labels: (H, W) uint8, of the last frame.
        seed: of all random choices.
        config: how often each effect is applied.
        cutouts: occluders, as for `effects.occluder`; may be empty.

    Returns:
        Frames and labels after the effects, of the same shapes.
    """
    taken = []
    for number, frame in enumerate(frames):
        rng = np.random.default_rng([*seed, 1])
        wanted = {name: bool(rng.uniform() < share) for name, share in vars(config).items()}
        picture = Picture(frame, labels)
        if wanted["occluder"] and len(cutouts):
            picture = effects.occluder(picture, rng, cutouts[int(rng.integers(len(cutouts)))])
        for effect in (effects.lens_distortion, effects.white_balance, effects.exposure, effects.blur):
            if wanted[effect.__name__]:
                picture = effect(picture, rng)
        if wanted["noise"]:
            picture = effects.noise(picture, np.random.default_rng([*seed, 2, number]))
        if wanted["jpeg"]:
            picture = effects.jpeg(picture, rng)
        taken.append(picture)
    return np.stack([picture.rgb for picture in taken]), taken[-1].labels


def seen_after(objects: Sequence[ObjectTruth], before: np.ndarray, after: np.ndarray) -> tuple[ObjectTruth, ...]:
    """Update the truth of objects to new labels: pixels, box and visible fraction."""
    found = []
    for thing in objects:
        mask = (after == thing.instance_id).view(np.uint8)
        pixels, earlier = int(np.count_nonzero(mask)), int(np.count_nonzero(before == thing.instance_id))
        x, y, width, height = (int(value) for value in cv2.boundingRect(mask))
        visible = min(1.0, thing.visible_fraction * pixels / earlier) if earlier else 0.0
        found.append(replace(thing, pixels=pixels, box=(x, y, width, height), visible_fraction=visible))
    return tuple(found)
