"""The effects of a lens, a sensor and a JPEG file, as functions of (picture, generator) that keep their input.

The generator draws their strengths, so the same generator gives the same picture.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator


class Picture(NamedTuple):
    """rgb (H, W, 3) uint8 RGB; labels (H, W) uint8, instance id of the thing in each pixel, 0 for none."""

    rgb: np.ndarray
    labels: np.ndarray


def white_balance(picture: Picture, rng: Generator, strength: float = 0.18) -> Picture:
    """Make the light warmer or cooler, and greener or more purple: channel gains exp(u), |u| <= strength."""
    warmth, tint = rng.uniform(-strength, strength), 0.4 * rng.uniform(-strength, strength)
    return _toned(picture, np.exp([warmth, tint, -warmth]), 1.0)


def exposure(picture: Picture, rng: Generator, strength: float = 0.6) -> Picture:
    """Change exposure by up to `strength` stops, and apply a gamma of 0.8 to 1.25."""
    return _toned(picture, np.full(3, 2.0 ** rng.uniform(-strength, strength)), float(np.exp(rng.uniform(-0.22, 0.22))))


def blur(picture: Picture, rng: Generator, largest: float = 1.8) -> Picture:
    """Defocus by a Gaussian of up to `largest` pixels, or shake along a line of up to three times that length."""
    if rng.uniform() < 0.6:
        return picture._replace(rgb=cv2.GaussianBlur(picture.rgb, (0, 0), float(rng.uniform(0.3, largest))))
    length, angle = int(rng.integers(2, max(3, round(3 * largest) + 1))), float(rng.uniform(0, np.pi))
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    reach = 0.5 * length * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(int(round(length + sign * part)) for part in reach) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return picture._replace(rgb=cv2.filter2D(picture.rgb, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def noise(picture: Picture, rng: Generator, strongest: float = 9.0) -> Picture:
    """Add sensor noise of up to `strongest` grey values, stronger in dark pixels, partly in colour."""
    height, width = picture.rgb.shape[:2]
    sigma = rng.uniform(0.5, strongest)
    grain = rng.normal(0, sigma, (height, width, 1)) + rng.normal(0, 0.5 * sigma, (height, width, 3))
    dark = 1.25 - picture.rgb.mean(axis=2, keepdims=True) / 255.0
    return picture._replace(rgb=_bytes(picture.rgb + grain * dark))


def jpeg(picture: Picture, rng: Generator, worst: int = 35) -> Picture:
    """Write as a JPEG of quality `worst` to 95, and read again."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(worst, 96))]
    data = cv2.imencode(".jpg", picture.rgb[..., ::-1], quality)[1]
    return picture._replace(rgb=np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]))


def lens_distortion(picture: Picture, rng: Generator, strength: float = 0.12) -> Picture:
    """Apply barrel or pincushion distortion, k1 within +-strength; the labels move with the pixels.

    The picture is scaled so that its border stays outside the result.
    """
    height, width = picture.labels.shape
    k1 = float(rng.uniform(-strength, strength))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    centre, half = (width - 1) / 2, (height - 1) / 2
    reach = float(np.hypot(centre, half))
    u, v = (x - centre) / reach, (y - half) / reach
    scale = (1 + k1 * (u * u + v * v)) / max(1.0, 1 + k1)
    across, down = np.float32(u * scale * reach + centre), np.float32(v * scale * reach + half)
    rgb = cv2.remap(picture.rgb, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    labels = cv2.remap(picture.labels, across, down, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    return Picture(rgb, labels)


def occluder(picture: Picture, rng: Generator, cutout: np.ndarray) -> Picture:
    """Put something in front that reaches in from a border, like a hand; the labels under it become 0.

    Args:
        picture: the picture to cover.
        rng: draws size, place and mirroring.
        cutout: (h, w, 4) uint8 RGBA, alpha 0 around the thing.
    """
    height, width = picture.labels.shape
    piece = cutout[:, ::-1] if rng.uniform() < 0.5 else cutout
    piece = np.rot90(piece, int(rng.integers(4)))
    size = rng.uniform(0.25, 0.9) * min(height, width) / max(piece.shape[:2])
    sides = [max(2, round(side * size)) for side in piece.shape[1::-1]]
    piece = cv2.resize(np.ascontiguousarray(piece), sides, interpolation=cv2.INTER_AREA)
    h, w = piece.shape[:2]
    border, along = int(rng.integers(4)), float(rng.uniform())
    inside = rng.uniform(0.4, 0.9)
    left = [round(along * (width - w)), round(along * (width - w)), round((inside - 1) * w), round(width - inside * w)]
    top = [
        round((inside - 1) * h),
        round(height - inside * h),
        round(along * (height - h)),
        round(along * (height - h)),
    ]
    x, y = left[border], top[border]
    inner = slice(max(0, y), min(height, y + h)), slice(max(0, x), min(width, x + w))
    part = piece[inner[0].start - y : inner[0].stop - y, inner[1].start - x : inner[1].stop - x]
    rgb, labels = picture.rgb.copy(), picture.labels.copy()
    share = part[..., 3:].astype(np.float32) / 255
    rgb[inner] = _bytes(rgb[inner] * (1 - share) + part[..., :3] * share)
    labels[inner][share[..., 0] > 0.5] = 0
    return Picture(rgb, labels)


def _toned(picture: Picture, gains: np.ndarray, gamma: float) -> Picture:
    """Apply gains in linear light, then a gamma, with a table per channel."""
    level = (np.arange(256) / 255.0) ** 2.2
    curves = np.stack([np.clip(level * gain, 0, 1) ** (gamma / 2.2) for gain in gains], axis=1)
    return picture._replace(rgb=cv2.LUT(picture.rgb, _bytes(255 * curves)[:, None]))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
