"""Shows a clip in other light, drawn anew each time that it is learned."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np
from numpy.random import Generator

TINTS = ((75.0, 100.0), (175.0, 195.0))
"""Hues in degrees: lime, and teal to cyan."""


def tinted(frames: np.ndarray, labels: np.ndarray, rng: Generator) -> np.ndarray:
    """A clip (T, H, W, 3) uint8 RGB in shades of one tint.

    In a still image each thing also gets a random brightness, so that the bottle cannot be known by being dark.
    """
    low, high = TINTS[int(rng.integers(len(TINTS)))]
    tint = np.array(colorsys.hsv_to_rgb(rng.uniform(low, high) / 360, rng.uniform(0.5, 0.9), 1.0), np.float32)
    grey = frames @ np.array([0.299, 0.587, 0.114], np.float32)
    if len(frames) == 1:
        gain = np.exp(rng.uniform(-0.7, 0.7, 256)).astype(np.float32)
        gain[0] = 1  # the table
        grey = np.minimum(grey * cv2.GaussianBlur(gain[labels], (3, 3), 0.5), 255)
    return ((38 + 0.85 * grey)[..., None] * tint).astype(np.uint8)


def lit(frames: np.ndarray, rng: Generator) -> np.ndarray:
    """A clip with slightly other exposure and white balance, blur and noise; colours keep their names.

    The blur imitates what a robot does: it averages a larger image down to the input size.
    """
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.94, 1.06, 3)
    table = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.float32)
    shown = np.stack([table[:, c][frames[..., c]] for c in range(3)], -1)
    if rng.random() < 0.6:
        sigma = rng.uniform(0.3, 0.7)
        shown = np.stack([cv2.GaussianBlur(image, (3, 3), sigma) for image in shown])
    noise = rng.normal(0, rng.uniform(0, 5), frames.shape[1:]).astype(np.float32)
    return np.clip(shown + noise, 0, 255).astype(np.uint8)
