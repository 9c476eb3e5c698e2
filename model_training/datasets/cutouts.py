"""Cuts things out of photos and lays them over others, so that each is learned in front of many backgrounds.

After Ghiasi et al., "Simple copy-paste is a strong data augmentation method for instance segmentation" (CVPR 2021).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from model_training.datasets.photo_scenes import seen
from model_training.datasets.rendering import RenderedScene
from refseg_ros.simulation.tabletop import ObjectTruth

SMALLEST = 400
"""Pixels of the smallest thing that is worth cutting out."""
SIZES = (0.08, 0.4)
"""How large a thing is laid down: the root of its area, as a share of the image's width."""
LARGER = 1.5
"""Largest factor that enlarges a cutout; more gives a blur that no camera makes."""
MOST = 3
"""Most things that are laid over one photo."""


class Cutout(NamedTuple):
    """A thing of a photo, cropped to its box."""

    rgb: np.ndarray
    """(h, w, 3) uint8."""
    mask: np.ndarray
    """(h, w) uint8, 255 on the thing."""
    thing: ObjectTruth


class Cutouts:
    """The large enough things of some photos, except those that a photo's edge cuts off."""

    def __init__(self, photos: Iterable[RenderedScene]) -> None:
        self._of: dict[str, list[Cutout]] = defaultdict(list)
        for photo in photos:
            height, width = photo.labels.shape
            for thing in photo.objects:
                x, y, w, h = thing.box
                inside = x > 0 and y > 0 and x + w < width and y + h < height
                if inside and thing.pixels >= SMALLEST:
                    window = slice(y, y + h), slice(x, x + w)
                    mask = (photo.labels[window] == thing.instance_id).astype(np.uint8) * 255
                    self._of[thing.class_name].append(Cutout(photo.frames[0][window].copy(), mask, thing))
        self._nouns = sorted(self._of)
        often = np.sqrt([len(self._of[noun]) for noun in self._nouns])
        self._shares = often / often.sum() if self._nouns else often

    def laid_over(self, photo: RenderedScene, rng: Generator) -> RenderedScene:
        """The photo with up to MOST other things on it; nouns are drawn by the square root of their counts."""
        count = int(rng.integers(MOST + 1)) if self._nouns else 0
        labels, rgb, things = photo.labels.copy(), photo.frames[0].copy(), list(photo.objects)
        free = 1 + max((thing.instance_id for thing in things), default=0)
        for number in range(free, min(free + count, 256)):
            of_noun = self._of[str(rng.choice(self._nouns, p=self._shares))]
            cutout = of_noun[int(rng.integers(len(of_noun)))]
            pixels = _lay(cutout, number, rgb, labels, rng)
            things.append(replace(cutout.thing, instance_id=number, pixels=pixels, visible_fraction=1.0))
        return replace(photo, frames=rgb[None], labels=labels, objects=seen(things, labels, zoom=1.0))


def _lay(cutout: Cutout, number: int, rgb: np.ndarray, labels: np.ndarray, rng: Generator) -> int:
    """Lay a thing at random into `rgb` (H, W, 3) and `labels` (H, W); returns how many pixels it has."""
    height, width = labels.shape
    own = float(np.sqrt(cutout.thing.pixels))
    scale = min(LARGER, rng.uniform(*SIZES) * width / own, height / cutout.mask.shape[0], width / cutout.mask.shape[1])
    size = tuple(max(1, round(side * scale)) for side in cutout.mask.shape[::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shown, share = (cv2.resize(part, size, interpolation=how) for part in (cutout.rgb, cutout.mask))
    if rng.random() < 0.5:
        shown, share = shown[:, ::-1], share[:, ::-1]
    y, x = (int(rng.integers(side - part + 1)) for side, part in zip((height, width), share.shape, strict=True))
    window = slice(y, y + size[1]), slice(x, x + size[0])
    alpha = share[..., None].astype(np.float32) / 255
    rgb[window] = np.rint(alpha * shown + (1 - alpha) * rgb[window]).astype(np.uint8)
    labels[window][share > 127] = number
    return int(np.count_nonzero(share > 127))
