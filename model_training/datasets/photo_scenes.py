"""Photos as scenes at rest, learned like the simulator's scenes: with other expressions each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from model_training.datasets.photos import Photos
from model_training.datasets.rendering import RenderedScene
from refseg_ros.geometry import Letterbox
from refseg_ros.simulation.tabletop import ObjectTruth

LONGEST = 480
"""Pixels of the longer side of photos in memory, at most."""
WHOLE = 0.25
"""Share of photos that are shown whole, in a letterbox, and not as a piece."""
SMALLEST = 0.45
"""Side of the smallest piece, as a share of the largest piece of the input's shape."""


def photo_scenes(photos: Photos, split: str) -> list[RenderedScene]:
    """The photos of a split; a small data set may have none for "val".

    Raises:
        ValueError, OSError: a photo cannot be read; the message names it.
    """
    scenes = []
    for record in photos.of_split(split) if split in photos.splits else ():
        things, labels, vague = photos.shown_on(record)
        rgb = record.frames.read([0])[0]
        scale = min(1.0, LONGEST / max(labels.shape))
        size = tuple(max(1, round(side * scale)) for side in labels.shape[::-1])
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        small = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)  # INTER_NEAREST shifts it
        scenes.append(RenderedScene(rgb[None], small, seen(things, small), vague))
    return scenes


def whole(scene: RenderedScene, height: int, width: int, padding: int) -> RenderedScene:
    """A photo in a letterbox of the input's size."""
    fit = Letterbox.fit(*scene.labels.shape, height, width)
    rgb = fit.apply(scene.frames[0], padding)
    labels = np.zeros((height, width), np.uint8)
    for thing in scene.objects:
        mask = (scene.labels == thing.instance_id).astype(np.uint8) * 255
        labels[fit.apply(mask, padding=0) > 127] = thing.instance_id
    return replace(scene, frames=rgb[None], labels=labels, objects=seen(scene.objects, labels))


def piece(scene: RenderedScene, height: int, width: int, padding: int, rng: Generator) -> RenderedScene:
    """A photo at the input's size: whole, or a piece of it that fills the input."""
    if rng.random() < WHOLE:
        return whole(scene, height, width, padding)
    h, w = scene.labels.shape
    side = min(h / height, w / width) * rng.uniform(SMALLEST, 1.0)
    rows, columns = max(2, int(side * height)), max(2, int(side * width))
    y, x = int(rng.integers(h - rows + 1)), int(rng.integers(w - columns + 1))
    window = slice(y, y + rows), slice(x, x + columns)
    larger = side < 1
    rgb = cv2.resize(
        np.ascontiguousarray(scene.frames[0][window]),
        (width, height),
        interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA,
    )
    part = np.ascontiguousarray(scene.labels[window])
    labels = cv2.resize(part, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return replace(scene, frames=rgb[None], labels=labels, objects=seen(scene.objects, labels, zoom=1 / side))


def seen(things: Sequence[ObjectTruth], labels: np.ndarray, zoom: float = 0.0) -> tuple[ObjectTruth, ...]:
    """Update the truth of things to new labels.

    A pixel of the old labels is `zoom` new pixels wide; with 0 the visible fractions stay. `scale` is that of the whole
    thing, hidden parts included: a large one that the border cuts is no small one.
    """
    found, width = [], labels.shape[1]
    for thing in things:
        mask = (labels == thing.instance_id).view(np.uint8)
        pixels = int(np.count_nonzero(mask))
        x, y, w, h = (int(value) for value in cv2.boundingRect(mask))
        share = pixels / max(1.0, thing.pixels * zoom**2) if zoom else 1.0  # thing.pixels may be 0 in a shrunk photo
        fraction = min(1.0, thing.visible_fraction * share)
        found.append(
            replace(
                thing,
                scale=10.0 * float(np.sqrt(pixels / fraction)) / width if fraction else 0.0,
                ground=((x + w / 2) / width, -(y + h / 2) / width),
                pixels=pixels,
                visible_fraction=fraction,
                box=(x, y, w, h),
            )
        )
    return tuple(found)
