"""The guided filter: moves the outline of a mask's logits to edges of the image that the network saw.

He, Sun and Tang, "Guided Image Filtering" (TPAMI 2013), with a colour image as the guide (Eq. 19 to 21). In a window
around each pixel a linear function of the colours is fitted to the logits, so the logits change only where the colours
do. The cost is a few box filters.
"""

from __future__ import annotations

import cv2
import numpy as np

RADIUS = 7 / 256
"""Radius of the windows, as a share of the image's longer side."""

EPSILON = 1e-4
"""Variance of the colours, each in [0, 1], that counts as an edge."""

SURE = 8.0
"""Logits are clipped to plus and minus this, so that very confident insides do not move the outline."""


class GuidedFilter:
    """The filter for one image; it can refine any number of masks."""

    def __init__(self, image: np.ndarray) -> None:
        """Compute the colour statistics of an image, (H, W, 3) uint8 RGB."""
        self._height, self._width = image.shape[:2]
        side = 2 * max(1, round(RADIUS * max(image.shape[:2]))) + 1
        self._window = (side, side)
        red, green, blue = self._guide = np.moveaxis(image, 2, 0).astype(np.float32) / np.float32(255)
        mean_red, mean_green, mean_blue = self._means = self._mean(self._guide)
        # The covariance of the colours in each window, Sigma_k of Eq. 19, with epsilon on its diagonal.
        products = np.stack([red * red, red * green, red * blue, green * green, green * blue, blue * blue])
        rr, rg, rb, gg, gb, bb = self._mean(products)
        rr, gg, bb = (x - m * m + np.float32(EPSILON) for x, m in ((rr, mean_red), (gg, mean_green), (bb, mean_blue)))
        rg, rb, gb = rg - mean_red * mean_green, rb - mean_red * mean_blue, gb - mean_green * mean_blue
        # Its inverse, by cofactors.
        first, second, third = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
        determinant = rr * first + rg * second + rb * third
        fourth, fifth, sixth = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        rows = (first, second, third), (second, fourth, fifth), (third, fifth, sixth)
        self._inverse = np.array(rows) / determinant

    def refine(self, logits: np.ndarray) -> np.ndarray:
        """Refine a mask.

        Args:
            logits: (h, w) float32 over the whole image; resized to the image first.

        Returns:
            (H, W) float32 logits.
        """
        p = cv2.resize(logits, (self._width, self._height), interpolation=cv2.INTER_LINEAR)
        p = np.clip(p, -SURE, SURE)
        mean = self._mean(p[None])[0]
        covariance = self._mean(self._guide * p) - self._means * mean
        a = (self._inverse * covariance).sum(1)  # Eq. 19
        b = mean - (a * self._means).sum(0)  # Eq. 20
        refined: np.ndarray = (self._mean(a) * self._guide).sum(0) + self._mean(b[None])[0]  # Eq. 21
        return refined

    def _mean(self, planes: np.ndarray) -> np.ndarray:
        """(n, H, W) float32 -> each pixel's mean over its window; the image is mirrored at its borders."""
        return np.stack([cv2.blur(plane, self._window, borderType=cv2.BORDER_REFLECT_101) for plane in planes])
