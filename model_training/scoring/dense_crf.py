"""DenseCRF: moves the outline of a mask's logits to the edges of its image.

Krähenbühl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials" (2011), for the two
labels "it" and "not it": mean field with a Potts model, a Gaussian kernel of position and a bilateral one of position
and colour, each normalised symmetrically. Parameters and size are those of the CMSA authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from model_training.scoring.permutohedral import PermutohedralLattice
from refseg_ros.geometry import Letterbox

ITERATIONS = 5

SIDE = 320
"""Longer side of the filtered image in pixels; the kernels' deviations refer to this size."""


@dataclass(frozen=True)
class Kernel:
    """One Gaussian kernel of the pairwise potential."""

    weight: float
    """Cost of a pixel whose label differs from its whole surroundings."""
    position: float
    """Standard deviation in pixels."""
    colour: float | None = None
    """Standard deviation in grey levels (0 to 255); None for a kernel of position only."""

    def features(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 -> (H*W, 2 or 5) float64 in standard deviations."""
        rows, columns = np.indices(image.shape[:2]).reshape(2, -1) / self.position
        if self.colour is None:
            return np.stack([columns, rows], 1)
        return np.column_stack([columns, rows, image.reshape(-1, 3) / self.colour])


KERNELS = (Kernel(weight=3.0, position=3.0), Kernel(weight=10.0, position=20.0, colour=3.0))


class DenseCRF:
    """The CRF for one image; it can refine any number of masks."""

    def __init__(self, image: np.ndarray) -> None:
        """Prepare the kernels of an image, (H, W, 3) uint8 RGB."""
        self._height, self._width = image.shape[:2]
        self._messages = [_Message(kernel, image) for kernel in KERNELS]

    def refine(self, logits: np.ndarray) -> np.ndarray:
        """Refine a mask.

        Args:
            logits: (h, w) float32 over the whole image; resized to the image first.

        Returns:
            (H, W) float32 logits.
        """
        unary = cv2.resize(logits, (self._width, self._height), interpolation=cv2.INTER_LINEAR).ravel()
        refined = unary
        for _ in range(ITERATIONS):
            probability = 0.5 * (1.0 + np.tanh(0.5 * refined))  # the sigmoid, without overflow
            refined = unary + sum(message(probability) for message in self._messages)
        return np.asarray(refined, np.float32).reshape(self._height, self._width)


def at_working_size(image: np.ndarray, letterbox: Letterbox, padding: int) -> np.ndarray:
    """Letterbox an image as for the network, but with a longer side of SIDE pixels.

    Args:
        image: (H, W, 3) uint8 RGB.
        letterbox: of the network's input.
        padding: grey level around the image.
    """
    scale = SIDE / max(letterbox.input_height, letterbox.input_width)
    height, width = round(scale * letterbox.input_height), round(scale * letterbox.input_width)
    return Letterbox.fit(image.shape[0], image.shape[1], height, width).apply(image, padding)


class _Message:
    """The contribution of one kernel to the logits, given the probability of "it" at each pixel."""

    def __init__(self, kernel: Kernel, image: np.ndarray) -> None:
        self._lattice = PermutohedralLattice(kernel.features(image))
        self._scale = 1.0 / np.sqrt(self._lattice.filter(np.ones(self._lattice.points)) + 1e-20)
        self._everywhere = self._lattice.filter(self._scale)
        self._weight = kernel.weight

    def __call__(self, probability: np.ndarray) -> np.ndarray:
        """(n,) -> (n,): the kernel's votes for "it" minus those for "not it"."""
        votes = self._lattice.filter(self._scale * probability)
        return self._weight * self._scale * (2.0 * votes - self._everywhere)
