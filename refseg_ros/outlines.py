"""The guided filter: moves the outline of a mask's logits to edges of the image that the network saw.

He, Sun and Tang, "Guided Image Filtering" (TPAMI 2013), with a colour image as the guide (Eq. 19 to 21). In a window
around each pixel a linear function of the colours is fitted to the logits, so the logits change only where the colours
do. The functions vary slowly, so they are fitted on a coarser image and brought to the finer one: He and Sun, "Fast
Guided Filter" (arXiv:1505.00996). The cost is a few box filters.
"""

from __future__ import annotations

import cv2
import numpy as np

COARSER = 2
"""How many times coarser the image is on which the functions are fitted; s of the fast guided filter."""

RADIUS = 7 / 256
"""Radius of the windows, as a share of the image's longer side."""

EPSILON = 1e-4
"""Variance of the colours, each in [0, 1], that counts as an edge."""

SURE = 8.0
"""Logits are clipped to plus and minus this, so that very confident insides do not move the outline."""

LEVEL = np.float32(1 / 255)
"""One level of a colour."""


class GuidedFilter:
    """The filter for one image; it can refine any number of masks."""

    def __init__(self, image: np.ndarray) -> None:
        """Compute the colour statistics of an image, (H, W, 3) uint8 RGB."""
        height, width = image.shape[:2]
        self._fine, self._coarse = (width, height), (max(1, width // COARSER), max(1, height // COARSER))
        side = 2 * max(1, round(RADIUS * max(self._coarse))) + 1
        self._window = (side, side)
        self._guide = cv2.split(image)
        coarse = cv2.split(cv2.resize(image, self._coarse, interpolation=cv2.INTER_AREA))
        red, green, blue = self._colours = [plane * LEVEL for plane in coarse]
        mean_red, mean_green, mean_blue = self._means = [self._mean(colour) for colour in self._colours]
        # The covariance of the colours in each window, Sigma_k of Eq. 19, with epsilon on its diagonal.
        pairs = ((red, red), (red, green), (red, blue), (green, green), (green, blue), (blue, blue))
        rr, rg, rb, gg, gb, bb = (self._mean(one * other) for one, other in pairs)
        rr, gg, bb = (x - m * m + np.float32(EPSILON) for x, m in ((rr, mean_red), (gg, mean_green), (bb, mean_blue)))
        rg, rb, gb = rg - mean_red * mean_green, rb - mean_red * mean_blue, gb - mean_green * mean_blue
        # Its inverse, by cofactors.
        first, second, third = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
        determinant = rr * first + rg * second + rb * third
        fourth, fifth, sixth = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        cofactors = np.stack([first, second, third, second, fourth, fifth, third, fifth, sixth])
        self._inverse = (cofactors / determinant).reshape(3, 3, *determinant.shape)

    def refine(self, logits: np.ndarray) -> np.ndarray:
        """Refine a mask.

        Args:
            logits: (h, w) float32 over the whole image.

        Returns:
            (H, W) float32 logits.
        """
        shrinks = logits.shape[1] > self._coarse[0] or logits.shape[0] > self._coarse[1]
        p = cv2.resize(logits, self._coarse, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        p = np.clip(p, -SURE, SURE)
        mean = self._mean(p)
        covariance = [self._mean(colour * p) - m * mean for colour, m in zip(self._colours, self._means, strict=True)]
        a = (self._inverse * covariance).sum(1)  # Eq. 19
        b = mean - (a * self._means).sum(0)  # Eq. 20
        refined = self._finer(b)  # Eq. 21
        for slope, plane in zip(a * LEVEL, self._guide, strict=True):
            share = self._finer(slope)
            share *= plane
            refined += share
        return refined

    def _finer(self, plane: np.ndarray) -> np.ndarray:
        """The mean over windows of a function's coefficient, at the size of the image."""
        return cv2.resize(self._mean(plane), self._fine, interpolation=cv2.INTER_LINEAR)

    def _mean(self, plane: np.ndarray) -> np.ndarray:
        """(H, W) float32 -> each pixel's mean over its window; the image is mirrored at its borders."""
        return cv2.blur(plane, self._window, borderType=cv2.BORDER_REFLECT_101)
